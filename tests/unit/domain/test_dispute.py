"""Disputes: every step of the bank is followed, and money counts once."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markethub.domain.dispute import DUE_SOON, EDGES, Dispute, DisputeStatus, in_dispute
from markethub.domain.errors import InvalidTransition
from markethub.domain.events import (
    DisputeDue,
    DisputeLost,
    DisputeOpened,
    DisputeStatusUnexpected,
    DisputeWon,
)
from markethub.domain.facts import (
    BalanceTransaction,
    ProviderDispute,
    ProviderDisputeStatus,
)
from markethub.domain.ids import DisputeId, OrderId, ProviderDisputeId
from markethub.domain.money import Money
from tests.unit.domain.values import CH1, PAY1, PI1, START, later, usd

S = DisputeStatus
DP1 = ProviderDisputeId("dp_1")
DUE_BY = later(days=7)


def moved(id: str, minor: int, *, fee: int = 0, currency: str = "usd") -> BalanceTransaction:
    return BalanceTransaction(id=id, amount=Money.of(minor, currency), fee=Money.of(fee, currency))


def view(
    status: DisputeStatus | ProviderDisputeStatus = S.NEEDS_RESPONSE,
    *,
    id: ProviderDisputeId = DP1,
    amount: Money | None = None,
    movements: tuple[BalanceTransaction, ...] = (),
    submission_count: int = 0,
) -> ProviderDispute:
    return ProviderDispute(
        id=id,
        status=ProviderDisputeStatus(status.value),
        reason="fraudulent",
        amount=amount or usd(5000),
        charge_id=CH1,
        intent_id=PI1,
        movements=movements,
        evidence_due_by=DUE_BY,
        submission_count=submission_count,
        livemode=False,
        created_at=START,
    )


def opened(seen: ProviderDispute | None = None) -> Dispute:
    return Dispute.open(
        seen or view(),
        id=DisputeId("dsp_1"),
        payment_id=PAY1,
        order_id=OrderId("o-1"),
        now=START,
    )


def told(dispute: Dispute) -> list[type[object]]:
    return [type(event) for event in dispute.events]


# --- the machine --------------------------------------------------------------------------------

DIRECT = {
    (S.WARNING_NEEDS_RESPONSE, S.WARNING_UNDER_REVIEW),
    (S.WARNING_NEEDS_RESPONSE, S.WARNING_CLOSED),
    (S.WARNING_NEEDS_RESPONSE, S.NEEDS_RESPONSE),
    (S.WARNING_NEEDS_RESPONSE, S.PREVENTED),
    (S.WARNING_UNDER_REVIEW, S.WARNING_CLOSED),
    (S.WARNING_UNDER_REVIEW, S.NEEDS_RESPONSE),
    (S.WARNING_UNDER_REVIEW, S.PREVENTED),
    (S.NEEDS_RESPONSE, S.UNDER_REVIEW),
    (S.NEEDS_RESPONSE, S.WON),
    (S.NEEDS_RESPONSE, S.LOST),
    (S.NEEDS_RESPONSE, S.PREVENTED),
    (S.UNDER_REVIEW, S.WON),
    (S.UNDER_REVIEW, S.LOST),
    (S.LOST, S.WON),
}
"""The edges of Stripe's machine."""

BETWEEN_TWO_READS = {
    (S.WARNING_NEEDS_RESPONSE, S.UNDER_REVIEW),
    (S.WARNING_NEEDS_RESPONSE, S.WON),
    (S.WARNING_NEEDS_RESPONSE, S.LOST),
    (S.WARNING_UNDER_REVIEW, S.UNDER_REVIEW),
    (S.WARNING_UNDER_REVIEW, S.WON),
    (S.WARNING_UNDER_REVIEW, S.LOST),
}
"""Several edges at once, to whoever did not look in between."""

PAIRS = [(before, after) for before in S for after in S if before is not after]


