"""What the front page says first: whether anything is wrong, and where each thing is mended."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import attrs

from markethub.domain.dispute import DUE_SOON
from markethub.domain.ports.approvals import ApprovalPage
from markethub.domain.ports.outbox import OutboxHealth
from markethub.domain.ports.overview import Waiting
from markethub.domain.ports.queries import StoreHealth
from markethub.entrypoints.console.networks import Standing
from markethub.entrypoints.console.rates import percent

LATE: Final = timedelta(minutes=2)
"""After so long what is due should have been taken up: a worker may not be running."""
LONG_UNKNOWN: Final = timedelta(hours=1)
"""An outcome that is unknown for so long will hardly become known by itself soon."""

PAYMENTS: Final = "/ops/payments"
DISPUTES: Final = "/ops/disputes"
EVENTS: Final = "/ops/events"
DELIVERIES: Final = "/ops/deliveries"
APPROVALS: Final = "/ops/approvals"


class Weight(StrEnum):
    """How much something matters. The heaviest are said first."""

    BAD = "bad"
    """Wrong: somebody must act."""
    WARN = "warn"
    """May become wrong."""
    TODO = "todo"
    """Nothing is wrong; it waits for somebody all the same."""


_ORDER: Final = tuple(Weight)


@attrs.frozen(kw_only=True)
class Concern:
    """One thing that somebody should know of, and the page where it is mended."""

    weight: Weight
    text: str
    path: str
    examples: Sequence[tuple[str, str]] = ()
    """The first of them: what each is called, and its page."""


def verdict(found: Sequence[Concern]) -> str:
    """Answer in one sentence."""
    wrong = sum(each.weight is Weight.BAD for each in found)
    watched = sum(each.weight is Weight.WARN for each in found)
    if wrong:
        return f"{_so_many(wrong, 'thing is', 'things are')} wrong."
    if watched:
        return f"Nothing is wrong, but {_so_many(watched, 'thing needs', 'things need')} a look."
    return "Nothing is wrong."


def concerns(
    *,
    health: StoreHealth,
    waiting: Waiting,
    outbox: OutboxHealth | None,
    standings: Mapping[str, Sequence[Standing]],
    approvals: ApprovalPage,
    now: datetime,
) -> Sequence[Concern]:
    """Return all there is to say, what is worst first."""
    found = [
        *_of_money(waiting, now),
        *_of_disputes(waiting, now),
        *_of_approvals(approvals),
        *_of_events(health, now),
        *(_of_deliveries(outbox, waiting, now) if outbox is not None else ()),
        *_of_networks(standings),
    ]
    return sorted(found, key=lambda each: _ORDER.index(each.weight))


def _of_money(waiting: Waiting, now: datetime) -> Iterator[Concern]:
    if waiting.quarantined:
        many = _so_many(waiting.quarantined, "payment is", "payments are")
        yield Concern(
            weight=Weight.BAD,
            text=f"{many} in quarantine: money arrived that pays no order.",
            path=f"{PAYMENTS}?trouble=quarantined",
            examples=_payments(each.payment_id for each in waiting.oldest_quarantined),
        )
    if waiting.operations:
        since = waiting.oldest_operations[0].since
        many = _so_many(waiting.operations, "request", "requests")
        yield Concern(
            weight=_by_age(since, now),
            text=f"{many} to the provider: outcome unknown, the oldest for {age(since, now)}.",
            path=PAYMENTS,
            examples=_payments(each.payment_id for each in waiting.oldest_operations),
        )
    if waiting.holds:
        ends_at = waiting.next_holds[0].ends_at
        many = _so_many(waiting.holds, "hold ends", "holds end")
        when = "has ended" if ends_at <= now else f"ends in {age(now, ends_at)}"
        yield Concern(
            weight=Weight.WARN,
            text=f"{many} soon and nobody has captured the money; the next {when}.",
            path=f"{PAYMENTS}?status=authorized",
            examples=_payments(each.payment_id for each in waiting.next_holds),
        )


def _of_approvals(pending: ApprovalPage) -> Iterator[Concern]:
    if pending.items:
        least = "At least " if pending.next_cursor is not None else ""
        many = _so_many(len(pending.items), "refund waits", "refunds wait")
        yield Concern(
            weight=Weight.TODO,
            text=f"{least}{many} for a second person.",
            path=APPROVALS,
        )


def _of_disputes(waiting: Waiting, now: datetime) -> Iterator[Concern]:
    if waiting.submissions:
        since = waiting.oldest_submissions[0].since
        many = _so_many(waiting.submissions, "answer to a dispute", "answers to disputes")
        yield Concern(
            weight=_by_age(since, now),
            text=f"{many}: outcome unknown, the oldest for {age(since, now)}.",
            path=DISPUTES,
            examples=_disputes(each.dispute_id for each in waiting.oldest_submissions),
        )
    if not waiting.disputes:
        return
    due_by = waiting.next_disputes[0].due_by
    many = _so_many(waiting.disputes, "dispute needs", "disputes need")
    weight, when = Weight.TODO, ""
    if due_by is not None and due_by <= now:
        weight, when = Weight.BAD, "; the time for evidence of the first is over"
    elif due_by is not None:
        weight = Weight.WARN if due_by - now <= DUE_SOON else Weight.TODO
        when = f"; the next within {age(now, due_by)}"
    yield Concern(
        weight=weight,
        text=f"{many} a response{when}.",
        path=DISPUTES,
        examples=_disputes(each.dispute_id for each in waiting.next_disputes),
    )


def _of_events(health: StoreHealth, now: datetime) -> Iterator[Concern]:
    if health.dead_events:
        many = _so_many(health.dead_events, "event is", "events are")
        yield Concern(
            weight=Weight.BAD,
            text=f"{many} in the dead letter, without any effect.",
            path=f"{EVENTS}?status=dead",
        )
    due_at = health.earliest_due_at
    if due_at is not None and now - due_at > LATE:
        yield Concern(
            weight=Weight.BAD,
            text=f"Events have been due for {age(due_at, now)}: is a worker running?",
            path=f"{EVENTS}?status=pending",
        )
    if health.failing_events:
        many = _so_many(health.failing_events, "event fails", "events fail")
        yield Concern(
            weight=Weight.WARN,
            text=f"{many} on our side and will be tried again.",
            path=f"{EVENTS}?status=pending",
        )
    if health.wrong_mode_events:
        many = _so_many(health.wrong_mode_events, "event was", "events were")
        yield Concern(
            weight=Weight.WARN,
            text=f"{many} of the other mode: an endpoint or a key is in the wrong place.",
            path=f"{EVENTS}?status=ignored",
        )


def _of_deliveries(outbox: OutboxHealth, waiting: Waiting, now: datetime) -> Iterator[Concern]:
    endpoint, oldest = outbox.endpoint, outbox.oldest_waiting_at
    disabled = endpoint is not None and endpoint.disabled_at is not None
    if disabled:
        yield Concern(
            weight=Weight.BAD,
            text="The storefront's endpoint is disabled because it failed: it is told nothing.",
            path=DELIVERIES,
        )
    if outbox.dead:
        many = _so_many(outbox.dead, "message", "messages")
        yield Concern(
            weight=Weight.BAD,
            text=f"{many} to the storefront given up.",
            path=f"{DELIVERIES}?status=dead",
        )
    if waiting.failing_deliveries and not disabled:
        many = _so_many(waiting.failing_deliveries, "message", "messages")
        yield Concern(
            weight=Weight.WARN,
            text=f"{many} to the storefront refused so far; tried again later.",
            path=f"{DELIVERIES}?status=pending",
        )
    elif oldest is not None and now - oldest > LATE and not disabled:
        yield Concern(
            weight=Weight.BAD,
            text=f"Messages to the storefront wait for {age(oldest, now)}: is a worker running?",
            path=f"{DELIVERIES}?status=pending",
        )


def _of_networks(standings: Mapping[str, Sequence[Standing]]) -> Iterator[Concern]:
    for program, months in standings.items():
        for standing in months[-2:]:
            if not (standing.is_reached or standing.is_near):
                continue
            limit = percent(standing.threshold.basis_points)
            what = "is reached" if standing.is_reached else "is near"
            yield Concern(
                weight=Weight.BAD if standing.is_reached else Weight.WARN,
                text=f"{standing.threshold.network.capitalize()}'s limit of disputes {what} "
                f"({program}, {standing.month:%B}): {standing.rate.text}, the limit is {limit}.",
                path="/ops#disputes",
            )


def age(since: datetime, now: datetime) -> str:
    """Say how long ago something was, in the largest unit that fits twice, or once."""
    seconds = max(int((now - since).total_seconds()), 0)
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return _so_many(seconds, "second", "seconds")


def _by_age(since: datetime, now: datetime) -> Weight:
    return Weight.BAD if now - since >= LONG_UNKNOWN else Weight.WARN


def _so_many(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


def _payments(ids: Iterable[str]) -> Sequence[tuple[str, str]]:
    return [(each, f"{PAYMENTS}/{each}") for each in dict.fromkeys(ids)]


def _disputes(ids: Iterable[str]) -> Sequence[tuple[str, str]]:
    return [(each, f"{DISPUTES}/{each}") for each in dict.fromkeys(ids)]
