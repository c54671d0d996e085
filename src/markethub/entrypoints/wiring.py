"""How the applications are put together from what the container provides."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from litestar.di import Provide
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp

if TYPE_CHECKING:
    from markethub.entrypoints.container import Container


def shared(middleware: ASGIMiddleware) -> Callable[[ASGIApp], ASGIApp]:
    """Return the same middleware for every route.

    Litestar copies routers deeply, and with them whatever their middleware holds: the clock,
    the counts of the limiter, the connections of the store. A function it leaves as it is.
    """

    def wrap(app: ASGIApp) -> ASGIApp:
        return middleware(app)

    return wrap


def provide(container: "Container", name: str) -> Provide:
    """Return the container's provider of this name, for handlers to ask for."""
    provider = getattr(container, name)
    return Provide(
        lambda: provider(),  # noqa: PLW0108 - Litestar takes functions only, a provider is none
        sync_to_thread=False,
    )
