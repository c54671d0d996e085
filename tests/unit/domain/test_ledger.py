"""The books: balanced by their shape, each fact under the provider's id."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markethub.domain.facts import BalanceTransaction, IntentStatus, ProviderIntent
from markethub.domain.ledger import Account, Entry, EntryKind, balances, entries_for
from markethub.domain.money import Currency, Money
from tests.unit.domain.values import CH1, PAY1, START, amounts, currencies, intent, usd

A, E = Account, EntryKind
TXN = "txn_1"


@st.composite
def balance_transactions(draw: st.DrawFn) -> BalanceTransaction:
    currency = draw(currencies)
    amount = draw(amounts)
    fee = draw(st.integers(min_value=0, max_value=amount))
    return BalanceTransaction(
        id=TXN,
        amount=Money(minor=amount, currency=currency),
        fee=Money(minor=fee, currency=currency),
    )


def posted(
    *,
    status: IntentStatus = IntentStatus.SUCCEEDED,
    balance: BalanceTransaction | None = None,
    currency: str = "usd",
    amount: int = 5000,
    received: int | None = None,
) -> tuple[Entry, ...]:
    """Return what an intent of this amount posts, all of it captured unless said otherwise."""
    read = intent(status, amount=amount, currency=currency, received=received, balance=balance)
    return entries_for(read, payment_id=PAY1, now=START)


def settled(amount: Money, fee: int = 0) -> BalanceTransaction:
    return BalanceTransaction(id=TXN, amount=amount, fee=attrs.evolve(amount, minor=fee))


def shown(entries: tuple[Entry, ...]) -> list[tuple[EntryKind, str, Account, Account, Money]]:
    """Return what was posted: kind, reference, debit, credit, amount."""
    return [(each.kind, each.reference, each.debit, each.credit, each.amount) for each in entries]


@given(
    status=st.sampled_from(IntentStatus),
    currency=currencies,
    amount=amounts,
    received=amounts,
    balance=st.none() | balance_transactions(),
)
def test_whatever_is_posted_is_balanced_in_every_currency(
    status: IntentStatus,
    currency: Currency,
    amount: int,
    received: int,
    balance: BalanceTransaction | None,
) -> None:
    entries = posted(
        status=status, currency=currency.code, amount=amount, received=received, balance=balance
    )
    sums: dict[str, int] = {}
    for (_, code), minor in balances(entries).items():
        sums[code] = sums.get(code, 0) + minor

    assert {0} >= set(sums.values())


@given(currency=currencies, amount=amounts, balance=balance_transactions())
def test_cash_grows_by_what_the_provider_credits_us(
    currency: Currency, amount: int, balance: BalanceTransaction
) -> None:
    if balance.amount.currency == currency:
        balance = attrs.evolve(balance, amount=attrs.evolve(balance.amount, minor=amount))
    held = balances(posted(currency=currency.code, amount=amount, balance=balance))
    code = balance.amount.currency.code
    net = balance.amount.minor - balance.fee.minor

    assert net == held[A.PROVIDER_BALANCE, code]
    assert -amount == held[A.SALES, currency.code]
    if code != currency.code:
        assert 0 == held[A.PROVIDER_BALANCE, currency.code]


@given(balance=balance_transactions(), currency=currencies)
def test_no_two_entries_of_an_intent_are_the_same_fact(
    balance: BalanceTransaction, currency: Currency
) -> None:
    facts = [
        (each.reference, each.kind) for each in posted(currency=currency.code, balance=balance)
    ]

    assert len(facts) == len(set(facts))


@pytest.mark.parametrize(
    "status", [status for status in IntentStatus if status is not IntentStatus.SUCCEEDED]
)
def test_only_a_success_posts_anything(status: IntentStatus) -> None:
    assert () == posted(status=status, balance=settled(usd(5000), fee=175))


def test_what_has_no_charge_yet_waits_for_the_read_that_has() -> None:
    bare = attrs.evolve(intent(IntentStatus.SUCCEEDED), latest_charge_id=None, charge=None)

    assert () == entries_for(bare, payment_id=PAY1, now=START)


def test_a_success_of_nothing_posts_nothing() -> None:
    assert () == posted(received=0)


def test_a_charge_is_posted_under_its_own_id_before_its_fee_is_known() -> None:
    assert [(E.CHARGE, CH1, A.PROVIDER_BALANCE, A.SALES, usd(5000))] == shown(posted())


def test_an_event_without_the_charge_inline_posts_the_principal() -> None:
    event = attrs.evolve(intent(IntentStatus.SUCCEEDED), charge=None)

    assert posted() == entries_for(event, payment_id=PAY1, now=START)


def test_what_was_captured_is_posted_not_what_was_authorized() -> None:
    assert [usd(3000)] == [entry.amount for entry in posted(received=3000)]


def test_a_fee_is_posted_under_its_balance_transaction() -> None:
    assert [
        (E.CHARGE, CH1, A.PROVIDER_BALANCE, A.SALES, usd(5000)),
        (E.FEE, TXN, A.PROCESSING_FEES, A.PROVIDER_BALANCE, usd(175)),
    ] == shown(posted(balance=settled(usd(5000), fee=175)))


def test_no_fee_is_no_entry() -> None:
    assert [E.CHARGE] == [entry.kind for entry in posted(balance=settled(usd(5000)))]


def test_another_settlement_currency_goes_through_the_exchange_account() -> None:
    euros = Money.of(4600, "eur")

    assert [
        (E.CHARGE, CH1, A.PROVIDER_BALANCE, A.SALES, usd(5000)),
        (E.FX_OUT, TXN, A.FOREIGN_EXCHANGE, A.PROVIDER_BALANCE, usd(5000)),
        (E.FX_IN, TXN, A.PROVIDER_BALANCE, A.FOREIGN_EXCHANGE, euros),
        (E.FEE, TXN, A.PROCESSING_FEES, A.PROVIDER_BALANCE, Money.of(160, "eur")),
    ] == shown(posted(balance=settled(euros, fee=160)))


def part(released: BalanceTransaction | None) -> ProviderIntent:
    """Return 30.00 captured of 50.00, where the whole would have settled as 46.00 euros."""
    whole = settled(Money.of(4600, "eur"), fee=110)
    read = intent(IntentStatus.SUCCEEDED, received=3000, balance=whole)
    assert read.charge is not None
    return attrs.evolve(read, charge=attrs.evolve(read.charge, released=released))


def test_of_a_part_nothing_is_exchanged_before_the_provider_says_what_it_took_back() -> None:
    entries = entries_for(part(None), payment_id=PAY1, now=START)

    assert [E.CHARGE] == [entry.kind for entry in entries]


def test_of_a_part_that_is_exchanged_which_the_provider_kept() -> None:
    back = attrs.evolve(settled(Money.of(-1840, "eur")), id="txn_back")
    entries = entries_for(part(back), payment_id=PAY1, now=START)

    assert [
        (E.CHARGE, CH1, A.PROVIDER_BALANCE, A.SALES, usd(3000)),
        (E.FX_OUT, TXN, A.FOREIGN_EXCHANGE, A.PROVIDER_BALANCE, usd(3000)),
        (E.FX_IN, TXN, A.PROVIDER_BALANCE, A.FOREIGN_EXCHANGE, Money.of(2760, "eur")),
        (E.FEE, TXN, A.PROCESSING_FEES, A.PROVIDER_BALANCE, Money.of(110, "eur")),
    ] == shown(entries)


# --- entries ------------------------------------------------------------------------------------


@pytest.mark.parametrize("minor", [0, -1])
def test_an_entry_moves_a_positive_amount(minor: int) -> None:
    [entry] = posted()

    with pytest.raises(ValueError, match="positive"):
        attrs.evolve(entry, amount=usd(minor))


def test_an_entry_moves_between_two_accounts() -> None:
    [entry] = posted()

    with pytest.raises(ValueError, match="two accounts"):
        attrs.evolve(entry, credit=entry.debit)


def test_balances_are_kept_by_account_and_currency() -> None:
    entries = (*posted(), *posted(currency="eur"), *posted(received=1))

    assert {
        (A.PROVIDER_BALANCE, "usd"): 5001,
        (A.SALES, "usd"): -5001,
        (A.PROVIDER_BALANCE, "eur"): 5000,
        (A.SALES, "eur"): -5000,
    } == balances(entries)
