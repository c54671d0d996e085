"""Payments at the console: looked at, captured, canceled, refunded; and a second person."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import attrs
import pytest
from httpx import Response

from markethub.domain.approval import ApprovalLimit
from markethub.domain.audit import AuditAction, Channel
from markethub.domain.facts import CaptureMethod
from markethub.domain.money import Money
from markethub.domain.payment import Payment, PaymentStatus
from markethub.domain.ports.audit import AuditFilter
from markethub.domain.secret import Secret
from markethub.entrypoints.setting_values import OpsKey, Role
from tests.support.app import SETTINGS
from tests.support.console import OWN, Desk, at_desk, said
from tests.support.faults import Fault

pytestmark = pytest.mark.anyio

BOB = OpsKey(name="bob", role=Role.REFUNDER, secret=Secret("bobs-key"))


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with at_desk() as desk:
        await desk.sign_in(Role.REFUNDER)
        yield desk


async def held(desk: Desk) -> Payment:
    await desk.world.register()
    started = await desk.world.charge(capture=CaptureMethod.MANUAL)
    desk.world.pay(started)
    await desk.world.confirm(started.payment)
    return started.payment


def fields_of(page: Response) -> dict[str, str]:
    """Return the hidden fields of the form in the page's middle."""
    form = page.text.split("<main", 1)[1]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))


async def refund(desk: Desk, payment: Payment, **asked: Any) -> tuple[Response, dict[str, str]]:
    """Look at a refund, and return the page with what its form would send."""
    page = await desk.client.get(f"/ops/payments/{payment.id}/refund", params=asked)
    return page, fields_of(page)


async def confirmed(desk: Desk, payment: Payment, fields: dict[str, str]) -> Response:
    return await desk.client.post(f"/ops/payments/{payment.id}/refund", data=fields, headers=OWN)


async def test_payments_are_listed_and_filtered(desk: Desk) -> None:
    first = await desk.world.paid("o-1")
    second = await desk.world.paid("o-2")

    for query, found in (
        ("", [first, second]),
        ("?q=o-2", [second]),
        ("?q=+c-1%20&since=2020-01-01", [first, second]),
        ("?status=canceled", []),
        ("?until=2020-01-01", []),
        ("?trouble=quarantined", []),
        ("?q=o-1&currency=USD", [first]),
        ("?currency=eur", []),
    ):
        page = await desk.get(f"/ops/payments{query}")
        seen = {each.id for each in (first, second) if each.id in page.text}
        assert (200, {each.id for each in found}) == (page.status_code, seen), query


async def test_the_day_until_which_is_asked_for_is_in_the_list(desk: Desk) -> None:
    payment = await desk.world.paid()
    day = payment.created_at.date()

    page = await desk.get(f"/ops/payments?since={day}&until={day}")
    before = await desk.get(f"/ops/payments?until={day - timedelta(days=1)}")

    assert payment.id in page.text
    assert payment.id not in before.text


async def test_an_id_of_a_single_thing_leads_to_its_payment(desk: Desk) -> None:
    payment = await desk.world.paid()
    made = await desk.world.refund(payment, 500)
    paid = await desk.world.payment(payment.id)

    for any_id in (paid.id, paid.intent_id, paid.charge_id, made.id, made.provider_id):
        led = await desk.get(f"/ops/payments?q={any_id}&status=canceled")
        assert (303, f"/ops/payments/{paid.id}") == (led.status_code, led.headers["Location"])
    within = await desk.get(f"/ops/payments?q={paid.id}", **{"HX-Request": "true"})
    assert (200, f"/ops/payments/{paid.id}") == (
        within.status_code,
        within.headers["HX-Redirect"],
    )


@pytest.mark.parametrize("text", ["pi_none", "hello world", "%", "é"])
async def test_what_is_found_nowhere_is_said(desk: Desk, text: str) -> None:
    await desk.world.paid()
    page = await desk.client.get("/ops/payments", params={"q": text})

    assert 200 == page.status_code
    assert f"is found by “{text}”" in said(page)


