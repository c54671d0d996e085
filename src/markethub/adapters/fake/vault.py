"""What the simulated account keeps for later charges: same requests, same readings."""

from markethub.adapters.fake.account import Account
from markethub.adapters.fake.carrier import AccountCarrier
from markethub.adapters.stripe.vault import ApiVault


def fake_vault(account: Account) -> ApiVault:
    """Return the vault of an account, under its development key."""
    return ApiVault(AccountCarrier(account))
