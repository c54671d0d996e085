"""A payment's page: its whole story on one time line, and only what is possible now."""

import re
from collections.abc import AsyncIterator

import pytest
from httpx import Response

from markethub.domain.audit import Act, AuditAction, AuditEntry
from markethub.domain.facts import CaptureMethod
from markethub.domain.ids import EventId
from markethub.domain.ports.history import LAST
from markethub.domain.ports.unit_of_work import Transaction
from markethub.entrypoints.setting_values import Role
from tests.support.console import Desk, at_desk, said
from tests.support.disputed import Disputed
from tests.support.faults import Fault
from tests.support.stores import START

pytestmark = pytest.mark.anyio

STEP = re.compile(r"<li>(.*?)</li>", re.DOTALL)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with at_desk() as desk:
        await desk.sign_in(Role.REFUNDER)
        yield desk


async def told(desk: Desk, payment_id: str) -> list[str]:
    """Return the words of each step."""
    page = await desk.get(f"/ops/payments/{payment_id}")
    line = page.text.split('<ol class="story line">')[1].split("</ol>")[0]
    return [said(Response(200, text=step)) for step in STEP.findall(line)]


def holding(steps: list[str], *words: str) -> list[str]:
    return [step for step in steps if all(word in step for word in words)]


async def test_a_story_names_what_was_asked_heard_posted_and_told(desk: Desk) -> None:
    payment = await desk.world.paid()
    steps = await told(desk, payment.id)

    assert holding(steps[:1], "payment", "The payment of 50.00 USD began")
    intent = str(payment.intent_id)
    assert holding(steps, "request", "asked to make the payment intent", "done", intent)
    assert holding(steps, "event", "payment_intent.succeeded", "processed", "evt_")
    charge = str(payment.charge_id)
    posted = ("ledger", "Charge: 50.00 USD", "debit provider balance, credit sales", charge)
    assert holding(steps, *posted)
    assert holding(steps, "ledger", "Fee:", "txn_")
    assert holding(steps, "shop", "The storefront is told order.paid", "pending", "msg_")


async def test_a_story_is_told_in_the_order_of_time(desk: Desk) -> None:
    payment = await desk.world.paid()
    desk.world.clock.advance(minutes=5)
    await desk.world.refund(payment, 500)
    steps = await told(desk, payment.id)

    times = [step[:19] for step in steps]
    assert sorted(times) == times
    kinds = [step.split()[2] for step in steps if step.startswith(times[-1])]
    assert ["staff", "request", "refund", "ledger", "shop"] == list(dict.fromkeys(kinds))


async def test_a_refund_is_told_with_who_why_and_the_providers_ids(desk: Desk) -> None:
    payment = await desk.world.paid()
    made = await desk.world.refund(payment, 500, note="came late")
    steps = await told(desk, payment.id)

    assert holding(steps, "staff", "A refund was asked for: 5.00 USD", "by ada (api)", made.id)
    asked = ("request", "asked to give back 5.00 USD", "done", str(made.provider_id))
    assert holding(steps, *asked)
    assert holding(steps, "refund", "5.00 USD arrived", "by ada", "came late", made.id)
    assert holding(steps, "ledger", "Refund: 5.00 USD", "txn_")


async def test_events_lead_to_their_pages_and_who_replayed_one_is_told(desk: Desk) -> None:
    payment = await desk.world.paid()
    page = await desk.get(f"/ops/payments/{payment.id}")
    [event_id, *_] = re.findall(r'href="/ops/events/(evt_\w+)"', page.text)
    replay = desk.world.container.replay_event()
    desk.world.clock.advance(minutes=5)
    await replay(EventId(event_id), act=Act(actor="ada", reason="it was missed"))
    steps = await told(desk, payment.id)

    event = await desk.get(f"/ops/events/{event_id}")
    assert f'href="/ops/payments?q={payment.intent_id}"' in event.text
    of_intent = await desk.get(f"/ops/events?about={payment.intent_id}&status=pending")
    assert [event_id] == re.findall(r'href="/ops/events/(evt_\w+)"', of_intent.text)
    assert holding(steps, "staff", "begin anew", "by ada", "it was missed", event_id)
    assert holding(steps, "event", "begun anew at", event_id)


