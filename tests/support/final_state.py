"""Everything that must not depend on how the provider's events came: the books and what is shown.

Left out are ids and times of ours, versions, and what only those see who look in between: a
decline that was over before anybody looked is not counted.
"""

from datetime import UTC, datetime
from typing import Any

import attrs

from markethub.domain.ids import CustomerId, DisputeId, PaymentId, RefundId
from markethub.domain.ports.disputes import DisputeFilter
from markethub.domain.ports.queries import PaymentFilter
from markethub.domain.ports.refunds import RefundFilter
from tests.support.world import World

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_OURS: dict[str, Any] = {"created_at": _NEVER, "updated_at": _NEVER, "version": 0}


async def final_state(world: World) -> dict[str, object]:
    """Return what must be equal."""
    container = world.container
    queries = container.queries()
    payments = (await queries.payments(PaymentFilter(), limit=100)).items
    intents = {payment.id: payment.intent_id for payment in payments}
    views = [await queries.order(each) for each in sorted({p.order_id for p in payments})]
    refunds = (await container.refund_queries().refunds(RefundFilter(), limit=100)).items
    disputes = (await container.dispute_queries().disputes(DisputeFilter(), limit=100)).items
    books = await world.books()
    health = await queries.health()
    return {
        "orders": {
            view.order.id: (
                view.order.status,
                view.order.total,
                view.order.paid_by and intents[view.order.paid_by],
            )
            for view in views
            if view is not None
        },
        "payments": {
            payment.intent_id: attrs.evolve(
                payment, id=PaymentId(""), declines=0, events=(), **_OURS
            )
            for payment in payments
        },
        "refunds": {
            refund.provider_id: attrs.evolve(
                refund, id=RefundId(""), payment_id=PaymentId(""), events=(), **_OURS
            )
            for refund in refunds
        },
        "refunded": {refund.provider_id: intents[refund.payment_id] for refund in refunds},
        "disputes": {
            dispute.provider_id: attrs.evolve(
                dispute, id=DisputeId(""), payment_id=PaymentId(""), **_OURS
            )
            for dispute in disputes
        },
        "disputed": {each.provider_id: intents[each.payment_id] for each in disputes},
        "ledger": {
            (entry.reference, entry.kind, entry.debit, entry.credit, entry.amount)
            for entry in await queries.ledger()
        },
        "books": {key: minor for key, minor in books.items() if minor},
        "methods": {
            (method.card, method.is_default, method.is_active)
            for method in await queries.methods(CustomerId("c-1"))
        },
        "waiting": health.waiting_events,
        "unresolved": health.unresolved_operations,
    }
