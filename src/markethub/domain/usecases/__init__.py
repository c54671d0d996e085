"""What the core can be asked to do: one module, one verb, one class."""