async def test_the_heads_sort_and_keep_the_filters_and_the_search(desk: Desk) -> None:
    for number in (1, 2):
        await desk.world.paid(f"o-{number}")
    first = await desk.get("/ops/payments?q=c-1&status=succeeded")
    heads = re.findall(r'<th class="sort[^"]*"( aria-sort="\w+")?><a href="([^"]+)"', first.text)
    assert [
        ("", "/ops/payments?q=c-1&amp;status=succeeded&amp;sort=largest"),
        (' aria-sort="descending"', "/ops/payments?q=c-1&amp;status=succeeded&amp;sort=oldest"),
    ] == heads

    oldest = await desk.get("/ops/payments?q=c-1&sort=oldest")
    assert 'aria-sort="ascending"' in oldest.text
    assert '<input type="hidden" name="sort" value="oldest">' in oldest.text
    assert '<a href="/ops/payments?q=c-1">Began' in oldest.text
    ids = re.findall(r'href="/ops/payments/(pay_\w+)"', oldest.text)
    newest = re.findall(r'href="/ops/payments/(pay_\w+)"', first.text)
    assert newest[::-1] == ids


async def test_what_cannot_be_a_filter_is_said(desk: Desk) -> None:
    for query in (
        "since=yesterday",
        "until=9999-12-31",
        "status=gone",
        "trouble=none",
        "currency=gold",
        "sort=random",
        "cursor=none",
    ):
        assert 400 == (await desk.get(f"/ops/payments?{query}")).status_code, query


async def test_a_payments_page_offers_only_what_is_possible_now(desk: Desk) -> None:
    holds = await held(desk)
    page = await desk.get(f"/ops/payments/{holds.id}")
    assert (True, True, False) == tuple(
        f"{holds.id}/{verb}" in page.text for verb in ("capture", "cancel", "refund")
    )

    paid = await desk.world.paid("o-2")
    page = await desk.get(f"/ops/payments/{paid.id}")
    assert (False, False, True) == tuple(
        f"{paid.id}/{verb}" in page.text for verb in ("capture", "cancel", "refund")
    )


async def test_a_part_is_captured_once_however_often_the_form_is_sent(desk: Desk) -> None:
    payment = await held(desk)
    path = f"/ops/payments/{payment.id}"
    fields = {**fields_of(await desk.get(path)), "amount": "20.00", "reason": "the rest is out"}
    for _ in range(2):
        done = await desk.client.post(f"{path}/capture", data=fields, headers=OWN)
        assert (303, f"{path}?done=payment-captured") == (
            done.status_code,
            done.headers["Location"],
        )

    assert 2000 == (await desk.world.payment(payment.id)).captured.minor
    wanted = AuditFilter(action=AuditAction.PAYMENT_CAPTURE)
    [line] = (await desk.world.container.audit_queries().entries(wanted)).items
    assert ("refunder", Channel.CONSOLE, "the rest is out") == (
        line.actor,
        line.channel,
        line.reason,
    )


@pytest.mark.parametrize("amount", ["20.001", "0", "50.01", "-1", "twenty"])
async def test_an_amount_that_does_not_fit_takes_nothing(desk: Desk, amount: str) -> None:
    payment = await held(desk)
    path = f"/ops/payments/{payment.id}"
    fields = {**fields_of(await desk.get(path)), "amount": amount}
    answer = await desk.client.post(f"{path}/capture", data=fields, headers=OWN)

    assert 400 == answer.status_code
    assert PaymentStatus.AUTHORIZED is (await desk.world.payment(payment.id)).status


async def test_a_held_payment_is_given_up(desk: Desk) -> None:
    payment = await held(desk)
    path = f"/ops/payments/{payment.id}"
    answer = await desk.client.post(
        f"{path}/cancel", data=fields_of(await desk.get(path)), headers=OWN
    )

    assert 303 == answer.status_code
    assert PaymentStatus.CANCELED is (await desk.world.payment(payment.id)).status


async def test_a_refund_is_looked_at_before_it_is_made(desk: Desk) -> None:
    payment = await desk.world.paid()
    page, fields = await refund(desk, payment, amount="15.50", why="goodwill", note="late")
    assert "Give 15.50 USD back?" in said(page)
    assert "Left afterwards 34.50 USD" in said(page)
    assert [] == await desk.world.refunds(payment)

    for _ in range(2):  # a double click
        made = await confirmed(desk, payment, fields)
        assert (303, "done=refund-succeeded") == (
            made.status_code,
            made.headers["Location"].partition("?")[2],
        )

    [refunded] = await desk.world.refunds(payment)
    assert (1550, "goodwill", "late", "refunder") == (
        refunded.amount.minor,
        refunded.reason,
        refunded.note,
        refunded.actor,
    )
    assert "15.50 USD arrived" in said(await desk.get(f"/ops/payments/{payment.id}"))


async def test_what_was_looked_at_is_refused_once_the_payment_has_changed(desk: Desk) -> None:
    payment = await desk.world.paid()
    _, fields = await refund(desk, payment, amount="10.00")
    await desk.world.refund(payment, 500)
    answer = await confirmed(desk, payment, fields)

    assert 409 == answer.status_code
    assert "has changed since" in said(answer)
    assert [500] == [each.amount.minor for each in await desk.world.refunds(payment)]