def test_the_machine_is_the_one_that_was_drawn() -> None:
    assert DIRECT == {(before, after) for before in S for after in EDGES[before]}


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_every_step_is_taken_and_one_that_nobody_drew_is_told_of(
    before: DisputeStatus, after: DisputeStatus
) -> None:
    dispute = opened(view(before))

    seen = dispute.observe(view(after, movements=(moved("txn_1", -5000),)), now=START)

    unexpected = [e for e in seen.events if isinstance(e, DisputeStatusUnexpected)]
    expected = (before, after) in DIRECT | BETWEEN_TWO_READS
    assert (after, usd(5000)) == (seen.status, seen.withdrawn)
    assert ([] if expected else [(before, after)]) == [(e.before, e.after) for e in unexpected]


@pytest.mark.parametrize("status", S)
def test_a_dispute_may_be_born_in_any_status(status: DisputeStatus) -> None:
    assert opened(view(status)).status is status


def test_an_inquiry_that_ended_by_a_refund_is_closed_whatever_old_payloads_call_it() -> None:
    inquiry = opened(view(S.WARNING_NEEDS_RESPONSE))

    seen = inquiry.observe(view(ProviderDisputeStatus.CHARGE_REFUNDED), now=START)

    assert seen.status is S.WARNING_CLOSED


def test_a_dispute_that_begins_in_a_status_unheard_of_holds_its_payment_back() -> None:
    strange = view(ProviderDisputeStatus.UNKNOWN, movements=(moved("txn_1", -5000),))

    begun = opened(strange)

    assert (True, usd(5000)) == (begun.is_open_chargeback, begun.withdrawn)
    assert [DisputeOpened, DisputeStatusUnexpected] == told(begun)


def test_a_status_unheard_of_changes_nothing_but_the_rest() -> None:
    strange = view(ProviderDisputeStatus.UNKNOWN, movements=(moved("txn_1", -5000),))

    seen = opened().observe(strange, now=START)

    assert (S.NEEDS_RESPONSE, usd(5000)) == (seen.status, seen.withdrawn)


def test_another_dispute_is_never_taken_for_this_one() -> None:
    with pytest.raises(InvalidTransition):
        opened().observe(view(id=ProviderDisputeId("dp_2")), now=START)


def test_what_is_known_already_changes_nothing() -> None:
    dispute = opened(view(movements=(moved("txn_1", -5000),)))

    assert dispute is dispute.observe(view(movements=(moved("txn_1", -5000),)), now=later(days=1))


# --- what is told ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ([S.NEEDS_RESPONSE], [DisputeOpened]),
        ([S.NEEDS_RESPONSE, S.UNDER_REVIEW, S.WON], [DisputeOpened, DisputeWon]),
        ([S.LOST], [DisputeOpened, DisputeLost]),
        ([S.LOST, S.WON], [DisputeOpened, DisputeLost, DisputeWon]),
        ([S.WARNING_NEEDS_RESPONSE, S.WARNING_CLOSED], [DisputeOpened]),
        ([S.WARNING_NEEDS_RESPONSE, S.NEEDS_RESPONSE], [DisputeOpened, DisputeOpened]),
        (
            [S.WARNING_UNDER_REVIEW, S.LOST],
            [DisputeOpened, DisputeOpened, DisputeLost],
        ),
        ([S.PREVENTED], [DisputeOpened]),
    ],
)
def test_the_storefront_is_told_of_each_step_that_concerns_it(
    path: list[DisputeStatus], expected: list[type[object]]
) -> None:
    dispute = opened(view(path[0]))
    for _, status in pairwise(path):
        dispute = dispute.observe(view(status), now=START)

    assert expected == told(dispute)


@pytest.mark.parametrize(
    ("before_due", "reminded"),
    [
        (DUE_SOON + timedelta(seconds=1), False),
        (DUE_SOON, True),
        (timedelta(0), True),
        (-timedelta(seconds=1), False),
    ],
)
def test_the_reminder_comes_in_the_last_days_only(before_due: timedelta, *, reminded: bool) -> None:
    dispute = opened().remind(now=DUE_BY - before_due)

    assert reminded == (DisputeDue in told(dispute))


@pytest.mark.parametrize("status", sorted(set(S) - {S.NEEDS_RESPONSE, S.WARNING_NEEDS_RESPONSE}))
def test_nobody_is_reminded_of_what_needs_no_response(status: DisputeStatus) -> None:
    dispute = opened(view(status))

    assert dispute is dispute.remind(now=DUE_BY)


