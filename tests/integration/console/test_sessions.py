"""Who is signed in to the console, since when and for how long."""

import attrs
import pytest
from httpx import Headers

from markethub.domain.secret import Secret
from markethub.entrypoints.http.limits import Limits, Rate
from markethub.entrypoints.setting_values import OpsKey, Role
from tests.support.app import SETTINGS, bearer
from tests.support.console import BROWSER, OWN, SESSION, VISITOR, Desk, at_desk, hidden, said

pytestmark = pytest.mark.anyio

INSIDE = "/ops/events"


async def is_inside(desk: Desk) -> bool:
    return (await desk.get(INSIDE)).status_code == 200


async def test_who_is_not_signed_in_is_sent_to_sign_in(desk: Desk) -> None:
    response = await desk.get("/ops/events?status=dead")

    assert (303, "/ops/sign-in?next=%2Fops%2Fevents%3Fstatus%3Ddead") == (
        response.status_code,
        response.headers["Location"],
    )


async def test_a_key_of_the_staff_signs_in_and_shows_who_it_is(desk: Desk) -> None:
    answer = await desk.sign_in(Role.REFUNDER)

    page = await desk.get(INSIDE)
    assert (303, "/ops", 200) == (
        answer.status_code,
        answer.headers["Location"],
        page.status_code,
    )
    assert "refunder refunder Sign out" in said(page)


async def test_after_signing_in_the_page_that_was_asked_for_is_shown(desk: Desk) -> None:
    form = await desk.get("/ops/sign-in?next=/ops/events?status=dead")

    answer = await desk.client.post(
        "/ops/sign-in",
        data={
            "csrf": hidden(form, "csrf"),
            "next": hidden(form, "next"),
            "ops_key": "viewer-key",
        },
        headers=OWN,
    )

    assert "/ops/events?status=dead" == answer.headers["Location"]


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.test/ops",
        "//evil.test/ops",
        "/ops//evil.test",
        "/\\evil.test",
        "/ops@evil.test",
        "/opsevil",
        "/api/payments",
        "/ops/a\r\nSet-Cookie: x=y",
        "javascript:alert(1)",
    ],
)
async def test_signing_in_leads_nowhere_else(desk: Desk, elsewhere: str) -> None:
    form = await desk.get("/ops/sign-in")

    answer = await desk.client.post(
        "/ops/sign-in",
        data={"csrf": hidden(form, "csrf"), "next": elsewhere, "ops_key": "viewer-key"},
        headers=OWN,
    )

    assert (303, "/ops") == (answer.status_code, answer.headers["Location"])


@pytest.mark.parametrize(
    "key", ["", "viewer-kez", "storefront-key", "x" * 5000, "viewer", "viewer-key,admin-key"]
)
async def test_what_is_no_key_of_the_staff_opens_nothing(desk: Desk, key: str) -> None:
    form = await desk.get("/ops/sign-in")

    answer = await desk.client.post(
        "/ops/sign-in",
        data={"csrf": hidden(form, "csrf"), "next": "", "ops_key": key},
        headers=OWN,
    )

    assert (401, True) == (answer.status_code, "No key of the staff" in said(answer))
    assert desk.cookie() is None


async def test_a_refused_key_is_not_shown_again(desk: Desk) -> None:
    answer = await desk.sign_in(key="a-key-with-one-letter-wrong")

    assert "a-key-with-one-letter-wrong" not in answer.text


async def test_a_customers_token_does_not_sign_in(desk: Desk) -> None:
    answer = await desk.sign_in(key="eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjLTEifQ.c2ln")

    assert 401 == answer.status_code


async def test_the_cookies_are_for_this_host_and_this_browser_alone(desk: Desk) -> None:
    page = await desk.get("/ops/sign-in")
    answer = await desk.sign_in()

    session, forgotten, browser = answer.headers.get_list("Set-Cookie")
    attributes = "; HttpOnly; Path=/; SameSite=strict; Secure"
    assert f"{VISITOR}=" == page.headers["Set-Cookie"][: len(VISITOR) + 1]
    assert page.headers["Set-Cookie"].endswith(attributes)
    assert session.startswith(f"{SESSION}=")
    assert session.endswith(attributes)
    assert forgotten.startswith(f"{VISITOR}=")
    assert "Max-Age=0" in forgotten
    assert browser.startswith(f"{BROWSER}=")
    assert browser.endswith("; HttpOnly; Max-Age=7776000; Path=/; SameSite=strict; Secure")


async def test_signing_out_ends_the_session_for_whoever_has_the_cookie(desk: Desk) -> None:
    await desk.sign_in()
    token = desk.cookie()
    assert token is not None

    answer = await desk.send("/ops/sign-out", at=INSIDE)

    assert (303, "/ops/sign-in?done=signed-out") == (
        answer.status_code,
        answer.headers["Location"],
    )
    assert desk.cookie() is None
    desk.hold(token)
    assert not await is_inside(desk)


