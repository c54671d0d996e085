"""The simulated account's webhook endpoints: same requests, same readings."""

from markethub.adapters.fake.account import Account
from markethub.adapters.fake.carrier import AccountCarrier
from markethub.adapters.stripe.subscriptions import ApiSubscriptions


def fake_subscriptions(account: Account) -> ApiSubscriptions:
    """Return the endpoints of an account, under its development key."""
    return ApiSubscriptions(AccountCarrier(account))
