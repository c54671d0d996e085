"""The machine of refunds: every edge, every non-edge, and what each tells the outside."""

from itertools import product

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markethub.domain.errors import (
    InvalidTransition,
    PaymentDisputed,
    PaymentNotRefundable,
    RefundExceedsCaptured,
    RequestInProgress,
    ValidationFailed,
)
from markethub.domain.facts import BalanceTransaction, ProviderRefund, ProviderRefundStatus
from markethub.domain.ids import OrderId, PaymentId, ProviderRefundId, RefundId
from markethub.domain.ledger import Account, EntryKind, balances, refund_entries
from markethub.domain.money import Money
from markethub.domain.payment import Payment, PaymentStatus
from markethub.domain.refund import Refund, RefundReason, RefundStatus, refunded, reserved
from tests.unit.domain.values import PAY1, REACHED, START, later, usd

R, P = RefundStatus, ProviderRefundStatus
PROVIDER_ID = ProviderRefundId("re_1")


def asked(amount: int = 2000) -> Refund:
    return Refund(
        id=RefundId("ref_1"),
        payment_id=PAY1,
        order_id=OrderId("o-1"),
        amount=usd(amount),
        status=R.PENDING,
        reason=RefundReason.GOODWILL,
        actor="ada",
        created_at=START,
        updated_at=START,
    )


def read(status: ProviderRefundStatus, *, failure: str | None = None) -> ProviderRefund:
    return ProviderRefund(
        id=PROVIDER_ID,
        status=status,
        amount=usd(2000),
        charge_id=None,
        intent_id=None,
        failure_reason=failure,
        created_at=START,
    )


def at(status: RefundStatus) -> Refund:
    """Return a refund that the provider knows, in a status, with nothing told yet."""
    return attrs.evolve(asked(), status=status, provider_id=PROVIDER_ID)


# Stripe's edges as a reader may see them; from failed and canceled there is no way back.
SEEN_FROM = {
    R.PENDING: set(P) - {P.UNKNOWN},
    R.REQUIRES_ACTION: set(P) - {P.UNKNOWN},
    R.SUCCEEDED: {P.PENDING, P.REQUIRES_ACTION, P.SUCCEEDED, P.FAILED, P.CANCELED},
    R.FAILED: {P.FAILED},
    R.CANCELED: {P.CANCELED},
}


@pytest.mark.parametrize(("before", "seen"), list(product(RefundStatus, ProviderRefundStatus)))
def test_every_read_from_every_status(before: RefundStatus, seen: ProviderRefundStatus) -> None:
    after = at(before).observe(read(seen), now=later(seconds=1))
    expected = RefundStatus(seen.value) if seen in SEEN_FROM[before] else before

    assert expected is after.status


@pytest.mark.parametrize("seen", set(P) - {P.UNKNOWN})
def test_one_that_we_had_given_up_begins_anew_when_it_turns_up(seen: ProviderRefundStatus) -> None:
    given_up = asked().refuse("never_created", now=later(seconds=1))

    assert RefundStatus(seen.value) is given_up.observe(read(seen), now=later(seconds=2)).status


@pytest.mark.parametrize("status", RefundStatus)
def test_the_same_news_twice_changes_nothing(status: RefundStatus) -> None:
    seen = P(status.value)
    once = asked().observe(read(seen), now=later(seconds=1))

    assert once is once.observe(read(seen), now=later(seconds=2))


def test_a_success_is_told_once() -> None:
    refund = asked().observe(read(P.SUCCEEDED), now=later(seconds=1))

    assert ["refund.succeeded"] == [event.type for event in refund.events]


@pytest.mark.parametrize(("before", "had_succeeded"), [(R.PENDING, False), (R.SUCCEEDED, True)])
def test_a_failure_says_whether_the_money_had_been_there(
    before: RefundStatus, had_succeeded: bool
) -> None:
    refund = at(before).observe(
        read(P.FAILED, failure="expired_or_canceled_card"), now=later(seconds=1)
    )
    [failed] = refund.events

    assert ("refund.failed", had_succeeded, "expired_or_canceled_card") == (
        failed.type,
        getattr(failed, "had_succeeded", None),
        getattr(failed, "failure_reason", None),
    )


def test_the_news_of_another_refund_is_refused() -> None:
    with pytest.raises(InvalidTransition):
        at(R.PENDING).observe(
            attrs.evolve(read(P.SUCCEEDED), id=ProviderRefundId("re_2")), now=later(seconds=1)
        )


def test_what_is_at_the_provider_is_not_given_up_by_us() -> None:
    with pytest.raises(InvalidTransition):
        at(R.PENDING).refuse("never_created", now=later(seconds=1))


def test_one_made_at_the_provider_has_neither_reason_nor_actor() -> None:
    adopted = Refund.adopt(
        read(P.SUCCEEDED),
        id=RefundId("ref_2"),
        payment_id=PaymentId("pay_1"),
        order_id=OrderId("o-1"),
        now=later(seconds=1),
    )

    assert (None, None, R.SUCCEEDED, False) == (
        adopted.reason,
        adopted.actor,
        adopted.status,
        adopted.is_ours,
    )


