"""MarketHub: a payments core that can be proved offline."""

__version__ = "0.1.0"