async def test_a_session_that_was_planted_is_never_the_one_that_is_signed_in(desk: Desk) -> None:
    desk.hold("planted-by-somebody-who-waits-for-it-to-be-signed-in")
    form = await desk.get("/ops/sign-in")

    await desk.client.post(
        "/ops/sign-in",
        data={"csrf": hidden(form, "csrf"), "next": "", "ops_key": "admin-key"},
        headers=OWN,
    )

    desk.hold("planted-by-somebody-who-waits-for-it-to-be-signed-in")
    assert not await is_inside(desk)


async def test_signing_in_again_ends_the_session_before(desk: Desk) -> None:
    form = await desk.get("/ops/sign-in")
    fields = {"csrf": hidden(form, "csrf"), "next": ""}
    visitor = desk.cookie(VISITOR)
    await desk.client.post("/ops/sign-in", data={**fields, "ops_key": "viewer-key"}, headers=OWN)
    first = desk.cookie()
    assert first is not None
    assert visitor is not None

    desk.client.cookies.set(VISITOR, visitor, domain="shop.test", path="/")
    await desk.client.post("/ops/sign-in", data={**fields, "ops_key": "admin-key"}, headers=OWN)

    assert first != desk.cookie()
    assert await is_inside(desk)
    desk.hold(first)
    assert not await is_inside(desk)


async def test_a_session_that_nobody_uses_ends_after_half_an_hour(desk: Desk) -> None:
    await desk.sign_in()

    desk.world.clock.advance(minutes=29, seconds=59)
    before = await is_inside(desk)
    desk.world.clock.advance(minutes=30)

    assert (True, False) == (before, await is_inside(desk))


async def test_a_session_that_is_used_goes_on(desk: Desk) -> None:
    await desk.sign_in()

    inside = []
    for _ in range(5):
        desk.world.clock.advance(minutes=20)
        inside.append(await is_inside(desk))

    assert [True] * 5 == inside


async def test_a_session_ends_after_twelve_hours_however_it_is_used(desk: Desk) -> None:
    await desk.sign_in()

    inside = []
    for _ in range(36):
        desk.world.clock.advance(minutes=20)
        inside.append(await is_inside(desk))

    assert [True] * 35 + [False] == inside


async def test_a_session_that_is_over_is_forgotten(desk: Desk) -> None:
    await desk.sign_in()
    desk.world.clock.advance(minutes=30)
    await is_inside(desk)

    desk.world.clock.advance(minutes=-30)

    assert not await is_inside(desk)


@pytest.mark.parametrize(
    "keys",
    [
        (),
        (OpsKey(name="mara", role=Role.ADMIN, secret=Secret("another")),),
        (OpsKey(name="marb", role=Role.ADMIN, secret=Secret("the-key")),),
    ],
    ids=["the key is gone", "another secret has its name", "another name has its secret"],
)
async def test_a_session_ends_with_its_key(keys: tuple[OpsKey, ...]) -> None:
    key = OpsKey(name="mara", role=Role.ADMIN, secret=Secret("the-key"))
    async with at_desk(attrs.evolve(SETTINGS, ops_keys=(key,))) as before:
        await before.sign_in(key="the-key")
        token = before.cookie()
        assert token is not None
        assert await is_inside(before)
        store = before.world.container.staff_sessions()

        changed = attrs.evolve(SETTINGS, ops_keys=keys)
        async with at_desk(changed, sessions=store) as after:
            after.hold(token)

            assert not await is_inside(after)


async def test_a_session_has_the_role_that_its_key_has_now() -> None:
    key = OpsKey(name="mara", role=Role.ADMIN, secret=Secret("the-key"))
    async with at_desk(attrs.evolve(SETTINGS, ops_keys=(key,))) as before:
        await before.sign_in(key="the-key")
        token = before.cookie()
        assert token is not None
        lowered = attrs.evolve(SETTINGS, ops_keys=(attrs.evolve(key, role=Role.VIEWER),))
        store = before.world.container.staff_sessions()
        async with at_desk(lowered, sessions=store) as after:
            after.hold(token)

            assert "mara viewer Sign out" in said(await after.get(INSIDE))


async def test_what_the_store_holds_signs_nobody_in(desk: Desk) -> None:
    await desk.sign_in()
    token = desk.cookie()
    assert token is not None
    store = desk.world.container.staff_sessions()
    (session,) = store._sessions.values()

    opened = []
    for stolen in (session.id, session.proof, session.name):
        desk.hold(stolen)
        opened.append(await is_inside(desk))

    assert [False] * 3 == opened
    assert token not in repr(session)
    assert "admin-key" not in repr(session)