# --- money ----------------------------------------------------------------------------------------

movements = st.lists(
    st.builds(
        moved,
        st.sampled_from(["txn_1", "txn_2", "txn_3"]),
        st.sampled_from([-5000, -2000, 2000, 5000]),
    ),
    max_size=3,
    unique_by=lambda each: each.id,
)


@given(movements, st.data())
def test_movements_count_once_in_whatever_order_they_are_seen(
    seen: list[BalanceTransaction], data: st.DataObject
) -> None:
    whole = opened(view(movements=tuple(seen)))
    parts = opened()
    for each in data.draw(st.permutations([*seen, *seen])):
        parts = parts.observe(view(movements=(each,)), now=START)

    assert whole.movements == parts.movements
    assert (whole.withdrawn, whole.reinstated) == (parts.withdrawn, parts.reinstated)


def test_what_was_taken_is_in_the_disputes_currency_whatever_it_is_settled_in() -> None:
    taken = moved("txn_1", -4500, fee=1400, currency="eur")

    dispute = opened(view(movements=(taken,)))

    assert (usd(5000), {"eur": 1400}) == (dispute.withdrawn, dispute.fees_minor_by_currency)


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        pytest.param([-4600], 5000, id="all of it"),
        pytest.param([-4600, 4600], 0, id="all of it and back"),
        pytest.param([-4600, 1840], 3000, id="a part comes back"),
        pytest.param([-2300, -2300], 5000, id="in two lines"),
        pytest.param([-2300, -2300, 4600], 0, id="in two lines and back in one"),
        pytest.param([-4600, 4600, -4600], 5000, id="taken again"),
        pytest.param([-4600, 4550, -4600], 5000, id="taken again at another rate"),
        pytest.param([-4600, 1], 4999, id="hardly anything comes back"),
    ],
)
def test_settled_in_another_currency_a_part_is_a_part_of_the_disputed_amount(
    lines: list[int], left: int
) -> None:
    """50.00 USD are taken as 46.00 EUR; 18.40 EUR that come back are 20.00 USD."""
    movements = [moved(f"txn_{n}", minor, currency="eur") for n, minor in enumerate(lines)]

    dispute = opened(view(movements=tuple(movements)))

    assert usd(left) == in_dispute([dispute], whole=usd(5000))


@given(
    taken=st.integers(1, 10_000), shares=st.lists(st.integers(0, 25), max_size=4), data=st.data()
)
def test_settled_elsewhere_as_much_is_left_of_the_dispute_as_of_its_withdrawal(
    taken: int, shares: list[int], data: st.DataObject
) -> None:
    back = [taken * share // 100 for share in shares]
    lines = [minor for minor in data.draw(st.permutations([-taken, *back])) if minor]
    movements = [moved(f"txn_{n}", minor, currency="eur") for n, minor in enumerate(lines)]

    left = in_dispute([opened(view(movements=tuple(movements)))], whole=usd(5000)).minor

    # Each line is rounded for itself, and is one minor unit at least.
    assert abs(left * taken - 5000 * (taken - sum(back))) <= taken * len(lines)


def test_more_given_back_than_taken_is_not_less_than_nothing_in_dispute() -> None:
    dispute = opened(view(movements=(moved("txn_1", -2000), moved("txn_2", 2500))))

    assert usd(0) == in_dispute([dispute], whole=usd(5000))


def test_a_submission_is_never_uncounted() -> None:
    dispute = opened(view(submission_count=1))

    assert 1 == dispute.observe(view(submission_count=0), now=START).submission_count


def test_a_draft_remains_what_it_was_whatever_is_read() -> None:
    dispute = opened()
    drafted = dispute.redraft(
        dispute.draft.with_texts({"uncategorized_text": "sent"}), actor="ann", now=START
    )

    seen = drafted.observe(view(movements=(moved("txn_1", -5000),)), now=START)

    assert drafted.draft == seen.draft
    assert "ann" == seen.drafted_by
