"""What the core calls: the adapters behind its ports."""
