"""What people of the fixed stories do: acts, which together use everything that the core can do.

Each is told in steps that a client repeats until they are answered. Deeds of random histories are
in ``people``.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

import attrs

from markethub.domain.audit import AuditAction
from markethub.domain.delivery import DeliveryStatus
from markethub.domain.errors import InvalidTransition, RequestInProgress
from markethub.domain.facts import CaptureMethod
from markethub.domain.ids import EventId, OrderId
from markethub.domain.ports.idempotency import Begun, InFlight, StoredAnswer
from markethub.domain.ports.inbox import InboxFilter
from markethub.domain.refund import RefundReason
from markethub.domain.refund_plan import PlannedRefund, Precondition, RefundPlan
from markethub.domain.subscription import EndpointUrl
from markethub.domain.usecases.accept_dispute import AcceptDisputeCommand
from markethub.domain.usecases.attach_file import AttachFileCommand
from markethub.domain.usecases.cancel_order import CancelOrderCommand
from markethub.domain.usecases.cancel_payment import CancelPaymentCommand
from markethub.domain.usecases.capture_payment import CapturePaymentCommand
from markethub.domain.usecases.draft_evidence import DraftEvidenceCommand
from markethub.domain.usecases.plan_refunds import PlanRefundsCommand
from markethub.domain.usecases.remove_method import RemoveMethodCommand
from markethub.domain.usecases.set_default_method import SetDefaultMethodCommand
from markethub.domain.usecases.submit_evidence import SubmitEvidenceCommand
from markethub.entrypoints.simulation.at_rest import GHOST
from markethub.entrypoints.simulation.script import (
    C1,
    CHALLENGE,
    DECLINED,
    FAILING_REFUND,
    PENDING_REFUND,
    SUCCESS,
    Script,
)
from markethub.entrypoints.simulation.world import OPS

Act = Callable[[Script], Awaitable[None]]

END: Final = "the story ends"
"""Notes where nothing happens any more but what happens by the clock."""

_MASTERCARD: Final = "5555555555554444"
_PDF: Final = b"%PDF-1.7 a receipt"


# --- orders and charges -------------------------------------------------------------------------


async def charge(script: Script) -> None:
    """Charge an order in the browser."""
    await script.paid()


async def change_and_cancel(script: Script) -> None:
    """Change an order before and after its payment began, and cancel it."""
    await script.register(total=3000)
    await script.register(total=5000)
    started = await script.charge()
    await script.register(total=6000)
    again = await script.charge()
    script.pay(again, CHALLENGE)
    await script.confirm(started.payment)
    await script.register(total=7000)
    await script.charge()
    await script.ask("cancel_order", CancelOrderCommand(order_id=OrderId("o-1")))


async def decline_and_retry(script: Script) -> None:
    """Be declined, and pay by another card."""
    await script.register()
    started = await script.charge()
    script.pay(started, DECLINED)
    await script.confirm(started.payment)
    again = await script.charge()
    script.pay(again, SUCCESS)
    await script.confirm(again.payment)


async def challenge(script: Script) -> None:
    """Pay by a card whose bank asks its holder."""
    await script.register()
    started = await script.charge()
    script.pay(started, CHALLENGE)
    await script.confirm(started.payment)
    script.pass_challenge(started)
    await script.confirm(started.payment)


async def capture(script: Script) -> None:
    """Hold money, and take it."""
    held = await script.paid(capture=CaptureMethod.MANUAL)
    await script.ask(
        "capture_payment", CapturePaymentCommand(payment_id=held.id, act=OPS, origin="k")
    )


async def capture_a_part(script: Script) -> None:
    """Hold money, and take a part of it."""
    held = await script.paid(capture=CaptureMethod.MANUAL)
    script.begins()
    command = CapturePaymentCommand(payment_id=held.id, amount_minor=2000, act=OPS, origin="k")
    await script.ask("capture_payment", command)


async def let_go(script: Script) -> None:
    """Hold money, and let it go."""
    held = await script.paid(capture=CaptureMethod.MANUAL)
    script.begins()
    await script.ask(
        "cancel_payment", CancelPaymentCommand(payment_id=held.id, act=OPS, origin="k")
    )


# --- saved methods ------------------------------------------------------------------------------


async def save_while_paying(script: Script) -> None:
    """Save a card while paying, and pay by it again."""
    await script.paid("o-1", save_method=True)
    [method] = await script.saved(1)
    await script.paid("o-2", method_id=method.id)


async def charge_off_session(script: Script) -> None:
    """Charge a saved card while its customer is away."""
    await script.paid("o-1", save_method=True)
    [method] = await script.saved(1)
    script.begins()
    await script.register("o-2")
    await script.charge("o-2", method_id=method.id, off_session=True)


async def set_up_and_remove(script: Script) -> None:
    """Save two cards without paying, choose the default, and remove one."""
    script.set_up(await script.ask("start_setup", C1))
    await script.saved(1)
    script.set_up(await script.ask("start_setup", C1), _MASTERCARD)
    first, second, *_ = await script.saved(2)
    await script.ask(
        "set_default_method", SetDefaultMethodCommand(method_id=second.id, customer_id=C1)
    )
    await script.ask("remove_method", RemoveMethodCommand(method_id=first.id, customer_id=C1))


async def lose_the_customer(script: Script) -> None:
    """Save a card; then somebody deletes the customer's record at the provider."""
    await script.paid("o-1", save_method=True)
    await script.saved(1)
    script.begins()
    [record] = script.at_provider("/v1/customers")
    script.in_dashboard("DELETE", f"/v1/customers/{record['id']}")
    await script.ask("start_setup", C1)
    await script.paid("o-2", save_method=True)


