"""The books of disputes: balanced by their shape, each movement under its own id."""

from hypothesis import given
from hypothesis import strategies as st

from markethub.domain.facts import BalanceTransaction
from markethub.domain.ledger import Account, Entry, EntryKind, balances, dispute_entries
from markethub.domain.money import Currency, Money
from tests.unit.domain.values import PAY1, START, amounts, currencies, usd

A, E = Account, EntryKind
TXN = "txn_1"


def posted(movement: BalanceTransaction, disputed: Money) -> tuple[Entry, ...]:
    return dispute_entries(movement, disputed=disputed, payment_id=PAY1, now=START)


def moved(minor: int, *, fee: int = 0, currency: str = "usd") -> BalanceTransaction:
    return BalanceTransaction(id=TXN, amount=Money.of(minor, currency), fee=Money.of(fee, currency))


def shown(entries: tuple[Entry, ...]) -> list[tuple[EntryKind, Account, Account, Money]]:
    """Return what was posted: kind, debit, credit, amount."""
    return [(each.kind, each.debit, each.credit, each.amount) for each in entries]


def test_withdrawn_funds_are_a_loss_and_the_fee_is_another() -> None:
    assert [
        (E.DISPUTE_WITHDRAWN, A.DISPUTE_LOSSES, A.PROVIDER_BALANCE, usd(25000)),
        (E.DISPUTE_FEE, A.DISPUTE_FEES, A.PROVIDER_BALANCE, usd(1500)),
    ] == shown(posted(moved(-25000, fee=1500), usd(25000)))


def test_reinstated_funds_undo_the_loss_and_a_returned_fee_its_own() -> None:
    assert [
        (E.DISPUTE_REINSTATED, A.PROVIDER_BALANCE, A.DISPUTE_LOSSES, usd(25000)),
        (E.DISPUTE_FEE_RETURNED, A.PROVIDER_BALANCE, A.DISPUTE_FEES, usd(1500)),
    ] == shown(posted(moved(25000, fee=-1500), usd(25000)))


def test_a_fee_alone_is_posted_alone() -> None:
    assert [
        (E.DISPUTE_FEE, A.DISPUTE_FEES, A.PROVIDER_BALANCE, usd(1500)),
    ] == shown(posted(moved(0, fee=1500), usd(25000)))


def test_another_settlement_currency_passes_through_the_exchange_both_ways() -> None:
    euros = Money.of(22000, "eur")

    assert [
        (E.DISPUTE_WITHDRAWN, A.DISPUTE_LOSSES, A.PROVIDER_BALANCE, usd(25000)),
        (E.FX_OUT, A.FOREIGN_EXCHANGE, A.PROVIDER_BALANCE, euros),
        (E.FX_IN, A.PROVIDER_BALANCE, A.FOREIGN_EXCHANGE, usd(25000)),
    ] == shown(posted(moved(-22000, currency="eur"), usd(25000)))
    assert [
        (E.DISPUTE_REINSTATED, A.PROVIDER_BALANCE, A.DISPUTE_LOSSES, usd(25000)),
        (E.FX_OUT, A.FOREIGN_EXCHANGE, A.PROVIDER_BALANCE, usd(25000)),
        (E.FX_IN, A.PROVIDER_BALANCE, A.FOREIGN_EXCHANGE, euros),
    ] == shown(posted(moved(22000, currency="eur"), usd(25000)))


@given(
    sign=st.sampled_from([-1, 1]),
    amount=amounts,
    fee=st.integers(-1500, 1500),
    settled=currencies,
    disputed=currencies,
)
def test_whatever_is_posted_is_balanced_and_our_cash_is_what_the_provider_says(
    sign: int, amount: int, fee: int, settled: Currency, disputed: Currency
) -> None:
    movement = BalanceTransaction(
        id=TXN,
        amount=Money(minor=sign * amount, currency=settled),
        fee=Money(minor=fee, currency=settled),
    )

    sums = balances(posted(movement, Money(minor=amount, currency=disputed)))

    for currency in {settled, disputed}:
        assert 0 == sum(minor for (_, code), minor in sums.items() if code == currency.code)
    assert sign * amount - fee == sums.get((A.PROVIDER_BALANCE, settled.code), 0)
    if disputed != settled:
        assert 0 == sums.get((A.PROVIDER_BALANCE, disputed.code), 0)
