"""What there is at rest is spoilt in one thing, and it alone is reported."""

from typing import Any

import attrs
import pytest

from markethub.domain.delivery import DeliveryStatus
from markethub.domain.ids import OrderId
from markethub.domain.inbox_event import InboxStatus
from markethub.domain.operation import OperationStatus
from markethub.domain.payment import PaymentStatus
from markethub.entrypoints.simulation.faults import POISON
from markethub.entrypoints.simulation.plan import Paths
from tests.support.lived import Lived, some
from tests.support.seen import Seen, at_rest, message, saved


def with_refunds_and_messages(lived: Lived, _: Any) -> bool:
    return bool(lived.database.refunds.rows) and len(lived.database.deliveries.rows) > 1


def test_what_is_spoilt_at_rest_is_reported() -> None:
    lived, refund = some("refunds", with_refunds_and_messages)
    seen = at_rest(lived)
    seen.oracle.at_rest()
    clean = seen.reported
    del seen.database.refunds.rows[refund.id]
    seen.oracle.at_rest()

    assert clean == []
    assert ("I5", f"refund {refund.provider_id} is known 0 times") in seen.reported


def test_what_another_reading_of_the_rows_shows_is_reported() -> None:
    lived, refund = some("refunds", with_refunds_and_messages)
    seen = at_rest(lived)
    unleased = lived.copy()
    unleased.leases.rows.clear()
    seen.oracle.at_rest(unleased)
    same = seen.reported
    reread = lived.copy()
    del reread.refunds.rows[refund.id]
    seen.oracle.at_rest(reread)

    assert same == []
    assert seen.reported[:2] == [
        ("I7", f"refunds {refund.id} is not as it was committed"),
        ("I5", f"refund {refund.provider_id} is known 0 times"),
    ]


def test_a_row_is_changed_behind_the_commits() -> None:
    lived, order = some("orders")
    seen = at_rest(lived)
    reread = lived.copy()
    reread.orders.rows[order.id] = saved(order)
    seen.oracle.at_rest(reread)

    assert seen.reported == [("I7", f"orders {order.id} is not as it was committed")]


def test_a_row_comes_in_behind_the_commits() -> None:
    lived, order = some("orders")
    seen = at_rest(lived)
    reread = lived.copy()
    reread.orders.rows[OrderId("o-9")] = order
    seen.oracle.at_rest(reread)

    assert seen.reported == [("I7", "orders o-9 is not as it was committed")]


def test_an_event_that_was_told_is_gone() -> None:
    lived, _ = some("deliveries")
    seen = at_rest(lived)
    reread = lived.copy()
    seen.database.outbox.append(reread.outbox[-1])
    seen.oracle.at_rest(reread)

    assert seen.reported == [("I7", "the outbox is not as it was committed")]


def test_a_message_is_not_delivered() -> None:
    lived, delivery = some("deliveries")
    seen = at_rest(lived)
    seen.database.deliveries.rows[delivery.sequence] = attrs.evolve(
        delivery, status=DeliveryStatus.DEAD
    )
    seen.oracle.at_rest()

    assert seen.reported == [("I14", f"message {delivery.sequence} is dead")]


def test_a_message_is_delivered_that_nobody_heard() -> None:
    lived, delivery = some("deliveries")
    seen = Seen(lived)
    for other in lived.rows("deliveries"):
        if other is not delivery:
            seen.oracle.consumed(message(other))
    seen.oracle.at_rest()

    assert seen.reported == [
        ("I14", f"message {delivery.sequence} is delivered, and nobody heard it")
    ]


def test_an_event_is_told_without_a_message() -> None:
    lived, delivery = some("deliveries")
    seen = at_rest(lived)
    seen.database.outbox.append(delivery.event)
    seen.oracle.at_rest()

    messages = len(lived.rows("deliveries"))
    assert seen.reported == [("I14", f"{messages + 1} public events, {messages} messages")]


def spoil_indexed(seen: Seen, table: str, row: Any, **fields: Any) -> None:
    """Change a row as a commit does: with its indexes."""
    rows = getattr(seen.database, table)
    id_ = next(id_ for id_, each in rows.rows.items() if each is row)
    rows.put(id_, attrs.evolve(row, **fields))


def test_there_is_quiet_when_nothing_is_left_to_do() -> None:
    lived, _ = some("submissions")

    assert Seen(lived).oracle.is_quiet()


@pytest.mark.parametrize(
    ("table", "fields", "without_recovery"),
    [
        ("operations", {"status": OperationStatus.UNRESOLVED}, True),
        ("submissions", {"status": OperationStatus.UNRESOLVED}, True),
        ("inbox", {"status": InboxStatus.PENDING}, False),
        ("inbox", {"status": InboxStatus.PARKED}, False),
        ("deliveries", {"status": DeliveryStatus.PENDING}, False),
        ("payments", {"holds_slot": False, "status": PaymentStatus.PROCESSING}, True),
    ],
)
def test_there_is_no_quiet_while_something_is_left_to_do(
    table: str,
    fields: dict[str, Any],
    without_recovery: bool,
) -> None:
    lived, row = some(table)
    quiet = []
    for paths in (Paths.BOTH, Paths.RECOVERY, Paths.WEBHOOKS):
        seen = Seen(lived, paths=paths)
        spoil_indexed(seen, table, row, **fields)
        quiet.append(seen.oracle.is_quiet())

    assert quiet == [False, False, without_recovery]


def test_what_nobody_can_read_is_not_waited_for() -> None:
    lived, row = some("inbox")
    seen = Seen(lived)
    poison = attrs.evolve(row.event, id=row.event.id + POISON)
    waiting = attrs.evolve(row, event=poison, status=InboxStatus.PENDING)
    seen.database.inbox.put(poison.id, waiting)

    assert seen.oracle.is_quiet()