@pytest.mark.parametrize("amount", ["50.01", "0.001", "0", "all"])
async def test_what_cannot_be_given_back_is_said_before(desk: Desk, amount: str) -> None:
    payment = await desk.world.paid()
    page, _ = await refund(desk, payment, amount=amount)

    assert page.status_code in {400, 409}
    assert "Give money back" in said(page)
    assert [] == await desk.world.refunds(payment)


async def test_an_outcome_that_nobody_knows_is_no_failure(desk: Desk) -> None:
    payment = await desk.world.paid()
    _, fields = await refund(desk, payment)
    desk.world.gateway.faults = [Fault.LOST_REPLY]
    answer = await confirmed(desk, payment, fields)

    assert answer.headers["Location"].endswith("done=refund-pending")
    assert 1 == len(desk.world.refunds_at_stripe())


async def test_refunds_are_listed_and_lead_to_their_payment(desk: Desk) -> None:
    payment = await desk.world.paid()
    made = await desk.world.refund(payment, 500)
    page = await desk.get("/ops/refunds?status=succeeded")
    led = await desk.get(f"/ops/refunds/{made.id}")

    assert "5.00" in said(page)
    assert f"/ops/payments/{payment.id}" == led.headers["Location"]
    assert 404 == (await desk.get("/ops/refunds/ref_none")).status_code


async def test_who_may_only_look_finds_no_form_and_sends_none(desk: Desk) -> None:
    payment = await desk.world.paid()
    desk.client.cookies.clear()
    await desk.sign_in(Role.VIEWER)
    page = await desk.get(f"/ops/payments/{payment.id}")

    assert 200 == page.status_code
    assert f"{payment.id}/refund" not in page.text
    sent = await desk.send(f"/ops/payments/{payment.id}/refund", {"amount_minor": "100"})
    assert 403 == sent.status_code
    assert [] == await desk.world.refunds(payment)


async def test_a_reason_that_there_is_not_gives_nothing_back(desk: Desk) -> None:
    payment = await desk.world.paid()
    _, fields = await refund(desk, payment, amount="10.00")
    answer = await confirmed(desk, payment, {**fields, "why": "because"})

    assert 400 == answer.status_code
    assert [] == await desk.world.refunds(payment)


async def test_another_refund_than_the_one_that_waits_is_not_said_to_wait() -> None:
    limit = ApprovalLimit({"usd": Money.of(2000, "usd")})
    async with at_desk(attrs.evolve(SETTINGS, refund_approval_limit=limit)) as desk:
        await desk.sign_in(Role.REFUNDER)
        payment = await desk.world.paid()
        _, fields = await refund(desk, payment, amount="30.00")
        await confirmed(desk, payment, fields)
        _, fields = await refund(desk, payment, amount="40.00")
        answer = await confirmed(desk, payment, fields)

    assert 409 == answer.status_code
    assert "Another refund of the payment waits for a second person: 30.00 USD" in said(answer)


async def test_what_is_too_much_for_one_waits_for_another() -> None:
    settings = attrs.evolve(
        SETTINGS,
        ops_keys=(*SETTINGS.ops_keys, BOB),
        refund_approval_limit=ApprovalLimit({"usd": Money.of(2000, "usd")}),
    )
    async with at_desk(settings) as desk:
        await desk.sign_in(Role.REFUNDER)
        payment = await desk.world.paid()
        page, fields = await refund(desk, payment, amount="30.00")
        asked = await confirmed(desk, payment, fields)
        mine = await desk.get("/ops/approvals")

        assert "too much for one person" in said(page)
        assert asked.headers["Location"].endswith("done=approval-asked")
        assert "Take it back" in mine.text
        assert "Approve, and refund" not in mine.text
        assert "waits for a second person" in said(await desk.get(f"/ops/payments/{payment.id}"))

        path = mine.text.split('action="/ops/approvals/')[1].split("/")[0]
        alone = await desk.send(f"/ops/approvals/{path}/approve", at="/ops/approvals")
        assert 409 == alone.status_code
        assert [] == await desk.world.refunds(payment)

        desk.client.cookies.clear()
        await desk.sign_in(key="bobs-key")
        agreed = await desk.send(
            f"/ops/approvals/{path}/approve", {"reason": "seen it"}, at="/ops/approvals"
        )
        assert agreed.headers["Location"].endswith("done=approval-approved")
        assert [3000] == [each.amount.minor for each in await desk.world.refunds(payment)]
