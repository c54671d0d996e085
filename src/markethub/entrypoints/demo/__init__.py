"""The demo storefront: a small shop whose checkout is the example that a storefront copies."""

from markethub.entrypoints.demo.router import demo_routers

__all__ = ["demo_routers"]
