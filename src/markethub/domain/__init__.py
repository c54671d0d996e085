"""The pure core: entities, ports and use cases. Standard library and attrs only."""
