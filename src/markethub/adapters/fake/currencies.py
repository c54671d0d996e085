"""The currencies of the simulated account: decimals, smallest and largest charge.

An independent transcription of Stripe's pages "Supported currencies" and "Minimum and maximum
charge amounts"; the domain has its own.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import attrs

_ZERO_DECIMALS: Final = frozenset(
    "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split()
)
_THREE_DECIMALS: Final = frozenset("bhd jod kwd omr tnd".split())
_KEPT_AT_TWO_DECIMALS: Final = frozenset(("isk", "ugx"))
"""Zero-decimal in truth, but sent with two decimals that must be 00, for compatibility."""
_OTHERS: Final = frozenset(
    (
        "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn "
        "bzd cad cdf chf cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq "
        "gyd hkd hnl htg huf idr ils inr isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl "
        "mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln "
        "qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs "
        "uah usd uyu uzs wst xcd yer zar zmw"
    ).split()
)

_SMALLEST: Final[Mapping[str, int]] = {
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
_LARGEST: Final = 99_999_999
_LARGEST_IDR: Final = 999_999_999_999  # the one currency for which Stripe takes twelve digits


@attrs.frozen(kw_only=True)
class AccountCurrency:
    """How amounts of one currency are written and limited. Amounts are in its smallest unit."""

    code: str
    decimals: int
    smallest: int
    largest: int
    whole_units_only: bool

    def show(self, amount: int) -> str:
        """Write an amount as Stripe's messages do: ``$0.50 usd``, ``50 jpy``."""
        symbol = "$" if self.code == "usd" else ""
        if not self.decimals:
            return f"{symbol}{amount:,} {self.code}"
        whole, rest = divmod(amount, 10**self.decimals)
        return f"{symbol}{whole:,}.{rest:0{self.decimals}d} {self.code}"


def _decimals(code: str) -> int:
    if code in _KEPT_AT_TWO_DECIMALS:
        return 2
    if code in _ZERO_DECIMALS:
        return 0
    return 3 if code in _THREE_DECIMALS else 2


CURRENCIES: Final[Mapping[str, AccountCurrency]] = MappingProxyType(
    {
        code: AccountCurrency(
            code=code,
            decimals=_decimals(code),
            smallest=_SMALLEST.get(code, 1),
            largest=_LARGEST_IDR if code == "idr" else _LARGEST,
            whole_units_only=code in _KEPT_AT_TWO_DECIMALS,
        )
        for code in sorted(_ZERO_DECIMALS | _THREE_DECIMALS | _OTHERS)
    }
)
"""Every currency that the account takes, by its lower-case ISO code."""
