"""What staff do is written down with it: who, from where, why; once, and only if it was done."""

import pytest

from markethub.domain.audit import Act, AuditAction, AuditEntry, Channel
from markethub.domain.delivery import DeliveryStatus
from markethub.domain.errors import NotFound, PaymentsError
from markethub.domain.facts import CaptureMethod
from markethub.domain.ids import EventId, OrderId, PaymentId
from markethub.domain.payment import Payment
from markethub.domain.ports.audit import AuditFilter
from markethub.domain.ports.inbox import InboxFilter
from markethub.domain.refund import RefundReason
from markethub.domain.usecases.cancel_order import CancelOrderCommand
from markethub.domain.usecases.cancel_payment import CancelPaymentCommand
from markethub.domain.usecases.capture_payment import CapturePaymentCommand
from markethub.domain.usecases.refund_payment import RefundPaymentCommand
from markethub.domain.usecases.remove_method import RemoveMethodCommand
from markethub.domain.usecases.set_default_method import SetDefaultMethodCommand
from tests.support.disputed import Disputed
from tests.support.world import World

pytestmark = pytest.mark.anyio

EVERY = InboxFilter()
ADA = Act(actor="ada", channel=Channel.CONSOLE, reason="she called")


async def lines(world: World, action: AuditAction | None = None) -> list[AuditEntry]:
    """Return the log, oldest first."""
    page = await world.container.audit_queries().entries(AuditFilter(action=action))
    return list(reversed(page.items))


async def held(world: World) -> Payment:
    await world.register()
    started = await world.charge(capture=CaptureMethod.MANUAL)
    world.pay(started)
    await world.confirm(started.payment)
    return started.payment


async def test_a_capture_names_who_from_where_why_and_how_much(world: World) -> None:
    payment = await held(world)
    command = CapturePaymentCommand(payment_id=payment.id, amount_minor=2000, act=ADA, origin="k")
    await world.container.capture_payment()(command)
    await world.container.capture_payment()(command)  # the answer was lost

    [line] = await lines(world)
    assert (
        "ada",
        Channel.CONSOLE,
        AuditAction.PAYMENT_CAPTURE,
        payment.id,
        payment.id,
        "she called",
        {"amount": "20.00 USD"},
        world.clock.now(),
    ) == (
        line.actor,
        line.channel,
        line.action,
        line.subject,
        line.payment_id,
        line.reason,
        line.detail,
        line.at,
    )


async def test_letting_go_of_money_is_written_down(world: World) -> None:
    payment = await held(world)
    command = CancelPaymentCommand(payment_id=payment.id, reason="duplicate", act=ADA, origin="k")
    await world.container.cancel_payment()(command)
    await world.container.cancel_payment()(command)

    [line] = await lines(world)
    assert (AuditAction.PAYMENT_CANCEL, payment.id, {"reason": "duplicate"}) == (
        line.action,
        line.subject,
        line.detail,
    )


@pytest.mark.parametrize("has_intent", [False, True])
async def test_a_canceled_order_is_written_down_once(world: World, has_intent: bool) -> None:
    await world.register()
    if has_intent:
        await world.charge()
    command = CancelOrderCommand(order_id=OrderId("o-1"), act=ADA)
    await world.container.cancel_order()(command)
    await world.container.cancel_order()(command)

    [line] = await lines(world)
    assert (AuditAction.ORDER_CANCEL, "o-1") == (line.action, line.subject)


async def test_a_refund_is_written_down_with_its_note_for_a_reason(world: World) -> None:
    payment = await world.paid()
    command = RefundPaymentCommand(
        payment_id=payment.id,
        act=Act(actor="bob", channel=Channel.CLI),
        amount_minor=1500,
        reason=RefundReason.GOODWILL,
        note="broken in the post",
        origin="k",
    )
    made = await world.container.refund_payment()(command)
    await world.container.refund_payment()(command)

    [line] = await lines(world)
    assert ("bob", Channel.CLI, AuditAction.REFUND_REQUEST, made.id, payment.id) == (
        line.actor,
        line.channel,
        line.action,
        line.subject,
        line.payment_id,
    )
    assert ("broken in the post", {"amount": "15.00 USD", "reason": "goodwill"}) == (
        line.reason,
        line.detail,
    )


