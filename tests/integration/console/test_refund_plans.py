"""Many refunds together at the console: looked at, confirmed by their sum, told one by one."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from html import unescape
from typing import Any

import attrs
import pytest
from httpx import Response

from markethub.domain.approval import ApprovalLimit
from markethub.domain.audit import AuditAction, Channel
from markethub.domain.ids import PaymentId
from markethub.domain.money import Money
from markethub.domain.payment import Payment
from markethub.domain.ports.audit import AuditFilter
from markethub.domain.ports.gateway import Declined
from markethub.domain.refund import RefundReason
from markethub.domain.refund_plan import PlannedRefund, Precondition, RefundPlan
from markethub.entrypoints.console.routes.refund_plans import AT_ONCE, BEGUN_WITHIN, SIDE_BY_SIDE
from markethub.entrypoints.setting_values import Role
from tests.support.app import SETTINGS
from tests.support.console import OWN, Desk, at_desk, said
from tests.support.faults import Crash, Fault

pytestmark = pytest.mark.anyio

PREVIEW = "/ops/refund-plans/preview"
APPLY = "/ops/refund-plans/apply"


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with at_desk() as desk:
        await desk.sign_in(Role.REFUNDER)
        yield desk


async def paid(desk: Desk, order_id: str, *, total: int = 5000, currency: str = "usd") -> Payment:
    await desk.world.register(order_id, total=total, currency=currency)
    started = await desk.world.charge(order_id)
    desk.world.pay(started)
    return (await desk.world.confirm(started.payment)).payment


async def several(desk: Desk, number: int) -> list[Payment]:
    return [await paid(desk, f"o-{each}") for each in range(number)]


async def look(desk: Desk, payments: Sequence[Payment | str], **fields: str) -> Response:
    """Tick some payments in their list, and press its button."""
    ids = [each if isinstance(each, str) else each.id for each in payments]
    chosen = {"id": ids, "why": "goodwill", "note": "the shop was closed", **fields}
    return await desk.send(PREVIEW, chosen, at="/ops/payments")


def form_of(page: Response) -> dict[str, str]:
    """Return the hidden fields of the form in the page's middle."""
    form = page.text.split("<main", 1)[1]
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form)
    return {name: unescape(value) for name, value in found}


def button_of(page: Response) -> str:
    [button] = re.findall(r"<button[^>]*danger[^>]*>(.*?)</button>", page.text)
    return unescape(button)


async def confirm(desk: Desk, fields: dict[str, str]) -> Response:
    return await desk.client.post(APPLY, data=fields, headers=OWN)


async def given_back(desk: Desk, payments: Sequence[Payment]) -> list[list[int]]:
    return [
        [each.amount.minor for each in await desk.world.refunds(payment)] for payment in payments
    ]


async def logged(desk: Desk, action: AuditAction) -> list[Any]:
    page = await desk.world.container.audit_queries().entries(AuditFilter(action=action))
    return list(page.items)


async def test_a_preview_says_what_each_would_give_back_and_the_sums_and_writes_nothing(
    desk: Desk,
) -> None:
    dollars, euros = await paid(desk, "o-1"), await paid(desk, "o-2", total=4500, currency="eur")
    part = await paid(desk, "o-3", total=8000)
    await desk.world.refund(part, 1000)
    page = await look(desk, [dollars, euros, part])

    assert 200 == page.status_code
    assert "Refund 3 payments: 45.00 EUR and 120.00 USD" == button_of(page)
    assert "goodwill: the shop was closed" in said(page)
    assert "80.00 USD 10.00 USD 70.00 USD" in said(page)
    assert [[], [], [1000]] == await given_back(desk, [dollars, euros, part])
    assert [] == await logged(desk, AuditAction.REFUND_PLAN_APPLY)


