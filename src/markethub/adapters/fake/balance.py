"""Money on the account's balance: fees, exchange, and the lines that a charge writes."""

from collections.abc import Mapping
from typing import Final

from markethub.adapters.fake import objects
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.options import AccountOptions
from markethub.adapters.fake.store import JsonObject

TYPES: Final = ("adjustment", "charge", "refund", "refund_failure", "stripe_fee")
"""The kinds of lines that the account writes."""

_DAY_S = 86_400
_AVAILABLE_AFTER_S = 2 * _DAY_S  # a US account's usual payout delay


def fee(amount: int, options: AccountOptions) -> int:
    """Compute Stripe's fee on a settled amount: a share rounded half up, and a fixed part."""
    return (amount * options.fee_basis_points + 5_000) // 10_000 + options.fee_fixed


def settled(amount: int, currency: str, options: AccountOptions) -> tuple[int, str]:
    """Convert into the settlement currency, rounded half up. Returns the amount and currency."""
    if options.settlement_currency in (None, currency):
        return amount, currency
    numerator, denominator = options.exchange_rate
    assert options.settlement_currency is not None
    converted = (2 * amount * numerator + denominator) // (2 * denominator)
    return converted, options.settlement_currency


def book(execution: Execution, charge: JsonObject, *, at_once: bool) -> JsonObject:
    """Write a captured charge's lines and return the charge, naming the first of them.

    A partial capture books the authorized amount and takes the rest back with a line of type
    ``refund`` that no Refund object belongs to; the fee is on what was captured.
    """
    options = execution.options
    captured, currency = settled(charge["amount_captured"], charge["currency"], options)
    authorized, _ = settled(charge["amount"], charge["currency"], options)
    line = _line(
        execution,
        charge,
        amount=authorized,
        fee_amount=fee(captured, options),
        currency=currency,
        at_once=at_once,
        type="charge",
        reporting_category="charge",
    )
    if captured != authorized:
        _line(
            execution,
            charge,
            amount=captured - authorized,
            fee_amount=0,
            currency=currency,
            at_once=at_once,
            type="refund",
            reporting_category="partial_capture_reversal",
        )
    return execution.change(charge, balance_transaction=line["id"])


def _line(
    execution: Execution,
    charge: JsonObject,
    *,
    amount: int,
    fee_amount: int,
    currency: str,
    at_once: bool,
    type: str,
    reporting_category: str,
) -> JsonObject:
    numerator, denominator = execution.options.exchange_rate
    return execution.save(
        objects.balance_transaction(
            id=execution.new_id("txn"),
            created=execution.now,
            available_on=execution.now if at_once else execution.now + _AVAILABLE_AFTER_S,
            amount=amount,
            fee=fee_amount,
            currency=currency,
            # Shown, never computed with: Stripe answers a number here.
            exchange_rate=None if currency == charge["currency"] else numerator / denominator,
            description=charge["description"],
            source=charge["id"],
            type=type,
            reporting_category=reporting_category,
        )
    )


def move(
    execution: Execution,
    *,
    amount: int,
    currency: str,
    description: str,
    source: str,
    type: str,
    reporting_category: str,
    fee_amount: int = 0,
    fee_description: str = "",
) -> JsonObject:
    """Write a line that takes (negative) or gives money at once, converted to what is settled in.

    ``fee_amount`` is in the settlement currency.
    """
    converted, settled_in = settled(abs(amount), currency, execution.options)
    numerator, denominator = execution.options.exchange_rate
    return execution.save(
        objects.balance_transaction(
            id=execution.new_id("txn"),
            created=execution.now,
            available_on=execution.now,
            amount=converted if amount > 0 else -converted,
            fee=fee_amount,
            fee_description=fee_description,
            currency=settled_in,
            exchange_rate=None if settled_in == currency else numerator / denominator,
            description=description,
            source=source,
            type=type,
            reporting_category=reporting_category,
        )
    )


def reverse(
    execution: Execution,
    line: JsonObject,
    *,
    description: str,
    type: str,
    reporting_category: str,
) -> JsonObject:
    """Write a line that takes back another one's amount, to the last unit, and not its fee."""
    return execution.save(
        objects.balance_transaction(
            id=execution.new_id("txn"),
            created=execution.now,
            available_on=execution.now,
            amount=-line["amount"],
            fee=0,
            currency=line["currency"],
            exchange_rate=line["exchange_rate"],
            description=description,
            source=line["source"],
            type=type,
            reporting_category=reporting_category,
        )
    )


def covers(execution: Execution, amount: int, currency: str) -> bool:
    """Tell whether the balance that is available by now is enough to pay an amount."""
    converted, settled_in = settled(amount, currency, execution.options)
    available: int = sum(
        line["net"]
        for line in execution.newest("balance_transaction")
        if line["currency"] == settled_in and line["available_on"] <= execution.now
    )
    return available >= converted


def matches(line: JsonObject, wanted: Mapping[str, str]) -> bool:
    """Tell whether a list with these filters has the line.

    A dispute's lines are never found by their source: a quirk that others recorded.
    """
    is_disputes = line["reporting_category"] in ("dispute", "dispute_reversal")
    return not ("source" in wanted and is_disputes) and all(
        line[name] == wanted[name] for name in wanted
    )


def view(line: JsonObject, now: int) -> JsonObject:
    """Show a line as it is by now: available once its day has come."""
    return {**line, "status": "available"} if line["available_on"] <= now else line
