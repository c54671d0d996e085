"""What a picture is taken of, and a world that looks the same every time."""

from base64 import b32hexencode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from itertools import count
from typing import Final

import attrs
from dependency_injector import providers
from playwright.sync_api import Browser, Page

from markethub.domain.ids import IdPrefix
from markethub.domain.secret import Secret
from markethub.entrypoints.container import Container
from markethub.entrypoints.setting_values import OpsKey, Role
from tests.browser.server import PLAIN, Server, serving
from tests.support.world import World

DESKTOP: Final = (1280, 800)
PHONE: Final = (360, 740)
STAFF: Final = OpsKey(name="mara", role=Role.ADMIN, secret=Secret("mara-key-of-the-pictures"))
"""Who signs in to the console."""


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
    """Ids in the order in which they are asked for, which look like real ones."""

    def __init__(self) -> None:
        self._counts = count(1)

    def new(self, prefix: IdPrefix) -> str:
        number = next(self._counts)
        drawn = b32hexencode(sha256(str(number).encode()).digest()).decode().lower()
        return f"{prefix}_01k9{number:06d}{drawn[:16]}"


@contextmanager
def staged(browser: Browser, screen: Screen) -> Iterator[Stage]:
    """Open a page for ``screen`` in a world of its own."""
    worlds: list[World] = []

    def arrange(container: Container) -> None:
        container.ids.override(providers.Object(CountedIds()))
        worlds.append(World(container))

    with serving(attrs.evolve(PLAIN, ops_keys=(STAFF,)), arrange=arrange) as server:
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
