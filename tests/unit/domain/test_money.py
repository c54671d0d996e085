"""Money: whole minor units, counted as Stripe counts them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markethub.domain.errors import AmountTooLarge, AmountTooSmall, ValidationFailed
from markethub.domain.money import CURRENCIES, MAXIMUM_MINOR, Currency, Money
from tests.unit.domain.values import currencies

# Transcribed from Stripe's pages "Supported currencies" and "Minimum and maximum charge
# amounts", apart from the table under test.
STRIPE_ZERO_DECIMAL = set(
    "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".lower().split()
)
STRIPE_THREE_DECIMAL = {"bhd", "jod", "kwd", "omr", "tnd"}
STRIPE_MINIMUM_MAJOR = {
    "usd": "0.50", "aed": "2.00", "aud": "0.50", "brl": "0.50", "cad": "0.50", "chf": "0.50",
    "czk": "15.00", "dkk": "2.50", "eur": "0.50", "gbp": "0.30", "hkd": "4.00", "huf": "175.00",
    "inr": "0.50", "jpy": "50", "krw": "50", "mxn": "10.00", "myr": "2.00", "nok": "3.00",
    "nzd": "0.50", "pln": "2.00", "ron": "2.00", "sek": "3.00", "sgd": "0.50", "thb": "10.00",
}  # fmt: skip

minors = st.integers(min_value=0, max_value=10**11)


def test_decimals_are_stripes() -> None:
    expected = {
        code: 0 if code in STRIPE_ZERO_DECIMAL else 3 if code in STRIPE_THREE_DECIMAL else 2
        for code in CURRENCIES
    }

    assert expected == {code: currency.exponent for code, currency in CURRENCIES.items()}


def test_every_currency_without_or_with_three_decimals_is_known() -> None:
    assert set(CURRENCIES) >= STRIPE_ZERO_DECIMAL | STRIPE_THREE_DECIMAL


def test_minimums_are_stripes() -> None:
    expected = {
        code: Money.parse(STRIPE_MINIMUM_MAJOR[code], currency).minor
        if code in STRIPE_MINIMUM_MAJOR
        else 1
        for code, currency in CURRENCIES.items()
    }

    assert expected == {code: currency.minimum_minor for code, currency in CURRENCIES.items()}


def test_only_the_special_cases_want_round_amounts() -> None:
    expected = {"isk": 100} | dict.fromkeys(STRIPE_THREE_DECIMAL, 10)
    special = {
        code: currency.multiple_of
        for code, currency in CURRENCIES.items()
        if currency.multiple_of != 1
    }

    assert expected == special


def test_codes_are_three_lower_case_letters() -> None:
    odd = [
        code for code in CURRENCIES if not (len(code) == 3 and code.isascii() and code.islower())
    ]

    assert [] == odd


@pytest.mark.parametrize("code", ["ugx", "USD", "us", "", "usdd", "xyz", "\x00"])
def test_another_code_is_refused(code: str) -> None:
    with pytest.raises(ValidationFailed):
        Currency.of(code)


# --- parsing and printing -----------------------------------------------------------------------


@given(minor=minors, currency=currencies)
def test_what_is_printed_is_parsed_back(minor: int, currency: Currency) -> None:
    money = Money(minor=minor, currency=currency)

    assert money == Money.parse(money.major, currency)


@given(minor=minors, currency=currencies)
def test_what_is_printed_has_all_decimals(minor: int, currency: Currency) -> None:
    _, _, decimals = Money(minor=minor, currency=currency).major.partition(".")

    assert currency.exponent == len(decimals)


@pytest.mark.parametrize(
    ("text", "code", "minor"),
    [
        ("50", "usd", 5000),
        ("50.00", "usd", 5000),
        ("50.5", "usd", 5050),
        ("0.01", "usd", 1),
        ("0", "usd", 0),
        ("007", "usd", 700),
        (" 7 ", "usd", 700),
        ("50", "jpy", 50),
        ("1.250", "kwd", 1250),
        ("1.25", "kwd", 1250),
        ("100", "isk", 10000),
        ("100", "mga", 100),
    ],
)
def test_major_units_are_parsed_by_the_currencys_decimals(text: str, code: str, minor: int) -> None:
    assert Money.of(minor, code) == Money.parse(text, Currency.of(code))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("50.001", "usd"),
        ("50.000", "usd"),
        ("50.0", "jpy"),
        ("1.2345", "kwd"),
        ("", "usd"),
        (".", "usd"),
        (".5", "usd"),
        ("5.", "usd"),
        ("-5", "usd"),
        ("+5", "usd"),
        ("1e3", "usd"),
        ("1,000", "usd"),
        ("1 000", "usd"),
        ("1_000", "usd"),
        ("NaN", "usd"),
        ("Infinity", "usd"),
        ("0x10", "usd"),
        ("$5", "usd"),
        ("५", "usd"),
        ("5\n6", "usd"),
        ("5\x00", "usd"),
        ("9" * 13, "usd"),
    ],
)
def test_what_is_not_exactly_an_amount_is_refused(text: str, code: str) -> None:
    with pytest.raises(ValidationFailed):
        Money.parse(text, Currency.of(code))


@given(text=st.text(max_size=20), currency=currencies)
def test_any_text_is_an_amount_or_refused(text: str, currency: Currency) -> None:
    try:
        money = Money.parse(text, currency)
    except ValidationFailed:
        return

    assert 0 <= money.minor
    assert currency == money.currency


@pytest.mark.parametrize(
    ("minor", "code", "shown"),
    [
        (5000, "usd", "50.00 USD"),
        (5, "usd", "0.05 USD"),
        (-5, "usd", "-0.05 USD"),
        (-1250, "kwd", "-1.250 KWD"),
        (50, "jpy", "50 JPY"),
        (0, "eur", "0.00 EUR"),
    ],
)
def test_money_is_shown_as_people_write_it(minor: int, code: str, shown: str) -> None:
    assert shown == str(Money.of(minor, code))


# --- whole numbers only -------------------------------------------------------------------------


@pytest.mark.parametrize("minor", [True, 5.0, "5", None, float("nan")])
def test_minor_units_are_whole_numbers(minor: object) -> None:
    with pytest.raises(TypeError):
        Money(minor=minor, currency=Currency.of("usd"))  # type: ignore[arg-type]  # the point


# --- arithmetic ---------------------------------------------------------------------------------


@given(first=st.integers(), second=st.integers(), currency=currencies)
def test_sums_differences_and_order_are_those_of_the_minor_units(
    first: int, second: int, currency: Currency
) -> None:
    one = Money(minor=first, currency=currency)
    other = Money(minor=second, currency=currency)

    assert first + second == (one + other).minor
    assert first - second == (one - other).minor
    assert (first < second) == (one < other)
    assert (first <= second) == (one <= other)


def test_currencies_are_never_mixed() -> None:
    one, other = Money.of(1, "usd"), Money.of(1, "eur")

    for mix in (
        lambda: one + other,
        lambda: one - other,
        lambda: one < other,
        lambda: one <= other,
    ):
        with pytest.raises(ValueError, match="mix"):
            mix()
    assert one != other


# --- what can be charged ------------------------------------------------------------------------


@given(currency=currencies)
def test_the_least_that_can_be_charged_is_the_minimum(currency: Currency) -> None:
    least = -(-currency.minimum_minor // currency.multiple_of) * currency.multiple_of
    money = Money(minor=least, currency=currency)

    assert money == money.require_chargeable()
    with pytest.raises(AmountTooSmall):
        Money(minor=currency.minimum_minor - 1, currency=currency).require_chargeable()


@given(currency=currencies)
def test_the_most_that_can_be_charged_has_eight_digits(currency: Currency) -> None:
    money = Money(minor=MAXIMUM_MINOR - MAXIMUM_MINOR % currency.multiple_of, currency=currency)

    assert 99_999_999 == MAXIMUM_MINOR
    assert money == money.require_chargeable()
    with pytest.raises(AmountTooLarge):
        Money(minor=100_000_000, currency=currency).require_chargeable()


@pytest.mark.parametrize(("minor", "code"), [(10050, "isk"), (1001, "kwd"), (99_999_999, "bhd")])
def test_decimals_that_the_currency_does_not_use_are_refused(minor: int, code: str) -> None:
    with pytest.raises(ValidationFailed):
        Money.of(minor, code).require_chargeable()


def test_the_refusal_names_the_field() -> None:
    with pytest.raises(AmountTooSmall) as raised:
        Money.of(1, "usd").require_chargeable("total")

    assert "total" == raised.value.field


def test_a_currency_that_we_do_not_charge_in_is_read_and_counted_in_minor_units() -> None:
    read = Money.read(18_500_000, "ugx")

    assert ("ugx", "18500000") == (read.currency.code, read.major)


@pytest.mark.parametrize("code", ["UGX", "us", "us$", "usdt", ""])
def test_what_can_be_no_currency_is_not_read_either(code: str) -> None:
    with pytest.raises(ValidationFailed):
        Money.read(1, code)
