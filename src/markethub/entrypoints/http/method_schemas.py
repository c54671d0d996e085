"""The shapes of bodies about saved methods."""

from collections.abc import Sequence

import msgspec

from markethub.domain.facts import ProviderSetup
from markethub.domain.payment_method import PaymentMethod
from markethub.domain.ports.methods import MethodView


class SetupIn(msgspec.Struct, forbid_unknown_fields=True):
    """Nothing needs to be said."""


class SetupOut(msgspec.Struct, frozen=True):
    """What the browser needs to save a card without paying."""

    setup_intent_id: str
    client_secret: str
    publishable_key: str


class SavedMethodOut(msgspec.Struct, frozen=True):
    """A saved card; never the provider's token of it."""

    id: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    is_default: bool
    is_active: bool


class SavedMethodsOut(msgspec.Struct, frozen=True):
    """A customer's saved cards, oldest first: always all of them."""

    items: list[SavedMethodOut]
    next_cursor: str | None


def setup_out(setup: ProviderSetup, *, publishable_key: str) -> SetupOut:
    """Show a setup to whoever may confirm it."""
    return SetupOut(
        setup_intent_id=setup.id,
        client_secret=setup.client_secret.reveal(),
        publishable_key=publishable_key,
    )


def saved_method_out(method: PaymentMethod | MethodView) -> SavedMethodOut:
    """Show a saved method."""
    return SavedMethodOut(
        id=method.id,
        brand=method.card.brand,
        last4=method.card.last4,
        exp_month=method.card.exp_month,
        exp_year=method.card.exp_year,
        is_default=method.is_default,
        is_active=method.is_active,
    )


def saved_methods_out(methods: Sequence[MethodView]) -> SavedMethodsOut:
    """Show a customer's saved methods."""
    return SavedMethodsOut(items=[saved_method_out(method) for method in methods], next_cursor=None)
