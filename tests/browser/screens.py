"""What a picture is taken of, and a world that looks the same every time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final

import attrs
from dependency_injector import providers
from playwright.sync_api import Browser, Page

from markethub.domain.ids import IdPrefix
from markethub.entrypoints.container import Container
from tests.browser.server import Server, serving
from tests.support.world import World

DESKTOP: Final = (1280, 800)
PHONE: Final = (360, 740)


@attrs.frozen(kw_only=True)
class Stage:
    """An empty page of a server whose clock stands still, and the world behind it.

    The world's use cases belong to the server's loop: ``stage.server.run(stage.world.pay(...))``.
    """

    page: Page
    server: Server
    world: World


@attrs.frozen(kw_only=True)
class Screen:
    """One picture. ``show`` brings the page to what is to be seen."""

    name: str
    show: Callable[[Stage], None]
    size: tuple[int, int] = DESKTOP
    dark: bool = False


class CountedIds:
    """Ids in the order in which they are asked for."""

    def __init__(self) -> None:
        self._counts = count(1)

    def new(self, prefix: IdPrefix) -> str:
        return f"{prefix}_{next(self._counts):026d}"


@contextmanager
def staged(browser: Browser, screen: Screen) -> Iterator[Stage]:
    """Open a page for ``screen`` in a world of its own."""
    worlds: list[World] = []

    def arrange(container: Container) -> None:
        container.ids.override(providers.Object(CountedIds()))
        worlds.append(World(container))

    with serving(arrange=arrange) as server:
        width, height = screen.size
        context = browser.new_context(
            base_url=server.url,
            viewport={"width": width, "height": height},
            color_scheme="dark" if screen.dark else "light",
            locale="en-US",
            timezone_id="UTC",
            reduced_motion="reduce",
        )
        [world] = worlds
        context.clock.set_fixed_time(world.clock.now())
        yield Stage(page=context.new_page(), server=server, world=world)
        context.close()
