"""Stripe's test cards, each a row of data. Source: Stripe's page "Testing".

Nothing else in the account knows a card number: the state machine asks a row how it behaves.
"""

from collections.abc import Mapping
from enum import Enum, StrEnum, auto
from types import MappingProxyType
from typing import Final

import attrs


class ThreeDSecure(Enum):
    """When a card's issuer wants to see the customer."""

    NOT_ENROLLED = auto()
    """Never, not even when asked to."""
    OPTIONAL = auto()
    """Only when the request asks for 3-D Secure."""
    OPTIONAL_FAILING = auto()
    """When asked to, the attempt breaks down and the charge goes on without."""
    UNLESS_SET_UP = auto()
    """Always on-session; off-session unless the card was set up for that."""
    SET_UP = auto()
    """As if already set up: on-session always, off-session never."""
    ALWAYS = auto()
    """Every time, whatever was set up."""
    FAILING = auto()
    """Required, but looking the card up breaks down: goes on without the customer."""


class Later(StrEnum):
    """What follows a charge or refund of this card at some later time."""

    DISPUTE_FRAUDULENT = "dispute_fraudulent"
    DISPUTE_NOT_RECEIVED = "dispute_product_not_received"
    DISPUTES = "several_disputes"
    INQUIRY = "inquiry"
    FRAUD_WARNING = "early_fraud_warning"
    REFUND_PENDING = "refund_pending"
    REFUND_FAILS = "refund_fails"


FOLLOWS_CHARGE: Final = frozenset(Later) - {Later.REFUND_PENDING, Later.REFUND_FAILS}
"""What comes without anybody asking for a refund."""


@attrs.frozen(kw_only=True)
class Decline:
    """Why a bank, or Stripe for it, says no. ``code`` and ``decline_code`` are Stripe's."""

    code: str
    decline_code: str | None = None
    message: str = "Your card was declined."
    param: str | None = None
    advice_code: str | None = None
    network_decline_code: str | None = None
    blocked: bool = False
    """Stripe's own risk rules blocked it: no bank was asked."""


@attrs.frozen(kw_only=True)
class TestCard:
    """One card. ``decline`` is None where the charge succeeds."""

    __test__ = False  # the name is Stripe's; pytest is not to collect it

    number: str
    names: tuple[str, ...] = ()
    """Its ``pm_card_...`` names."""
    brand: str = "visa"
    country: str = "US"
    funding: str = "credit"
    decline: Decline | None = None
    three_d_secure: ThreeDSecure = ThreeDSecure.NOT_ENROLLED
    attaches: bool = True
    """Whether it can be saved to a customer. Stripe checks a card before it saves it."""
    cvc_check: str = "pass"
    postal_code_check: str | None = None
    risk_level: str = "normal"
    bypasses_pending: bool = False
    """Its money is available at once."""
    later: Later | None = None

    @property
    def last4(self) -> str:
        """The number's last four digits."""
        return self.number[-4:]

    @property
    def cvc_length(self) -> int:
        """How many digits its security code has."""
        return 4 if self.brand == "amex" else 3


_GENERIC: Final = Decline(
    code="card_declined",
    decline_code="generic_decline",
    advice_code="try_again_later",
    network_decline_code="01",
)
_INSUFFICIENT_FUNDS: Final = Decline(
    code="card_declined",
    decline_code="insufficient_funds",
    message="Your card has insufficient funds.",
    advice_code="try_again_later",
    network_decline_code="51",
)
_BLOCKED: Final = Decline(
    code="card_declined", decline_code="fraudulent", blocked=True, advice_code="do_not_try_again"
)
LIVE_CARD: Final = Decline(
    code="card_declined",
    decline_code="test_mode_live_card",
    message="Your card was declined. Your request was in test mode, but used a non test (live) "
    "card. For a list of valid test cards, visit: https://stripe.com/docs/testing.",
)
EXPIRED: Final = Decline(code="expired_card", message="Your card has expired.", param="exp_month")


def authentication_required(decline_code: str) -> Decline:
    """Return why a bank that wants to see the customer says no where nobody is there."""
    return Decline(
        code="authentication_required",
        decline_code=decline_code,
        message="Your card was declined. This transaction requires authentication.",
    )


def _declined(number: str, *names: str, decline: Decline) -> TestCard:
    return TestCard(number=number, names=names, decline=decline, attaches=False)


def _code(code: str, message: str, param: str | None = None) -> Decline:
    return Decline(code=code, message=message, param=param)