# --- refunds ------------------------------------------------------------------------------------


async def refund(script: Script) -> None:
    """Give a part of a payment back. Of a part, a second refund would be possible, and wrong."""
    payment = await script.paid()
    script.begins()
    await script.refund(payment, 2000)


async def refund_all(script: Script) -> None:
    """Give all of a payment back."""
    payment = await script.paid()
    script.begins()
    await script.refund(payment)


async def refund_in_parts(script: Script) -> None:
    """Give parts back: by a request, in the dashboard, and by a plan."""
    payment = await script.paid()
    script.begins()
    await script.refund(payment, 1000)
    script.world.bank.refund_in_dashboard(str(payment.charge_id), amount=500)

    async def both(app: Any) -> Any:
        seen = await app.queries.payment(payment.id)
        return seen if seen is not None and seen.refunded.minor == 1500 else None

    stands = await script.until(both)
    look = PlanRefundsCommand(payment_ids=(payment.id,), act=OPS, reason=RefundReason.OTHER)
    await script.ask("plan_refunds", look)
    line = PlannedRefund(
        payment_id=payment.id,
        amount=attrs.evolve(stands.captured, minor=700),
        precondition=Precondition.of(stands),
    )
    await script.apply(
        RefundPlan(created_at=script.world.now, reason=RefundReason.OTHER, lines=(line,))
    )


async def refund_that_comes_back(script: Script) -> None:
    """Give money back that the bank returns after it had arrived."""
    payment = await script.paid(card=FAILING_REFUND)
    script.begins()
    await script.refund(payment, 1000)
    await script.world.pause(4.0)


async def refund_that_takes_its_time(script: Script) -> None:
    """Give money back that arrives later, and then is returned."""
    payment = await script.paid(card=PENDING_REFUND)
    script.begins()
    made = await script.refund(payment, 2000)
    await script.world.pause(5.0)
    if made.provider_id is not None:
        script.world.bank.fail_refund(made.provider_id)


# --- disputes -----------------------------------------------------------------------------------


async def _disputed(script: Script) -> Any:
    payment = await script.paid()
    script.begins()
    opened = script.world.bank.open_dispute(str(payment.charge_id))
    return await script.heard_of(opened["id"])


async def dispute_lost_and_won_late(script: Script) -> None:
    """Answer a dispute with texts and a file, lose it, and win it after all."""
    bank = script.world.bank
    dispute = await _disputed(script)
    await script.ask(
        "draft_evidence",
        DraftEvidenceCommand(dispute_id=dispute.id, texts={"uncategorized_text": "sent"}),
    )
    await script.ask(
        "attach_file", AttachFileCommand(dispute_id=dispute.id, field="receipt", content=_PDF)
    )
    await script.ask(
        "submit_evidence",
        SubmitEvidenceCommand(dispute_id=dispute.id, act=OPS, origin="submit"),
    )
    bank.lose_dispute(dispute.provider_id)
    await script.standing(dispute.id, "lost")
    bank.win_dispute(dispute.provider_id)
    await script.standing(dispute.id, "won")


async def dispute_accepted(script: Script) -> None:
    """Be warned of fraud, then give in to the dispute."""
    payment = await script.paid()
    script.begins()
    script.world.bank.warn_of_fraud(str(payment.charge_id))
    opened = script.world.bank.open_dispute(str(payment.charge_id), amount=3000)
    dispute = await script.heard_of(opened["id"])
    command = AcceptDisputeCommand(dispute_id=dispute.id, act=OPS, origin="accept")
    await script.ask("accept_dispute", command)


async def inquiry_that_escalates(script: Script) -> None:
    """Give a part back during an inquiry that becomes a chargeback, and win that."""
    bank = script.world.bank
    payment = await script.paid()
    script.begins()
    opened = bank.open_dispute(str(payment.charge_id), status="warning_needs_response")
    dispute = await script.heard_of(opened["id"])
    await script.refund(payment, 1000)
    bank.escalate_inquiry(dispute.provider_id)
    await script.standing(dispute.id, "needs_response")
    bank.submit_in_dashboard(dispute.provider_id)
    bank.win_dispute(dispute.provider_id)
    await script.standing(dispute.id, "won", "lost")


