"""Money: whole minor units of one currency. Never a float.

The number of decimals, minimum and maximum are Stripe's, not ISO 4217's: they differ for ISK
(Stripe 2 decimals that must be 00) and MGA (Stripe 0). Sources: Stripe's pages "Supported
currencies" and "Minimum and maximum charge amounts".
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Self

import attrs

from markethub.domain.errors import AmountTooLarge, AmountTooSmall, ValidationFailed

MAXIMUM_MINOR: Final = 99_999_999
"""Stripe takes at most eight digits, whatever the currency."""

_TWO_DECIMALS: Final = (
    "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad "
    "cdf chf cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl "
    "htg huf idr ils inr isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop "
    "mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen php pkr pln qar ron rsd rub sar sbd "
    "scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah usd uyu uzs wst xcd yer "
    "zar zmw"
).split()
_ZERO_DECIMALS: Final = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split()
_THREE_DECIMALS: Final = "bhd jod kwd omr tnd".split()
# UGX is left out: Stripe's page contradicts itself on its decimals, and a guess is a 100x error.

_MULTIPLE_OF: Final = {
    "isk": 100,  # Stripe keeps two decimals for compatibility, and they must be 00
    # A page of 2022 wants the third decimal to be 0; later ones are silent: safe under both.
    **dict.fromkeys(_THREE_DECIMALS, 10),
}

_MINIMUM_MINOR: Final = {
    **dict.fromkeys("usd eur aud cad chf nzd sgd inr brl jpy krw".split(), 50),
    "gbp": 30,
    **dict.fromkeys("aed myr pln ron".split(), 200),
    "dkk": 250,
    **dict.fromkeys("nok sek".split(), 300),
    "hkd": 400,
    **dict.fromkeys("mxn thb".split(), 1000),
    "czk": 1500,
    "huf": 17500,
}


@attrs.frozen(kw_only=True)
class Currency:
    """A currency as Stripe counts it. ``code`` is the lower-case ISO code."""

    code: str
    exponent: int
    minimum_minor: int = 1
    multiple_of: int = 1

    @classmethod
    def of(cls, code: str) -> Self:
        """Look a currency up by its lower-case ISO code. Raises ValidationFailed."""
        try:
            return CURRENCIES[code]  # type: ignore[return-value]  # the table holds no subclass
        except KeyError:
            raise ValidationFailed("currency", "is not a supported currency") from None

    @classmethod
    def read(cls, code: str) -> Self:
        """Return also a currency that nothing is charged in: other banks' disputes may be in it.

        One that is not in the table is counted, and shown, in minor units: how many decimals
        it has is not guessed. Raises ValidationFailed for what can be no lower-case ISO code.
        """
        if code in CURRENCIES:
            return cls.of(code)
        if not _CODE.fullmatch(code):
            raise ValidationFailed("currency", "is not a currency")
        return cls(code=code, exponent=0)

    def __str__(self) -> str:
        """Return the lower-case ISO code."""
        return self.code


def _table() -> Mapping[str, Currency]:
    exponents = {
        **dict.fromkeys(_TWO_DECIMALS, 2),
        **dict.fromkeys(_ZERO_DECIMALS, 0),
        **dict.fromkeys(_THREE_DECIMALS, 3),
    }
    return MappingProxyType(
        {
            code: Currency(
                code=code,
                exponent=exponent,
                minimum_minor=_MINIMUM_MINOR.get(code, 1),
                multiple_of=_MULTIPLE_OF.get(code, 1),
            )
            for code, exponent in sorted(exponents.items())
        }
    )


CURRENCIES: Final = _table()
"""Every currency that can be charged, by its lower-case ISO code."""

_CODE = re.compile(r"[a-z]{3}")
_MAJOR = re.compile(r"(\d{1,12})(?:\.(\d{1,12}))?")


def _whole(_: object, attribute: "attrs.Attribute[int]", value: object) -> None:
    # bool is an int to Python, and True would be one cent.
    if type(value) is not int:
        raise TypeError(f"{attribute.name} must be an int, not {type(value).__name__}")


@attrs.frozen(kw_only=True)
class Money:
    """``minor`` minor units of ``currency``. May be zero or negative; limits are asked for."""

    minor: int = attrs.field(validator=_whole)
    currency: Currency

    @classmethod
    def of(cls, minor: int, currency: str) -> Self:
        """Make from minor units and a code. Raises ValidationFailed for an unknown currency."""
        return cls(minor=minor, currency=Currency.of(currency))

    @classmethod
    def read(cls, minor: int, currency: str) -> Self:
        """Make from what the provider says, in any currency. Raises ValidationFailed."""
        return cls(minor=minor, currency=Currency.read(currency))

    @classmethod
    def zero(cls, currency: Currency) -> Self:
        """Return nothing, in this currency."""
        return cls(minor=0, currency=currency)

    @classmethod
    def parse(cls, text: str, currency: Currency) -> Self:
        """Read major units as a person types them: ``50``, ``50.00``.

        Raises ValidationFailed for anything but digits with one optional point, and for more
        decimals than the currency has: never rounds.
        """
        match = _MAJOR.fullmatch(text.strip())
        # ``isascii``: \d also matches digits of other scripts.
        if match is None or not text.isascii():
            raise ValidationFailed("amount", "must look like 50 or 50.00")
        whole, decimals = match[1], match[2] or ""
        if len(decimals) > currency.exponent:
            raise ValidationFailed(
                "amount", f"{currency.code} has {currency.exponent} decimals, not {len(decimals)}"
            )
        return cls(minor=int(whole + decimals.ljust(currency.exponent, "0")), currency=currency)

    @property
    def major(self) -> str:
        """The amount in major units with all its decimals, without the currency: ``50.00``."""
        sign, digits = ("-" if self.minor < 0 else ""), str(abs(self.minor))
        if self.currency.exponent == 0:
            return sign + digits
        digits = digits.rjust(self.currency.exponent + 1, "0")
        return f"{sign}{digits[: -self.currency.exponent]}.{digits[-self.currency.exponent :]}"

    def __str__(self) -> str:
        """Show as people write it: ``50.00 USD``."""
        return f"{self.major} {self.currency.code.upper()}"

    def __add__(self, other: "Money") -> "Money":
        """Add within one currency. Raises ValueError across currencies."""
        return Money(minor=self.minor + self._same(other).minor, currency=self.currency)

    def __sub__(self, other: "Money") -> "Money":
        """Subtract within one currency. Raises ValueError across currencies."""
        return Money(minor=self.minor - self._same(other).minor, currency=self.currency)

    def __lt__(self, other: "Money") -> bool:
        """Compare within one currency. Raises ValueError across currencies."""
        return self.minor < self._same(other).minor

    def __le__(self, other: "Money") -> bool:
        """Compare within one currency. Raises ValueError across currencies."""
        return self.minor <= self._same(other).minor

    def _same(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise ValueError(f"cannot mix {self.currency} with {other.currency}")
        return other

    def require_chargeable(self, field: str = "amount") -> Self:
        """Return self if Stripe would take this amount for a charge.

        Raises AmountTooSmall, AmountTooLarge or, for decimals that the currency does not
        use, ValidationFailed.
        """
        if self.minor < self.currency.minimum_minor:
            least = Money(minor=self.currency.minimum_minor, currency=self.currency)
            raise AmountTooSmall(field, f"must be at least {least}")
        if self.minor > MAXIMUM_MINOR:
            raise AmountTooLarge(field, "must have at most eight digits")
        self.require_divisible(field)
        return self

    def require_divisible(self, field: str = "amount") -> None:
        """Raise ValidationFailed if the currency does not use the last decimals that this has."""
        if self.minor % self.currency.multiple_of:
            raise ValidationFailed(
                field, f"{self.currency.code} must be divisible by {self.currency.multiple_of}"
            )
