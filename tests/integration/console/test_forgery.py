"""What another site can make a browser send does nothing at the console."""

from collections.abc import Mapping

import pytest

from markethub.domain.ids import CustomerId
from markethub.entrypoints.setting_values import Role
from tests.support.console import HOST, OWN, VISITOR, Desk, at_desk, hidden

pytestmark = pytest.mark.anyio

METHODS = "/ops/customers/c-1"


async def with_a_card(desk: Desk) -> str:
    """Sign in, and return the address at which the customer's second card is made the default."""
    await desk.sign_in(Role.SUPPORT)
    await desk.world.save_card()
    second = await desk.world.save_card("5555555555554444")
    return f"{METHODS}/methods/{second.id}/default"


async def defaults(desk: Desk) -> list[bool]:
    found = await desk.world.container.queries().methods(CustomerId("c-1"))
    return [method.is_default for method in found]


UNTOUCHED = [True, False]


async def test_a_form_of_a_page_of_ours_is_taken(desk: Desk) -> None:
    address = await with_a_card(desk)

    answer = await desk.send(address)

    assert (303, [False, True]) == (answer.status_code, await defaults(desk))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.test"},
        {"Origin": "https://evil.test", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://shop.test.evil.test", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://shop.test:8443", "Sec-Fetch-Site": "same-site"},
        {"Origin": HOST, "Sec-Fetch-Site": "cross-site"},
        {"Origin": HOST, "Sec-Fetch-Site": "same-site"},
        {"Origin": HOST, "Sec-Fetch-Site": "none"},
        {"Origin": "https://[shop.test"},
        {"Origin": ""},
    ],
    ids=lambda headers: " ".join(headers.values()) or "nothing",
)
async def test_a_form_from_elsewhere_is_refused_even_with_its_token(
    desk: Desk, headers: Mapping[str, str]
) -> None:
    address = await with_a_card(desk)

    answer = await desk.send(address, headers=headers)

    assert (403, UNTOUCHED) == (answer.status_code, await defaults(desk))


@pytest.mark.parametrize("headers", [OWN, {"Origin": HOST}, {"Sec-Fetch-Site": "same-origin"}])
async def test_either_word_of_the_browser_is_enough(desk: Desk, headers: Mapping[str, str]) -> None:
    address = await with_a_card(desk)

    answer = await desk.send(address, headers=headers)

    assert 303 == answer.status_code


@pytest.mark.parametrize("token", ["", "0" * 64, "é", "null"])
async def test_a_form_without_its_token_is_refused(desk: Desk, token: str) -> None:
    address = await with_a_card(desk)

    answer = await desk.send(address, {"csrf": token})

    assert (403, UNTOUCHED) == (answer.status_code, await defaults(desk))


async def test_a_token_in_the_address_is_none(desk: Desk) -> None:
    address = await with_a_card(desk)
    token = hidden(await desk.get("/ops/customers"), "csrf")

    answer = await desk.client.post(f"{address}?csrf={token}", data={"a": "b"}, headers=OWN)

    assert (403, UNTOUCHED) == (answer.status_code, await defaults(desk))


async def test_the_token_of_another_session_is_refused(desk: Desk) -> None:
    address = await with_a_card(desk)
    async with at_desk() as other:
        await other.sign_in(Role.SUPPORT)
        foreign = hidden(await other.get("/ops/customers"), "csrf")

    answer = await desk.send(address, {"csrf": foreign})

    assert (403, UNTOUCHED) == (answer.status_code, await defaults(desk))


async def test_the_token_of_the_sign_in_form_is_none_of_the_session(desk: Desk) -> None:
    before = hidden(await desk.get("/ops/sign-in"), "csrf")
    address = await with_a_card(desk)

    answer = await desk.send(address, {"csrf": before})

    assert (403, UNTOUCHED) == (answer.status_code, await defaults(desk))


async def test_nobody_can_be_signed_in_by_another_site(desk: Desk) -> None:
    theirs = hidden(await desk.get("/ops/sign-in"), "csrf")
    desk.client.cookies.delete(VISITOR)

    answer = await desk.client.post(
        "/ops/sign-in",
        data={"csrf": theirs, "next": "", "ops_key": "viewer-key"},
        headers=OWN,
    )

    assert (403, None) == (answer.status_code, desk.cookie())


async def test_nobody_can_be_signed_out_by_another_site(desk: Desk) -> None:
    await desk.sign_in()

    await desk.client.post("/ops/sign-out", headers={"Origin": "https://evil.test"})

    assert 200 == (await desk.get("/ops/events")).status_code


async def test_a_body_that_is_no_form_is_refused(desk: Desk) -> None:
    address = await with_a_card(desk)

    answer = await desk.client.post(address, json={"csrf": "x"}, headers=OWN)

    assert (415, UNTOUCHED) == (answer.status_code, await defaults(desk))


async def test_looking_at_an_address_that_does_something_does_nothing(desk: Desk) -> None:
    address = await with_a_card(desk)

    answer = await desk.get(address)

    assert (405, UNTOUCHED) == (answer.status_code, await defaults(desk))


async def test_a_method_that_no_form_has_is_refused(desk: Desk) -> None:
    address = await with_a_card(desk)

    answers = [
        (await desk.client.request(method, address, headers=OWN)).status_code
        for method in ("PUT", "DELETE", "PATCH")
    ]

    assert ([405] * 3, UNTOUCHED) == (answers, await defaults(desk))
