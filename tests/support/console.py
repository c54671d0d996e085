"""A browser at the console, without the browser: cookies, forms, and what pages say."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from html import unescape
from typing import Any, Final

import attrs
from dependency_injector import providers
from httpx import ASGITransport, AsyncClient, Response

from markethub.domain.ports.sessions import StaffSessions
from markethub.entrypoints.container import build_container
from markethub.entrypoints.http.app import create_app
from markethub.entrypoints.http.limits import Limits
from markethub.entrypoints.setting_values import Role
from markethub.entrypoints.settings import Settings
from tests.support.app import SETTINGS
from tests.support.world import World

HOST: Final = "https://shop.test"
OWN: Final = {"Origin": HOST, "Sec-Fetch-Site": "same-origin"}
"""What a browser says of a form that a page of ours sent."""
SESSION: Final = "__Host-markethub_ops"
VISITOR: Final = "__Host-markethub_ops_visitor"
BROWSER: Final = "__Host-markethub_ops_browser"
_HIDDEN: Final = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')


def hidden(response: Response, name: str) -> str:
    """Return the value of a page's first hidden field of that name."""
    found: list[tuple[str, str]] = _HIDDEN.findall(response.text)
    return next(value for each, value in found if each == name)


def said(response: Response) -> str:
    """Return the words of a page, without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.text)).split())


@attrs.frozen
class Desk:
    """Somebody's browser at the console, and the world behind it."""

    world: World
    client: AsyncClient

    async def get(self, path: str, **headers: str) -> Response:
        return await self.client.get(path, headers=headers)

    async def sign_in(self, role: Role = Role.ADMIN, *, key: str | None = None) -> Response:
        """Open the form and send it, as a person does."""
        form = await self.get("/ops/sign-in")
        fields = {"csrf": hidden(form, "csrf"), "ops_key": key or f"{role}-key", "next": ""}
        return await self.client.post("/ops/sign-in", data=fields, headers=OWN)

    async def send(
        self,
        path: str,
        fields: Mapping[str, Any] | None = None,
        *,
        at: str = "/ops/customers",
        headers: Mapping[str, str] = OWN,
    ) -> Response:
        """Open the page ``at`` and send a form with its token, and its key if it has one."""
        page = await self.get(at)
        found = dict(reversed(_HIDDEN.findall(page.text)))
        sent = {name: found[name] for name in ("csrf", "key") if name in found}
        return await self.client.post(path, data={**sent, **(fields or {})}, headers=headers)

    def cookie(self, name: str = SESSION) -> str | None:
        return next((each.value for each in self.client.cookies.jar if each.name == name), None)

    def hold(self, token: str) -> None:
        """Let this browser have that session's cookie."""
        self.client.cookies.clear()
        self.client.cookies.set(SESSION, token, domain="shop.test", path="/")


@asynccontextmanager
async def at_desk(
    settings: Settings = SETTINGS,
    *,
    limits: Limits | None = None,
    sessions: StaffSessions | None = None,
) -> AsyncIterator[Desk]:
    """Serve the application to one browser; nothing runs beside it.

    ``sessions`` are those of another process that has the same database.
    """
    world = World(build_container(settings))
    if sessions is not None:
        world.container.staff_sessions.override(providers.Object(sessions))
    app = create_app(world.container, lifespan=[], limits=limits)
    transport = ASGITransport(app=app)  # type: ignore[arg-type]  # narrower types, same protocol
    async with AsyncClient(transport=transport, base_url=HOST) as client:
        yield Desk(world=world, client=client)
