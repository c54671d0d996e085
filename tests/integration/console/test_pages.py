"""What every page of the console is: its headers, its words for what goes wrong."""

from html.parser import HTMLParser
from typing import Any

import pytest
from dependency_injector import providers

from markethub.entrypoints.console.pages import MEDIA_TYPES, POLICY
from markethub.entrypoints.setting_values import Role
from tests.support.console import Desk, hidden, said

pytestmark = pytest.mark.anyio

PAGES = (
    "/ops/events",
    "/ops/deliveries",
    "/ops/audit",
    "/ops/customers",
    "/ops/customers/c-1",
    "/ops/nothing",
    "/ops/events/evt_none",
)


class Inline(HTMLParser):
    """Finds what a strict policy would forbid, and what comes from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.found += [f"{tag} {name}" for name in given if name == "style" or name[:2] == "on"]
        self.found += [tag] * (tag == "style" or (tag == "script" and "src" not in given))
        for name in ("src", "href", "action", "hx-get"):
            if (value := given.get(name)) and not value.startswith(("/ops", "#")):
                self.found.append(f"{tag} {value}")


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_has_nothing_inline_and_nothing_from_elsewhere(desk: Desk, path: str) -> None:
    await desk.world.save_card()
    await desk.sign_in()
    page = await desk.get(path)

    inline = Inline()
    inline.feed(page.text)

    assert [] == inline.found
    assert POLICY == page.headers["Content-Security-Policy"]
    assert "unsafe" not in POLICY


@pytest.mark.parametrize("path", ["/ops/sign-in", *PAGES])
async def test_a_page_is_kept_by_nobody_and_shown_in_no_frame(desk: Desk, path: str) -> None:
    await desk.sign_in()

    headers = (await desk.get(path)).headers

    assert {
        "cache-control": "no-store",
        "x-frame-options": "DENY",
        "x-content-type-options": "nosniff",
        "strict-transport-security": "max-age=31536000",
    }.items() <= dict(headers).items()


@pytest.mark.parametrize("name", MEDIA_TYPES)
async def test_what_pages_are_drawn_with_may_be_kept_by_its_version(desk: Desk, name: str) -> None:
    answer = await desk.get(f"/ops/static/{name}")

    assert (200, True, "public, max-age=31536000, immutable") == (
        answer.status_code,
        answer.headers["Content-Type"].startswith(MEDIA_TYPES[name]),
        answer.headers["Cache-Control"],
    )


@pytest.mark.parametrize("name", ["VENDOR.md", "..%2Fapp.py", "none.css"])
async def test_no_other_file_is_served(desk: Desk, name: str) -> None:
    answer = await desk.get(f"/ops/static/{name}")

    assert answer.status_code in (303, 404)
    assert "markethub.entrypoints" not in answer.text


async def test_an_address_that_nothing_is_at_is_a_page_that_says_so(desk: Desk) -> None:
    await desk.sign_in()

    page = await desk.get("/ops/nothing/at/all")

    assert 404 == page.status_code
    assert "There is no such page Nothing is at this address." in said(page)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/ops/events?status=nonsense", 400),
        ("/ops/events?cursor=nonsense", 400),
        ("/ops/deliveries?cursor=-1", 400),
        ("/ops/customers?id=%00", 400),
        ("/ops/customers?id=4242424242424242", 400),
        ("/ops/customers?id=" + "x" * 300, 400),
        ("/ops/events/" + "x" * 300, 404),
        ("/ops/customers/c%201", 404),
    ],
)
async def test_a_malformed_address_is_a_page_that_says_so(
    desk: Desk, path: str, status: int
) -> None:
    await desk.sign_in()

    page = await desk.get(path)

    assert status == page.status_code
    assert "admin admin Sign out" in said(page)
    assert "nonsense" not in said(page)


async def test_a_fault_of_ours_is_a_page_without_its_reason(desk: Desk) -> None:
    class Broken:
        async def events(self, *_: Any, **__: Any) -> None:
            raise RuntimeError("password=hunter2")

    desk.world.container.inbox_queries.override(providers.Object(Broken()))
    await desk.sign_in()

    page = await desk.get("/ops/events")

    assert 500 == page.status_code
    assert "Something went wrong on our side" in said(page)
    assert "hunter2" not in page.text


async def test_an_address_cannot_put_words_on_a_page(desk: Desk) -> None:
    await desk.sign_in()

    page = await desk.get("/ops/events?done=Your+account+is+locked,+call+555")

    assert "locked" not in page.text


async def test_what_is_typed_is_text(desk: Desk) -> None:
    await desk.sign_in()

    page = await desk.get("/ops/events?type=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")

    assert 200 == page.status_code
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;" in page.text


async def test_each_form_has_a_key_of_its_own_and_one_token_of_its_session(desk: Desk) -> None:
    await desk.sign_in(Role.SUPPORT)

    tokens = {hidden(await desk.get(path), "csrf") for path in PAGES}

    assert 1 == len(tokens)