async def test_a_dispute_is_told_with_what_was_asked_about_it(desk: Desk) -> None:
    case = Disputed(desk.world)
    payment = await case.pay()
    dispute = await case.open()
    await case.draft(dispute.id, product_description="tea")
    await case.submit(dispute.id)
    steps = await told(desk, payment.id)

    opened = ("dispute", "opened a dispute: 50.00 USD", dispute.id, dispute.provider_id)
    assert holding(steps, *opened)
    handed = ("request", "hand the evidence to the bank", "done", dispute.provider_id)
    assert holding(steps, *handed)
    assert holding(steps, "event", "charge.dispute.created")


async def test_a_declined_card_is_told(desk: Desk) -> None:
    await desk.world.register()
    started = await desk.world.charge()
    desk.world.pay(started, "4000000000000002")
    await desk.world.work()
    steps = await told(desk, started.payment.id)

    assert holding(steps, "event", "payment_intent.payment_failed")
    assert holding(steps, "shop", "payment.failed", "card_declined")


async def test_while_an_outcome_is_unknown_that_is_said_and_nothing_is_offered(desk: Desk) -> None:
    payment = await desk.world.paid()
    desk.world.gateway.faults = [Fault.LOST_REPLY]
    await desk.world.refund(payment, 500)
    path = f"/ops/payments/{payment.id}"
    unknown = await desk.get(path)
    await desk.world.recover()
    known = await desk.get(path)

    assert "its outcome is not known yet" in said(unknown)
    assert f'action="{path}' not in unknown.text
    assert "outcome is not known" not in said(known)
    assert f'action="{path}/refund"' in known.text


async def test_an_attempt_that_was_repeated_says_which_it_was(desk: Desk) -> None:
    await desk.world.register()
    started = await desk.world.charge(capture=CaptureMethod.MANUAL)
    desk.world.pay(started)
    await desk.world.confirm(started.payment)
    desk.world.gateway.faults = [Fault.STORED_500]
    path = f"/ops/payments/{started.payment.id}"
    await desk.send(f"{path}/capture", {"reason": "it is sent"}, at=path)
    await desk.world.recover()
    steps = await told(desk, started.payment.id)

    assert holding(steps, "request", "asked to capture 50.00 USD", "done", "attempt 2")
    assert holding(steps, "staff", "capture was asked for", "(console)", "it is sent")


async def test_what_is_left_out_of_a_long_story_is_said(desk: Desk) -> None:
    payment = await desk.world.paid()
    whole = await desk.get(f"/ops/payments/{payment.id}")
    line = AuditEntry.of(
        Act(actor="ada"), AuditAction.ORDER_CANCEL, at=START, payment_id=payment.id
    )

    async def write(tx: Transaction) -> None:
        for _ in range(LAST + 1):
            await tx.audit.append(line)

    await desk.world.container.transactions().run(write)
    cut = await desk.get(f"/ops/payments/{payment.id}")

    assert "only the last" not in said(whole)
    assert f"Of its acts of staff only the last {LAST} are told." in said(cut)
    assert f"/ops/events?about={payment.intent_id}" in cut.text
    assert LAST == said(cut).count("The order was canceled")


async def test_no_secret_stands_on_the_page(desk: Desk) -> None:
    method = await desk.world.save_card()
    await desk.world.register()
    started = await desk.world.charge(method_id=method.id)
    desk.world.pay(started)
    await desk.world.work()
    page = await desk.get(f"/ops/payments/{started.payment.id}")

    secret = started.client_secret.reveal()
    for each in (secret, secret.rpartition("_secret_")[2], "pm_", "cus_", "4242424242424242"):
        assert each not in page.text, each
