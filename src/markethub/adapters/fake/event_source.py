"""The simulated account's list of past events: same requests, same readings."""

from markethub.adapters.fake.account import Account
from markethub.adapters.fake.carrier import AccountCarrier
from markethub.adapters.stripe.event_source import ApiEventSource


def fake_event_source(account: Account) -> ApiEventSource:
    """Return the list of an account's events, under its development key."""
    return ApiEventSource(AccountCarrier(account))
