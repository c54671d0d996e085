"""The test cards that the checkout offers. Source: Stripe's page "Testing"."""

from typing import Final

import attrs


@attrs.frozen(kw_only=True)
class Offered:
    """A card and what it is good for."""

    __test__ = False  # pytest is not to collect it

    number: str
    title: str
    cvc: str = "123"

    @property
    def spaced(self) -> str:
        """The number as people read it."""
        if len(self.number) == 15:
            return f"{self.number[:4]} {self.number[4:10]} {self.number[10:]}"
        return " ".join(self.number[at : at + 4] for at in range(0, len(self.number), 4))


OFFERED: Final = (
    Offered(number="4242424242424242", title="Visa"),
    Offered(number="5555555555554444", title="Mastercard"),
    Offered(number="378282246310005", title="American Express", cvc="1234"),
    Offered(number="4000002760003184", title="3-D Secure"),
    Offered(number="4000008400001629", title="3-D Secure, declined"),
    Offered(number="4000000000000002", title="Declined"),
    Offered(number="4000000000009995", title="Insufficient funds"),
    Offered(number="4000000000000069", title="Expired card"),
    Offered(number="4000000000000127", title="Wrong code"),
    Offered(number="4000000000000119", title="Processing error"),
    Offered(number="4000000000000341", title="Saved, but declined"),
    Offered(number="4000000000000259", title="Disputed later"),
)
EXPIRY: Final = "12 / 34"
"""Any date to come will do."""