async def test_a_preview_names_what_cannot_be_refunded_and_why(desk: Desk) -> None:
    payment, empty = await several(desk, 2)
    await desk.world.refund(empty)
    page = await look(desk, [payment, empty, "pay_none"])

    assert "Refund 1 payment: 50.00 USD" == button_of(page)
    assert "Nothing of the payment is left to refund." in said(page)
    assert "No such payment." in said(page)


async def test_where_nothing_can_be_refunded_there_is_nothing_to_press(desk: Desk) -> None:
    page = await look(desk, ["pay_none"])

    assert "None of these can be refunded" in said(page)
    assert APPLY not in page.text


async def test_what_was_looked_at_is_refunded_and_written_down_with_who_and_why(
    desk: Desk,
) -> None:
    payments = [await paid(desk, "o-1"), await paid(desk, "o-2", total=4500, currency="eur")]
    fields = form_of(await look(desk, payments))
    page = await confirm(desk, fields)

    assert 200 == page.status_code
    assert "2 of 2 refunds are made: 45.00 EUR and 50.00 USD" in said(page)
    assert [[5000], [4500]] == await given_back(desk, payments)
    [plan] = await logged(desk, AuditAction.REFUND_PLAN_APPLY)
    assert ("refunder", Channel.CONSOLE, "the shop was closed") == (
        plan.actor,
        plan.channel,
        plan.reason,
    )
    assert {"payments": "2", "in all": "45.00 EUR, 50.00 USD", "reason": "goodwill"} == plan.detail
    lines = await logged(desk, AuditAction.REFUND_REQUEST)
    assert {
        ("refunder", payment.id, "the shop was closed", "goodwill", plan.subject)
        for payment in payments
    } == {
        (each.actor, each.payment_id, each.reason, each.detail["reason"], each.detail["plan"])
        for each in lines
    }


async def test_sent_twice_even_at_once_it_is_one_action(desk: Desk) -> None:
    payments = await several(desk, 2)
    fields = form_of(await look(desk, payments))
    await asyncio.gather(confirm(desk, fields), confirm(desk, fields))
    again = await confirm(desk, fields)

    assert "2 of 2 refunds are made: 100.00 USD" in said(again)
    assert [[5000], [5000]] == await given_back(desk, payments)
    assert 1 == len(await logged(desk, AuditAction.REFUND_PLAN_APPLY))


async def test_a_payment_that_has_changed_is_left_alone_and_the_others_are_refunded(
    desk: Desk,
) -> None:
    changed, other = await several(desk, 2)
    fields = form_of(await look(desk, [changed, other]))
    await desk.world.refund(changed, 500)
    page = await confirm(desk, fields)

    assert "1 of 2 refunds are made: 50.00 USD" in said(page)
    assert "has changed since its refund was planned: 5.00 USD is given back, not 0.00 USD" in (
        said(page)
    )
    assert [[500], [5000]] == await given_back(desk, [changed, other])


async def test_interrupted_and_sent_again_it_goes_on_and_refunds_nothing_twice(
    desk: Desk,
) -> None:
    payments = await several(desk, 3)
    fields = form_of(await look(desk, payments))
    desk.world.gateway.faults = [Fault.CRASH_AFTER]
    with pytest.raises(Crash):
        await confirm(desk, fields)
    page = await confirm(desk, fields)

    assert "3 of 3 refunds are made: 150.00 USD" in said(page)
    assert [[5000]] * 3 == await given_back(desk, payments)
    assert 3 == len(desk.world.refunds_at_stripe())


async def test_an_outcome_that_nobody_knows_is_told_as_such_until_it_is_known(desk: Desk) -> None:
    payments = await several(desk, 2)
    fields = form_of(await look(desk, payments))
    desk.world.gateway.faults = [Fault.LOST_REPLY]
    page = await confirm(desk, fields)

    assert "1 of 2 refunds are made: 50.00 USD" in said(page)
    assert "unknown Nobody knows the outcome yet." in said(page)
    assert "failed" not in said(page)

    desk.world.clock.advance(minutes=1)
    await desk.world.container.recover()()
    again = await confirm(desk, form_of(page))
    assert "2 of 2 refunds are made: 100.00 USD" in said(again)
    assert "Go on" not in said(again)
    assert [[5000], [5000]] == await given_back(desk, payments)