@given(statuses=st.lists(st.sampled_from(RefundStatus), max_size=6))
def test_a_refund_is_reserved_refunded_or_neither(statuses: list[RefundStatus]) -> None:
    refunds = [at(status) for status in statuses]
    returned = sum(status in (R.FAILED, R.CANCELED) for status in statuses)
    total = refunded(refunds, usd(0)) + reserved(refunds, usd(0))

    assert usd(2000 * (len(statuses) - returned)) == total


# --- what a payment allows ----------------------------------------------------------------------


def paid(*, refunded_minor: int = 0, reserved_minor: int = 0, disputed_minor: int = 0) -> Payment:
    return attrs.evolve(
        REACHED[PaymentStatus.SUCCEEDED](),
        refunded=usd(refunded_minor),
        refund_reserved=usd(reserved_minor),
        disputed=usd(disputed_minor),
    )


def test_what_is_refunded_reserved_or_in_dispute_is_not_refundable() -> None:
    payment = paid(refunded_minor=1000, reserved_minor=500, disputed_minor=700)

    assert usd(2800) == payment.amount_refundable
    assert usd(2800) == payment.require_refundable()
    assert usd(2800) == payment.require_refundable(usd(2800))
    with pytest.raises(RefundExceedsCaptured):
        payment.require_refundable(usd(2801))


def test_more_in_dispute_than_was_captured_leaves_nothing() -> None:
    payment = paid(disputed_minor=6000)

    assert usd(0) == payment.amount_refundable
    with pytest.raises(PaymentNotRefundable):
        payment.require_refundable()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (PaymentStatus.PENDING, RequestInProgress),
        (PaymentStatus.REQUIRES_PAYMENT_METHOD, PaymentNotRefundable),
        (PaymentStatus.REQUIRES_ACTION, PaymentNotRefundable),
        (PaymentStatus.PROCESSING, PaymentNotRefundable),
        (PaymentStatus.AUTHORIZED, PaymentNotRefundable),
        (PaymentStatus.CANCELED, PaymentNotRefundable),
    ],
)
def test_only_captured_money_is_refundable(status: PaymentStatus, error: type[Exception]) -> None:
    with pytest.raises(error):
        REACHED[status]().require_refundable()


def test_nothing_is_refunded_while_a_chargeback_is_open() -> None:
    with pytest.raises(PaymentDisputed):
        attrs.evolve(paid(), chargeback_open=True).require_refundable(usd(1))


@pytest.mark.parametrize("amount", [usd(0), usd(-1), Money.of(100, "eur")])
def test_an_amount_that_cannot_be_one_is_refused(amount: Money) -> None:
    with pytest.raises(ValidationFailed):
        paid().require_refundable(amount)


# --- what is booked -----------------------------------------------------------------------------


def line(id: str, minor: int, currency: str = "usd", fee: int = 0) -> BalanceTransaction:
    return BalanceTransaction(id=id, amount=Money.of(minor, currency), fee=Money.of(fee, currency))


@pytest.mark.parametrize("status", ProviderRefundStatus)
def test_a_status_alone_books_nothing(status: ProviderRefundStatus) -> None:
    assert () == refund_entries(read(status), payment_id=PAY1, now=START)


def test_a_refund_leaves_our_balance_and_a_return_comes_back() -> None:
    seen = attrs.evolve(read(P.FAILED), balance=line("txn_1", -2000), returned=line("txn_2", 2000))
    entries = refund_entries(seen, payment_id=PAY1, now=START)

    assert [(EntryKind.REFUND, "txn_1"), (EntryKind.REFUND_RETURNED, "txn_2")] == [
        (entry.kind, entry.reference) for entry in entries
    ]
    assert {0} == set(balances(entries).values())


@given(settled=st.integers(1, 10**6), fee=st.integers(-500, 500))
def test_cash_moves_by_what_the_provider_says_in_its_own_currency(settled: int, fee: int) -> None:
    seen = attrs.evolve(read(P.SUCCEEDED), balance=line("txn_1", -settled, "eur", fee))
    held = balances(refund_entries(seen, payment_id=PAY1, now=START))

    assert -settled - fee == held[Account.PROVIDER_BALANCE, "eur"]
    assert 0 == held[Account.PROVIDER_BALANCE, "usd"]
    assert 2000 == held[Account.REFUNDS, "usd"]


@pytest.mark.parametrize("status", [P.SUCCEEDED, P.FAILED])
def test_what_is_nothing_in_the_other_currency_leaves_no_cash_behind(
    status: ProviderRefundStatus,
) -> None:
    gone, back = line("txn_1", 0, "eur"), line("txn_2", 0, "eur")
    seen = attrs.evolve(read(status), balance=gone, returned=back if status is P.FAILED else None)
    held = balances(refund_entries(seen, payment_id=PAY1, now=START))

    assert 0 == held[Account.PROVIDER_BALANCE, "usd"]
    assert (Account.PROVIDER_BALANCE, "eur") not in held