ALL_CARDS: Final[tuple[TestCard, ...]] = (
    # --- success
    TestCard(number="4242424242424242", names=("pm_card_visa",)),
    TestCard(number="4000056655665556", names=("pm_card_visa_debit",), funding="debit"),
    TestCard(number="5555555555554444", names=("pm_card_mastercard",), brand="mastercard"),
    TestCard(number="378282246310005", names=("pm_card_amex",), brand="amex"),
    # --- declines
    _declined("4000000000000002", "pm_card_visa_chargeDeclined", decline=_GENERIC),
    _declined(
        "4000000000009995",
        "pm_card_visa_chargeDeclinedInsufficientFunds",
        decline=_INSUFFICIENT_FUNDS,
    ),
    _declined(
        "4000000000009987",
        "pm_card_visa_chargeDeclinedLostCard",
        decline=Decline(
            code="card_declined", decline_code="lost_card", advice_code="do_not_try_again"
        ),
    ),
    _declined(
        "4000000000009979",
        "pm_card_visa_chargeDeclinedStolenCard",
        decline=Decline(
            code="card_declined", decline_code="stolen_card", advice_code="do_not_try_again"
        ),
    ),
    _declined(
        "4000000000000069",
        "pm_card_chargeDeclinedExpiredCard",
        decline=EXPIRED,
    ),
    _declined(
        "4000000000000127",
        "pm_card_chargeDeclinedIncorrectCvc",
        decline=_code("incorrect_cvc", "Your card's security code is incorrect.", "cvc"),
    ),
    _declined(
        "4000000000000119",
        "pm_card_chargeDeclinedProcessingError",
        decline=_code(
            "processing_error",
            "An error occurred while processing your card. Try again in a little bit.",
        ),
    ),
    _declined(
        "4000000000006975",
        "pm_card_visa_chargeDeclinedVelocityLimitExceeded",
        decline=Decline(
            code="card_declined",
            decline_code="card_velocity_exceeded",
            message="Your card was declined for making repeated attempts too frequently or "
            "exceeding its amount limit.",
        ),
    ),
    TestCard(number="4000000000000341", names=("pm_card_chargeCustomerFail",), decline=_GENERIC),
    # --- 3-D Secure
    TestCard(
        number="4000002500003155",
        names=("pm_card_authenticationRequiredOnSetup",),
        country="FR",
        three_d_secure=ThreeDSecure.UNLESS_SET_UP,
    ),
    TestCard(
        number="4000002760003184",
        names=("pm_card_authenticationRequired",),
        country="DE",
        three_d_secure=ThreeDSecure.ALWAYS,
    ),
    TestCard(
        number="4000003800000446",
        names=("pm_card_authenticationRequiredSetupForOffSession",),
        country="IT",
        three_d_secure=ThreeDSecure.SET_UP,
    ),
    TestCard(
        number="4000008260003178",
        names=("pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",),
        country="GB",
        decline=_INSUFFICIENT_FUNDS,
        three_d_secure=ThreeDSecure.UNLESS_SET_UP,
    ),
    TestCard(
        number="4000000000003220",
        names=("pm_card_threeDSecure2Required",),
        country="IE",
        three_d_secure=ThreeDSecure.ALWAYS,
    ),
    TestCard(number="4000008400000027", three_d_secure=ThreeDSecure.ALWAYS),
    TestCard(
        number="4000008400001629",
        names=("pm_card_threeDSecureRequiredChargeDeclined",),
        decline=_GENERIC,
        three_d_secure=ThreeDSecure.ALWAYS,
        attaches=False,
    ),
    TestCard(
        number="4000008400001280",
        decline=_GENERIC,
        three_d_secure=ThreeDSecure.FAILING,
        attaches=False,
    ),
    TestCard(
        number="4000000000003055",
        names=("pm_card_threeDSecureOptional",),
        three_d_secure=ThreeDSecure.OPTIONAL,
    ),
    TestCard(number="4000000000003097", three_d_secure=ThreeDSecure.OPTIONAL_FAILING),
    # --- disputes and warnings
    TestCard(
        number="4000000000000259",
        names=("pm_card_createDispute",),
        three_d_secure=ThreeDSecure.OPTIONAL,  # which then protects from the dispute
        later=Later.DISPUTE_FRAUDULENT,
    ),
    TestCard(
        number="4000000000002685",
        names=("pm_card_createDisputeProductNotReceived",),
        later=Later.DISPUTE_NOT_RECEIVED,
    ),
    TestCard(
        number="4000000000001976", names=("pm_card_createDisputeInquiry",), later=Later.INQUIRY
    ),
    TestCard(
        number="4000000000005423",
        names=("pm_card_createIssuerFraudRecord",),
        later=Later.FRAUD_WARNING,
    ),
    TestCard(
        number="4000000404000079", names=("pm_card_createMultipleDisputes",), later=Later.DISPUTES
    ),
    # --- refunds and availability
    TestCard(
        number="4000000000007726", names=("pm_card_pendingRefund",), later=Later.REFUND_PENDING
    ),
    TestCard(number="4000000000005126", names=("pm_card_refundFail",), later=Later.REFUND_FAILS),
    TestCard(number="4000000000000077", names=("pm_card_bypassPending",), bypasses_pending=True),
    TestCard(
        number="4000003720000278",
        names=("pm_card_bypassPendingInternational",),
        country="IE",
        bypasses_pending=True,
    ),
    # --- risk and checks
    TestCard(
        number="4100000000000019",
        names=("pm_card_radarBlock",),
        decline=_BLOCKED,
        risk_level="highest",
    ),
    TestCard(
        number="4000000000004954",
        names=("pm_card_riskLevelHighest",),
        decline=_BLOCKED,  # "may block": Stripe's default rules do
        risk_level="highest",
    ),
    TestCard(
        number="4000000000009235", names=("pm_card_riskLevelElevated",), risk_level="elevated"
    ),
    TestCard(number="4000000000000101", names=("pm_card_cvcCheckFail",), cvc_check="fail"),
    TestCard(number="4000000000000036", names=("pm_card_avsZipFail",), postal_code_check="fail"),
)

BY_NUMBER: Final[Mapping[str, TestCard]] = MappingProxyType(
    {card.number: card for card in ALL_CARDS}
)
BY_NAME: Final[Mapping[str, TestCard]] = MappingProxyType(
    {name: card for card in ALL_CARDS for name in card.names}
)
assert len(BY_NUMBER) == len(ALL_CARDS), "a number is one card"


def unlisted(last4: str) -> TestCard:
    """Return what an unknown number behaves like: a real card used in test mode.

    Only its last four digits are known: the account never keeps such a number.
    """
    return TestCard(number=last4, brand="unknown", decline=LIVE_CARD, attaches=False)


def passes_luhn(number: str) -> bool:
    """Tell whether the number's last digit fits. Source: ISO/IEC 7812-1, annex B."""
    if not number.isascii() or not number.isdigit() or not 12 <= len(number) <= 19:
        return False
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