async def test_what_the_provider_refuses_is_told_and_holds_up_no_other(desk: Desk) -> None:
    payments = await several(desk, 2)
    fields = form_of(await look(desk, payments))
    desk.world.gateway.answers = [Declined(code="insufficient_funds")]
    page = await confirm(desk, fields)

    assert "1 of 2 refunds are made: 50.00 USD" in said(page)
    assert "insufficient_funds" in said(page)


async def test_what_is_too_much_for_one_person_is_asked_for() -> None:
    limit = ApprovalLimit({"usd": Money.of(6000, "usd")})
    async with at_desk(attrs.evolve(SETTINGS, refund_approval_limit=limit)) as desk:
        await desk.sign_in(Role.REFUNDER)
        payments = [await paid(desk, "o-1"), await paid(desk, "o-2", total=10000)]
        preview = await look(desk, payments)
        page = await confirm(desk, form_of(preview))

        assert "Refund 1 payment: 50.00 USD; ask for 1 more: 100.00 USD" == button_of(preview)
        assert "1 of 2 refunds are made: 50.00 USD" in said(page)
        assert "awaits approval" in said(page)
        assert "100.00 USD" in said(await desk.get("/ops/approvals"))
        assert [[5000], []] == await given_back(desk, payments)


async def test_a_few_are_under_way_at_a_time(desk: Desk) -> None:
    payments = await several(desk, SIDE_BY_SIDE + 2)
    fields = form_of(await look(desk, payments))
    gateway, under_way, most = desk.world.gateway, 0, 0

    async def answer_slowly() -> None:
        nonlocal under_way, most
        gateway.after_send = answer_slowly
        under_way += 1
        most = max(most, under_way)
        for _ in range(100):
            await asyncio.sleep(0)  # a turn for the others: far more than they need to come so far
        under_way -= 1

    gateway.after_send = answer_slowly
    page = await confirm(desk, fields)

    assert SIDE_BY_SIDE == most
    assert f"{SIDE_BY_SIDE + 2} of {SIDE_BY_SIDE + 2} refunds are made" in said(page)


async def test_with_a_provider_that_is_slow_the_rest_is_left_to_be_gone_on_with(
    desk: Desk,
) -> None:
    payments = await several(desk, 3)
    fields = form_of(await look(desk, payments))

    async def take_long() -> None:
        desk.world.clock.advance(seconds=BEGUN_WITHIN.total_seconds())

    desk.world.gateway.after_send = take_long
    page = await confirm(desk, fields)
    assert "not begun The time was over before it." in said(page)
    assert [] in await given_back(desk, payments)

    rest = await confirm(desk, form_of(page))
    assert "3 of 3 refunds are made" in said(rest)
    assert [[5000]] * 3 == await given_back(desk, payments)


@pytest.mark.parametrize(
    "fields",
    [
        {"id": []},
        {"id": [f"pay_{number}" for number in range(AT_ONCE + 1)]},
        {"id": "pay_1", "why": "because"},
        {"id": "pay_1", "why": ""},
        {"id": "pay_1", "note": "x" * 501},
    ],
    ids=["none", "too many", "another reason", "no reason", "a note of pages"],
)
async def test_what_cannot_be_planned_is_said(desk: Desk, fields: dict[str, Any]) -> None:
    await paid(desk, "o-1")

    assert 400 == (await look(desk, [], **fields)).status_code


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda plan: {**plan, "lines": [{**plan["lines"][0], "amount": 1}]}, 409),
        (lambda plan: {**plan, "hash": "0" * 64}, 409),
        (lambda plan: {"lines": plan["lines"]}, 400),
        (lambda plan: [plan], 400),
    ],
    ids=["another amount", "another hash", "half a plan", "no plan"],
)
async def test_a_plan_that_is_not_as_it_was_shown_is_refused(
    desk: Desk, change: Any, status: int
) -> None:
    payment = await paid(desk, "o-1")
    fields = form_of(await look(desk, [payment]))
    changed = json.dumps(change(json.loads(fields["plan"])))

    assert status == (await confirm(desk, {**fields, "plan": changed})).status_code
    assert 400 == (await confirm(desk, {**fields, "plan": "{"})).status_code
    assert [[]] == await given_back(desk, [payment])