# --- events, and what is told of them -----------------------------------------------------------


async def receive_and_replay(script: Script) -> None:
    """Receive events that are hard to place, fetch what was missed, and replay one."""
    payment = await script.paid()
    script.begins()
    event = script.at_provider("/v1/events")[0]
    ghost = {**event["data"]["object"], "id": "pi_of_nobody00000", "latest_charge": None}
    ghost["metadata"] = {"markethub_payment_id": "pay_of_nobody", "markethub_order_id": "o-9"}
    stray = {
        **event,
        "id": f"{event['id']}{GHOST}",
        "type": "payment_intent.succeeded",
        "data": {"object": ghost},
    }
    await script.deliver(stray)
    charged = next(each for each in script.at_provider("/v1/events") if _is_charge(each))
    nameless = {**charged["data"]["object"], "payment_intent": None, "metadata": {}}
    await script.deliver({**charged, "id": f"{charged['id']}twin", "data": {"object": nameless}})
    await script.ask("backfill_events", timedelta(hours=1))
    assert payment.intent_id is not None

    async def stored(app: Any) -> Any:
        page = await app.inbox_queries.events(InboxFilter())
        return [each for each in page.items if not each.event.id.endswith(GHOST)]

    [*events] = await script.until(stored)
    await script.ask("replay_event", EventId(events[0].event.id))


def _is_charge(event: Mapping[str, Any]) -> bool:
    return bool(event["type"] == "charge.succeeded")


async def replay_deliveries(script: Script) -> None:
    """Send again what the storefront was told."""
    await script.paid()
    script.begins()

    async def told(app: Any) -> Any:
        page = await app.delivery_queries.deliveries(DeliveryStatus.DELIVERED)
        return [view.delivery.message_id for view in page.items]

    messages = await script.until(told)
    try:
        await script.ask("replay_deliveries", messages)
    except InvalidTransition:
        script.world.note("it is just being sent")


# --- what nobody asks for: recovery -------------------------------------------------------------


async def leave(script: Script) -> None:
    """Begin a payment, and leave it."""
    await script.register()
    await script.charge()


async def hold(script: Script) -> None:
    """Let money be held, and forget it."""
    await script.paid(capture=CaptureMethod.MANUAL)


async def submit_into_silence(script: Script) -> None:
    """Answer a dispute; nobody knows whether that arrived."""
    dispute = await _disputed(script)
    command = DraftEvidenceCommand(dispute_id=dispute.id, texts={"uncategorized_text": "sent"})
    await script.ask("draft_evidence", command)
    await script.ask(
        "submit_evidence",
        SubmitEvidenceCommand(dispute_id=dispute.id, act=OPS, origin="submit"),
    )


async def nothing(script: Script) -> None:
    """Let time go by."""
    script.world.note(END)


# --- operators ----------------------------------------------------------------------------------


async def rotate(script: Script) -> None:
    """Subscribe to events, change the secret, and go back to one endpoint."""
    url = EndpointUrl("https://shop.example/api/stripe/webhook")
    await script.ask("plan_subscription", url)
    await script.ask("apply_subscription", url)
    [endpoint, *_] = script.at_provider("/v1/webhook_endpoints")
    script.in_dashboard("POST", f"/v1/webhook_endpoints/{endpoint['id']}", disabled=True)
    await script.ask("apply_subscription", url)
    await script.ask("rotate_subscription.begin", url, restart=True)
    await script.ask("rotate_subscription.begin", url, restart=True)
    with suppress(InvalidTransition):  # our settings do not name the new secret
        await script.ask("rotate_subscription.finishable", url)
    await script.request("record_audit", lambda app: app.record_audit(OPS, AuditAction.KEYS_ROTATE))
    await script.ask("rotate_keys")


async def keep_an_answer(script: Script) -> None:
    """Keep an answer under a key, as the entrance of HTTP does, and let another key go."""
    holder = "storefront|POST /orders"

    async def complete(app: Any) -> None:
        match await app.idempotency_keys.begin(holder, "k-1", "a body", now=app.clock.now()):
            case Begun():
                answer = StoredAnswer(status=201, content_type="application/json", body=b"{}")
                await app.idempotency_keys.complete(holder, "k-1", answer, now=app.clock.now())
            case InFlight():
                raise RequestInProgress("the same request is being executed")

    async def release(app: Any) -> None:
        match await app.idempotency_keys.begin(holder, "k-2", "a body", now=app.clock.now()):
            case Begun():
                await app.idempotency_keys.release(holder, "k-2")
            case InFlight():
                raise RequestInProgress("the same request is being executed")

    await script.request("request", complete)
    await script.request("request", complete)
    await script.request("request", release)