async def test_a_session_that_was_written_into_the_store_signs_nobody_in(desk: Desk) -> None:
    await desk.sign_in(Role.VIEWER)
    store = desk.world.container.staff_sessions()
    (session,) = store._sessions.values()

    await store.begin(attrs.evolve(session, name="admin"))

    assert not await is_inside(desk)


async def test_a_bearer_token_opens_nothing_here(desk: Desk) -> None:
    response = await desk.get(INSIDE, **bearer("admin-key"))

    assert 303 == response.status_code


async def test_the_cookie_opens_nothing_of_the_api(desk: Desk) -> None:
    await desk.sign_in()

    answers = [
        (await desk.get(path)).status_code for path in ("/api/payments", "/api/refunds", "/metrics")
    ]

    assert [401] * 3 == answers


async def test_a_guesser_of_keys_is_slowed_down() -> None:
    limits = Limits(sign_in=Rate(burst=3, per_second=0.2))
    async with at_desk(limits=limits) as desk:
        tries = [(await desk.sign_in(key="guessed")).status_code for _ in range(3)]
        slowed = await desk.sign_in()
        desk.world.clock.advance(seconds=5)
        later = await desk.sign_in()

    assert [401, 401, 401] == tries
    assert (429, "5") == (slowed.status_code, slowed.headers["Retry-After"])
    assert 303 == later.status_code


async def test_a_guesser_behind_the_same_proxy_keeps_nobody_out_who_was_here_before() -> None:
    limits = Limits(sign_in=Rate(burst=3, per_second=0.2), address=Rate(burst=60, per_second=1))
    async with at_desk(limits=limits) as desk:
        await desk.sign_in()
        browser = desk.cookie(BROWSER)
        assert browser is not None
        desk.client.cookies.clear()
        for _ in range(3):
            await desk.sign_in(key="guessed")
        newcomer = await desk.sign_in()
        while (await desk.get("/ops/sign-in")).status_code != 429:
            pass
        desk.client.cookies.set(BROWSER, browser, domain="shop.test", path="/")
        known = await desk.sign_in()

    assert (429, 303) == (newcomer.status_code, known.status_code)


async def test_signing_in_again_gains_no_tries() -> None:
    async with at_desk(limits=Limits(sign_in=Rate(burst=3, per_second=0.2))) as desk:
        tries = []
        for _ in range(5):
            tries.append((await desk.sign_in()).status_code)
            desk.client.cookies.delete(SESSION)

    assert [303, 303, 303, 303, 429] == tries


async def test_a_browser_that_is_known_is_slowed_down_all_the_same() -> None:
    async with at_desk(limits=Limits(sign_in=Rate(burst=3, per_second=0.2))) as desk:
        await desk.sign_in()
        desk.client.cookies.delete(SESSION)
        tries = [(await desk.sign_in(key="guessed")).status_code for _ in range(4)]

    assert [401, 401, 401, 429] == tries


@pytest.mark.parametrize(
    "browser",
    ["", "n", "n.p", "n..admin", "n.p.nobody", f"n.{'a' * 64}.admin", "\xe9.\xe9.admin"],
)
async def test_what_no_sign_in_left_makes_no_browser_known(browser: str) -> None:
    limits = Limits(sign_in=Rate(burst=1, per_second=0.2))
    async with at_desk(limits=limits) as desk:
        await desk.sign_in(key="guessed")
        form = await desk.get("/ops/sign-in")
        cookies = f"{BROWSER}={browser}; {VISITOR}={desk.cookie(VISITOR)}"
        answer = await desk.client.post(
            "/ops/sign-in",
            data={"csrf": hidden(form, "csrf"), "ops_key": "admin-key"},
            headers=Headers({**OWN, "Cookie": cookies}, encoding="latin-1"),
        )

    assert 429 == answer.status_code


async def test_what_makes_a_browser_known_opens_nothing(desk: Desk) -> None:
    await desk.sign_in()
    browser = desk.cookie(BROWSER)
    assert browser is not None
    desk.hold(browser)
    desk.client.cookies.set(BROWSER, browser, domain="shop.test", path="/")

    assert 303 == (await desk.get("/ops/payments")).status_code


async def test_a_fragment_whose_session_is_over_sends_the_whole_page_to_sign_in(
    desk: Desk,
) -> None:
    response = await desk.get(INSIDE, **{"HX-Request": "true"})

    assert (401, "/ops/sign-in?next=%2Fops%2Fevents") == (
        response.status_code,
        response.headers["HX-Redirect"],
    )


async def test_who_is_signed_in_is_not_asked_again(desk: Desk) -> None:
    await desk.sign_in()

    response = await desk.get("/ops/sign-in?next=/ops/events")

    assert (303, "/ops/events") == (response.status_code, response.headers["Location"])
