"""What an account is told when it is made. Where Stripe's behaviour is unsettled, it is here."""

from typing import Final

import attrs

API_VERSION: Final = "2026-10-28.endive"


@attrs.frozen(kw_only=True)
class AccountOptions:
    """Keys, fees and habits of a simulated account. The defaults are those of ``serve``."""

    seed: str = "fake"
    """Where all its ids come from. The store keeps the seed of its first account: a later
    account over the same store goes on with that one."""
    account_id: str | None = None
    """``acct_...``; None derives it from the seed."""
    secret_keys: tuple[str, ...] = attrs.field(default=("sk_test_dev",), repr=False)
    publishable_key: str = "pk_test_dev"
    livemode: bool = False
    api_version: str = API_VERSION
    start: int = 1_735_689_600  # 2025-01-01T00:00:00Z: not later than any clock that will move it
    """What a new account's clock shows, in Unix seconds."""
    base_url: str = "http://127.0.0.1:8000"
    """Where the account's own door stands, without ``/fake-stripe``: for challenge pages."""
    delay_s: float = 2.0
    """How much later happens what does not happen at once."""

    fee_basis_points: int = 290
    fee_fixed: int = 30
    """Minor units of the settlement currency on top of the basis points."""
    fee_later: bool = False
    """Whether a charge's balance transaction comes ``delay_s`` after the charge."""
    settlement_currency: str | None = None
    """None settles each charge in its own currency."""
    exchange_rate: tuple[int, int] = (1, 1)
    """Numerator and denominator: minor units of the settlement currency for one minor unit of
    any other."""

    settles_later: bool = False
    """Whether a confirmed payment is first ``processing`` and settles ``delay_s`` later, as
    asynchronous payment methods do. Cards normally do not."""
    confirmations_max: int | None = None
    """After how many confirmations a further one cancels the intent. Stripe tells no number."""
    three_decimals_end_in_zero: bool = True
    """Whether amounts of three-decimal currencies must be multiples of ten: Stripe's page of 2022
    says so, the present one no longer does."""
    pending_refunds_are_booked: bool = True
    """Whether a refund that a bank is processing has its balance line already. Stripe's pages
    speak of the line that gives it back after a failure, not of when the first one is written."""
    refunds_need_funds: bool = False
    """Whether a refund that the available balance does not cover waits, ``pending``, until it
    does, as Stripe's page says. A young account's balance covers nothing: charges take days."""
    charge_refund_updated: bool = True
    """Whether ``charge.refund.updated`` is sent beside ``refund.updated``, which replaces it."""
    dispute_fee: int = 1_500
    """Minor units of the settlement currency for each chargeback, won or lost."""
    dispute_countered_fee: int = 0
    """The same for answering one, returned with a win. Stripe's price list has 1500 for accounts
    of the US since 2025-06-17; how it is booked is told nowhere: here, on a line of its own."""
    escalation_fails_refunds: bool = False
    """Whether refunds made during an inquiry fail when it becomes a chargeback, as others have
    seen in test mode. Stripe's pages say it of pending refunds only."""
    key_in_use_type: str = "invalid_request_error"
    """The error type of a key in flight: public copies say this or ``idempotency_error``."""
    setup_asks_again: bool = True
    """Whether a SetupIntent asks for the card that counts as set up already (…0446): the page
    "Testing" says so of on-session payments, and nothing of setups."""
    deletion_tells_of_methods: bool = False
    """Whether a customer's deletion is told of each of its methods, too (as detached), or of the
    customer alone: Stripe's pages do not say."""
    authentication_decline_code: str = "authentication_not_handled"
    """The decline code of an off-session payment that needs the customer: recorded events say
    this or ``authentication_required``."""
