"""Double entry: which accounts a movement of money is posted to.

One entry is one transfer between two accounts: balanced by its shape. Entries are appended,
never changed. ``(reference, kind)`` is unique, so the same fact is posted once however often it
is told. Status alone posts nothing but the charge; everything else waits for the provider's own
balance transaction.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

import attrs

from markethub.domain.facts import BalanceTransaction, IntentStatus, ProviderIntent, ProviderRefund
from markethub.domain.ids import PaymentId
from markethub.domain.money import Money


class Account(StrEnum):
    """Where money is, was earned or was spent."""

    PROVIDER_BALANCE = "provider_balance"
    """Cash that the provider keeps for us (asset)."""
    SALES = "sales"
    """What customers paid for orders (income)."""
    PROCESSING_FEES = "processing_fees"
    """What the provider keeps for its work (expense)."""
    FOREIGN_EXCHANGE = "foreign_exchange"
    """Between a charge's currency and the currency that the provider settles in."""
    REFUNDS = "refunds"
    """What was given back of the sales (contra income)."""
    DISPUTE_LOSSES = "dispute_losses"
    """What disputes took and did not give back (expense)."""
    DISPUTE_FEES = "dispute_fees"
    """What the provider keeps for its work on disputes (expense)."""


class EntryKind(StrEnum):
    """What was posted; with the provider's id it says which fact."""

    CHARGE = "charge"
    FEE = "fee"
    FX_OUT = "fx_out"
    FX_IN = "fx_in"
    REFUND = "refund"
    REFUND_RETURNED = "refund_returned"
    DISPUTE_WITHDRAWN = "dispute_withdrawn"
    DISPUTE_REINSTATED = "dispute_reinstated"
    DISPUTE_FEE = "dispute_fee"
    DISPUTE_FEE_RETURNED = "dispute_fee_returned"


@attrs.frozen(kw_only=True)
class Entry:
    """A transfer of ``amount`` (positive) from the ``credit`` account to the ``debit`` account."""

    kind: EntryKind
    reference: str
    """The provider's id of the fact: ``ch_`` for a charge's principal, otherwise ``txn_``."""
    payment_id: PaymentId
    debit: Account
    credit: Account
    amount: Money
    posted_at: datetime

    def __attrs_post_init__(self) -> None:
        """Refuse an entry that moves nothing, backwards, or within one account."""
        if self.amount.minor <= 0 or self.debit is self.credit:
            raise ValueError("an entry moves a positive amount between two accounts")


def entries_for(
    intent: ProviderIntent, *, payment_id: PaymentId, now: datetime
) -> tuple[Entry, ...]:
    """Return what an intent's state posts: its captured principal, and its fee once it is known."""
    if intent.status is not IntentStatus.SUCCEEDED or intent.received.minor <= 0:
        return ()
    if intent.latest_charge_id is None:
        return ()  # old shapes of events: the read that follows has it
    principal = Entry(
        kind=EntryKind.CHARGE,
        reference=intent.latest_charge_id,
        payment_id=payment_id,
        debit=Account.PROVIDER_BALANCE,
        credit=Account.SALES,
        amount=intent.received,
        posted_at=now,
    )
    charge = intent.charge
    if charge is None or charge.balance is None:
        return (principal,)
    if charge.is_exchanged_in_part and charge.released is None:
        # The first line shows the whole authorization: what the captured part became in the
        # other currency is known only with the line that takes the rest back.
        return (principal,)
    balance = _kept(charge.balance, charge.released)
    exchange = _exchange(balance, paid=intent.received, payment_id=payment_id, now=now)
    return (principal, *exchange, *_fee(balance, payment_id=payment_id, now=now))


def _kept(booked: BalanceTransaction, released: BalanceTransaction | None) -> BalanceTransaction:
    """Return what is left of a charge's line when the part that was not captured is back."""
    if released is None:
        return booked
    return attrs.evolve(
        booked, amount=booked.amount + released.amount, fee=booked.fee + released.fee
    )


def _exchange(
    balance: BalanceTransaction, *, paid: Money, payment_id: PaymentId, now: datetime
) -> tuple[Entry, ...]:
    if balance.amount.currency == paid.currency:
        return ()
    out = Entry(
        kind=EntryKind.FX_OUT,
        reference=balance.id,
        payment_id=payment_id,
        debit=Account.FOREIGN_EXCHANGE,
        credit=Account.PROVIDER_BALANCE,
        amount=paid,
        posted_at=now,
    )
    if balance.amount.minor <= 0:
        return (out,)  # so little that nothing of it was left in the other currency
    into = attrs.evolve(
        out,
        kind=EntryKind.FX_IN,
        debit=Account.PROVIDER_BALANCE,
        credit=Account.FOREIGN_EXCHANGE,
        amount=balance.amount,
    )
    return (out, into)


def _fee(balance: BalanceTransaction, *, payment_id: PaymentId, now: datetime) -> tuple[Entry, ...]:
    if balance.fee.minor <= 0:
        return ()
    return (
        Entry(
            kind=EntryKind.FEE,
            reference=balance.id,
            payment_id=payment_id,
            debit=Account.PROCESSING_FEES,
            credit=Account.PROVIDER_BALANCE,
            amount=balance.fee,
            posted_at=now,
        ),
    )


