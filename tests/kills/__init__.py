"""Real processes, killed and stopped at random moments while customers go on."""
