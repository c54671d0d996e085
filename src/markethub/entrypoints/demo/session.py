"""Who a visitor of the demo is: a customer and a cart in a signed cookie.

It plays what a real storefront has behind its own sign-in. Everything that matters is decided
elsewhere: the cookie holds no price, and an order is shown to its own customer only.
"""

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final, Self

import attrs
import msgspec

from markethub.domain.ids import CustomerId, OrderId
from markethub.domain.secret import Secret
from markethub.entrypoints.demo.shop import BY_SKU, QUANTITY_MAXIMUM

COOKIE: Final = "markethub_demo"
COOKIE_S: Final = 30 * 24 * 3600
"""Seconds that a browser keeps it: saved cards are there again tomorrow."""


class _Kept(msgspec.Struct, frozen=True):
    customer_id: str
    order_id: str
    cart: dict[str, int]


@attrs.frozen(kw_only=True)
class Session:
    """A visitor: whose saved cards, which order is being put together, and what is in it."""

    customer_id: CustomerId
    order_id: OrderId
    """Chosen before there is an order, so that ordering twice is the same order."""
    cart: Mapping[str, int]

    @classmethod
    def begin(cls, token: Callable[[], str]) -> Self:
        """Begin as somebody new."""
        customer_id = CustomerId(f"demo-{token()}")
        return cls(customer_id=customer_id, order_id=_new_order(token), cart={})

    def put(self, sku: str, quantity: int) -> Self:
        """Have this many of a product in the cart; none takes it out."""
        kept = {name: number for name, number in self.cart.items() if name != sku}
        if sku in BY_SKU and quantity > 0:
            kept[sku] = min(quantity, QUANTITY_MAXIMUM)
        return attrs.evolve(self, cart=kept)

    def after_order(self, token: Callable[[], str]) -> Self:
        """Begin with an empty cart and the number of another order."""
        return attrs.evolve(self, order_id=_new_order(token), cart={})


def _new_order(token: Callable[[], str]) -> OrderId:
    return OrderId(f"demo-{token()}")


class SessionSeal:
    """Signs sessions, so that nobody gives themselves another customer's."""

    def __init__(self, key: Secret) -> None:
        """Sign under a key of its own, made of ``key``."""
        self._key = hmac.digest(key.reveal().encode(), b"markethub demo session", sha256)

    def close(self, session: Session) -> str:
        """Return the cookie's value."""
        kept = _Kept(
            customer_id=session.customer_id, order_id=session.order_id, cart=dict(session.cart)
        )
        body = base64.urlsafe_b64encode(msgspec.json.encode(kept)).decode()
        return f"{body}.{self._sign(body)}"

    def open(self, value: str) -> Session | None:
        """Return the session, or None for what this seal has not closed."""
        body, _, signature = value.partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(body).encode()):
            return None
        try:
            kept = msgspec.json.decode(base64.urlsafe_b64decode(body), type=_Kept)
        except (binascii.Error, msgspec.DecodeError):  # Signed by an older version of ours.
            return None
        return Session(
            customer_id=CustomerId(kept.customer_id),
            order_id=OrderId(kept.order_id),
            cart={sku: number for sku, number in kept.cart.items() if sku in BY_SKU},
        )

    def _sign(self, body: str) -> str:
        return hmac.new(self._key, body.encode(), sha256).hexdigest()