def refund_entries(
    refund: ProviderRefund, *, payment_id: PaymentId, now: datetime
) -> tuple[Entry, ...]:
    """Return what a refund posts: what it took from our balance, and what came back if it failed.

    Its status posts nothing: only the provider's balance transactions do.
    """
    gone, back = refund.balance, refund.returned
    cash, refunds = Account.PROVIDER_BALANCE, Account.REFUNDS
    posted: list[Entry] = []
    for movement, kind, debit, credit in (
        (gone, EntryKind.REFUND, refunds, cash),
        (back, EntryKind.REFUND_RETURNED, cash, refunds),
    ):
        if movement is None:
            continue
        entry = Entry(
            kind=kind,
            reference=movement.id,
            payment_id=payment_id,
            debit=debit,
            credit=credit,
            amount=refund.amount,
            posted_at=now,
        )
        posted += (entry, *_exchanged(entry, movement), *_charged(entry, movement))
    return tuple(posted)


def _exchanged(entry: Entry, movement: BalanceTransaction) -> tuple[Entry, ...]:
    """Return how cash changed currency where the provider settles in another.

    So little that it is nothing in the other currency is exchanged for nothing.
    """
    settled = attrs.evolve(movement.amount, minor=abs(movement.amount.minor))
    if settled.currency == entry.amount.currency:
        return ()
    leaves = entry.credit is Account.PROVIDER_BALANCE
    out, into = (settled, entry.amount) if leaves else (entry.amount, settled)
    exchange, cash = Account.FOREIGN_EXCHANGE, Account.PROVIDER_BALANCE
    sides = ((EntryKind.FX_OUT, exchange, cash, out), (EntryKind.FX_IN, cash, exchange, into))
    return tuple(
        attrs.evolve(entry, kind=kind, debit=debit, credit=credit, amount=amount)
        for kind, debit, credit, amount in sides
        if amount.minor
    )


def _charged(entry: Entry, movement: BalanceTransaction) -> tuple[Entry, ...]:
    """Return the fee of a movement; below zero it is one that is returned."""
    fee = attrs.evolve(movement.fee, minor=abs(movement.fee.minor))
    if not fee.minor:
        return ()
    fees, cash = Account.PROCESSING_FEES, Account.PROVIDER_BALANCE
    debit, credit = (fees, cash) if movement.fee.minor > 0 else (cash, fees)
    return (attrs.evolve(entry, kind=EntryKind.FEE, debit=debit, credit=credit, amount=fee),)


def dispute_entries(
    movement: BalanceTransaction, *, disputed: Money, payment_id: PaymentId, now: datetime
) -> tuple[Entry, ...]:
    """Return what a movement of a dispute's funds posts.

    ``disputed`` is what it took or gave in the dispute's currency; the provider settles in its
    own. A fee below zero is one that is returned.
    """
    withdrawn = movement.amount.minor < 0
    cash, losses = Account.PROVIDER_BALANCE, Account.DISPUTE_LOSSES
    settled = attrs.evolve(movement.amount, minor=abs(movement.amount.minor))

    def entry(kind: EntryKind, debit: Account, credit: Account, amount: Money) -> Entry:
        return Entry(
            kind=kind,
            reference=movement.id,
            payment_id=payment_id,
            debit=debit,
            credit=credit,
            amount=amount,
            posted_at=now,
        )

    posted: list[Entry] = []
    if settled.minor:
        kind = EntryKind.DISPUTE_WITHDRAWN if withdrawn else EntryKind.DISPUTE_REINSTATED
        debit, credit = (losses, cash) if withdrawn else (cash, losses)
        posted.append(entry(kind, debit, credit, disputed))
    if settled.minor and settled.currency != disputed.currency:
        out, into = (settled, disputed) if withdrawn else (disputed, settled)
        exchange = Account.FOREIGN_EXCHANGE
        posted.append(entry(EntryKind.FX_OUT, exchange, cash, out))
        posted.append(entry(EntryKind.FX_IN, cash, exchange, into))
    fee, fees = attrs.evolve(movement.fee, minor=abs(movement.fee.minor)), Account.DISPUTE_FEES
    if movement.fee.minor > 0:
        posted.append(entry(EntryKind.DISPUTE_FEE, fees, cash, fee))
    elif fee.minor:
        posted.append(entry(EntryKind.DISPUTE_FEE_RETURNED, cash, fees, fee))
    return tuple(posted)


def balances(entries: Iterable[Entry]) -> Mapping[tuple[Account, str], int]:
    """Add entries up: minor units by account and currency code, debits positive."""
    sums: defaultdict[tuple[Account, str], int] = defaultdict(int)
    for entry in entries:
        code = entry.amount.currency.code
        sums[entry.debit, code] += entry.amount.minor
        sums[entry.credit, code] -= entry.amount.minor
    return dict(sums)
