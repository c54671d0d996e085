"""Who calls the core: HTTP, the command line and the simulated account's HTTP door."""