@pytest.mark.parametrize("number", [0, AT_ONCE + 1])
async def test_a_plan_of_none_or_of_too_many_is_refused(desk: Desk, number: int) -> None:
    fields = form_of(await look(desk, [await paid(desk, "o-1")]))
    nothing = Money.of(0, "usd")
    line = PlannedRefund(
        payment_id=PaymentId("pay_none"),
        amount=Money.of(100, "usd"),
        precondition=Precondition(captured=nothing, given_back=nothing),
    )
    plan = RefundPlan(
        created_at=datetime(2026, 11, 2, tzinfo=UTC),
        reason=RefundReason.OTHER,
        lines=(line,) * number,
    )

    answer = await confirm(desk, {**fields, "plan": json.dumps(plan.document())})
    assert 400 == answer.status_code


@pytest.mark.parametrize(
    "note", ["a\0", "\ud800", "4242 4242 4242 4242"], ids=["nul", "half a letter", "card"]
)
async def test_a_note_that_must_not_be_kept_is_not_brought_in_by_a_plan(
    desk: Desk, note: str
) -> None:
    payment = await paid(desk, "o-1")
    fields = form_of(await look(desk, [payment]))
    plan = attrs.evolve(RefundPlan.read(json.loads(fields["plan"])), note=note)
    spelled = json.dumps(plan.document()).replace("4242", "\\u003424\\u0032")

    assert 400 == (await confirm(desk, {**fields, "plan": spelled})).status_code
    assert [[]] == await given_back(desk, [payment])


async def test_a_form_that_no_page_of_ours_rendered_refunds_nothing(desk: Desk) -> None:
    payment = await paid(desk, "o-1")
    fields = form_of(await look(desk, [payment]))

    assert 403 == (await confirm(desk, {**fields, "csrf": "0" * 64})).status_code
    assert 400 == (await confirm(desk, {**fields, "key": ""})).status_code
    assert [[]] == await given_back(desk, [payment])


async def test_only_what_is_refundable_has_a_box_and_only_for_whom_may_refund(
    desk: Desk,
) -> None:
    payment, empty = await several(desk, 2)
    await desk.world.refund(empty)
    boxes = {}
    for role in Role:
        desk.client.cookies.clear()
        await desk.sign_in(role)
        page = await desk.get("/ops/payments")
        boxes[role] = re.findall(r'name="id" value="(\w+)"', page.text)

    assert {
        Role.VIEWER: [],
        Role.SUPPORT: [],
        Role.REFUNDER: [payment.id],
        Role.ADMIN: [payment.id],
    } == boxes


@pytest.mark.parametrize("role", [Role.VIEWER, Role.SUPPORT])
async def test_who_may_not_refund_is_refused_and_written_down(desk: Desk, role: Role) -> None:
    payment = await paid(desk, "o-1")
    fields = form_of(await look(desk, [payment]))
    desk.client.cookies.clear()
    await desk.sign_in(role)
    looked = await desk.send(PREVIEW, {"id": payment.id, "why": "other"})
    sent = await desk.send(APPLY, {"plan": fields["plan"], "key": fields["key"]})

    assert [403, 403] == [looked.status_code, sent.status_code]
    assert [f"POST {APPLY}", f"POST {PREVIEW}"] == [
        each.detail["asked_for"] for each in await logged(desk, AuditAction.CONSOLE_DENIED)
    ]
    assert [[]] == await given_back(desk, [payment])