async def test_what_is_refused_was_not_done(world: World) -> None:
    payment = await world.paid()
    refund = RefundPaymentCommand(payment_id=payment.id, act=ADA, amount_minor=5001)
    capture = CapturePaymentCommand(payment_id=payment.id, act=ADA)
    unknown = CancelPaymentCommand(payment_id=PaymentId("pay_none"), act=ADA)
    with pytest.raises(PaymentsError):
        await world.container.refund_payment()(refund)
    with pytest.raises(PaymentsError):
        await world.container.capture_payment()(capture)
    with pytest.raises(NotFound):
        await world.container.cancel_payment()(unknown)

    assert [] == await lines(world)


async def test_a_preview_does_nothing_and_says_so(world: World) -> None:
    payment = await world.paid()
    await world.container.refund_payment().preview(
        RefundPaymentCommand(payment_id=payment.id, act=ADA)
    )

    assert [] == await lines(world)


async def test_customers_and_the_system_are_not_staff(world: World) -> None:
    payment = await world.paid()
    method = await world.save_card()
    await world.container.remove_method()(RemoveMethodCommand(method_id=method.id))
    await world.recover()

    assert [] == await lines(world)
    assert payment.id


async def test_every_step_of_an_answer_to_a_dispute_is_written_down(world: World) -> None:
    disputed = Disputed(world)
    await disputed.pay()
    dispute = await disputed.open()
    await disputed.draft(dispute.id, uncategorized_text="sent", product_description="tea")
    await disputed.attach(dispute.id)
    await disputed.submit(dispute.id, origin="k")
    await disputed.submit(dispute.id, origin="k")

    assert [
        (AuditAction.DISPUTE_DRAFT, {"fields": "product_description, uncategorized_text"}),
        (AuditAction.DISPUTE_ATTACH, {"field": "receipt", "bytes": "18"}),
        (AuditAction.DISPUTE_SUBMIT, {}),
    ] == [(line.action, line.detail) for line in await lines(world)]
    assert {("ann", dispute.id, dispute.payment_id)} == {
        (line.actor, line.subject, line.payment_id) for line in await lines(world)
    }


async def test_a_concession_is_written_down_once(world: World) -> None:
    disputed = Disputed(world)
    await disputed.pay()
    dispute = await disputed.open()
    await disputed.accept(dispute.id, origin="k")
    await disputed.accept(dispute.id, origin="k")

    assert [AuditAction.DISPUTE_ACCEPT] == [line.action for line in await lines(world)]


async def test_what_staff_do_to_saved_methods_is_written_down(world: World) -> None:
    first = await world.save_card()
    second = await world.save_card("5555555555554444")
    default = SetDefaultMethodCommand(method_id=first.id, act=ADA)
    await world.container.set_default_method()(default)
    await world.container.set_default_method()(
        SetDefaultMethodCommand(method_id=second.id, act=ADA)
    )
    await world.container.remove_method()(RemoveMethodCommand(method_id=second.id, act=ADA))

    # The first was the default already: nothing was done.
    assert [
        (AuditAction.METHOD_DEFAULT, second.id, {"customer": "c-1"}),
        (AuditAction.METHOD_REMOVE, second.id, {"customer": "c-1"}),
    ] == [(line.action, line.subject, line.detail) for line in await lines(world)]


async def test_replays_are_written_down_one_by_one(world: World) -> None:
    await world.paid()
    [event, *_] = (await world.container.inbox_queries().events(EVERY)).items
    page = await world.container.delivery_queries().deliveries(DeliveryStatus.PENDING)
    messages = [view.delivery.message_id for view in page.items]
    await world.container.replay_event()(EventId(event.event.id), act=ADA)
    await world.container.replay_deliveries()(messages, act=ADA)
    await world.container.replay_deliveries()([], act=ADA)

    assert [
        (AuditAction.EVENT_REPLAY, event.event.id),
        *((AuditAction.DELIVERY_REPLAY, message) for message in sorted(messages)),
        (AuditAction.DELIVERY_REPLAY, None),
    ] == [(line.action, line.subject) for line in await lines(world)]
