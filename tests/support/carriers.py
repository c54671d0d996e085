"""What carries the requests of an adapter that a test makes by itself."""

from markethub.adapters.fake.account import Account
from markethub.adapters.fake.carrier import AccountCarrier
from markethub.adapters.stripe.client import ATTEMPT_TIMEOUT_S, StripeApi
from markethub.domain.secret import Secret


def to_account(account: Account) -> AccountCarrier:
    """Carry to an account in this process."""
    return AccountCarrier(account)


def to_address(
    url: str, *, retries: int = 0, attempt_timeout_s: float = ATTEMPT_TIMEOUT_S
) -> StripeApi:
    """Carry by Stripe's SDK to whatever answers there."""
    return StripeApi(
        Secret("sk_test_dev"),
        base_address=url,
        attempt_timeout_s=attempt_timeout_s,
        max_network_retries=retries,
    )
