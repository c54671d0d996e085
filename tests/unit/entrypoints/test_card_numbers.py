"""What counts as a card number in text, and what does not."""

import hashlib
import random
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typeid import TypeID

from markethub.entrypoints.card_numbers import MASK, contains_card_number, mask_card_numbers

TEST_CARDS = [
    "4242424242424242",
    "4000056655665556",
    "5555555555554444",
    "2223003122003222",
    "5200828282828210",
    "5105105105105100",
    "378282246310005",
    "371449635398431",
    "6011111111111117",
    "6011000990139424",
    "6011981111111113",
    "3056930009020004",
    "36227206271667",
    "3566002020360505",
    "6200000000000005",
    "6205500000000000004",
    "4000000000000002",
    "4000000000009995",
    "4000002760003184",
    "4000000404000079",
    "4100000000000019",
]


@pytest.mark.parametrize("number", TEST_CARDS)
def test_a_card_number_is_found(number: str) -> None:
    assert contains_card_number(number)


@pytest.mark.parametrize(
    "text",
    [
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "3782 822463 10005",
        "please charge 4242424242424242 12/30 123",
        "4242 4242 4242 4242 123",
        "order 7 4242424242424242",
        "a1b2 4242424242424242",
        "(4242424242424242)",
        "pan=4242424242424242&cvc=123",
        "VISA4242424242424242",
        "card_4242424242424242_end",
        '{"number":"4242424242424242"}',
        "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2",
    ],
)
def test_a_card_number_is_found_in_its_surroundings(text: str) -> None:
    assert contains_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4242424242424241",
        "1234567812345670",
        "4242  4242  4242  4242",
        "4242.4242.4242.4242",
        "42424242424242424242",
        "4222222222222",
        "2026-11-23T02:43:23.123456+00:00",
        "20261123024323",
        "1795400603123",
        "1795400603123456789",
        "+49 30 901820 4242",
        "pi_3MtwBwLkdIwHu7ix28a3tqPa",
        "ch_3424242424242424242AbC1d",
        "550e8400-e29b-41d4-a716-446655440000",
        "1Z 999 AA1 01 2345 6784",
    ],
)
def test_other_digits_are_no_card_number(text: str) -> None:
    assert not contains_card_number(text)


def test_the_ids_we_make_are_no_card_numbers() -> None:
    found = [
        text for text in (str(TypeID("pay")) for _ in range(2_000)) if contains_card_number(text)
    ]

    assert [] == found


def test_hashes_and_uuids_are_no_card_numbers() -> None:
    chance = random.Random(7)  # noqa: S311 - reproducible on purpose
    texts = [hashlib.sha256(chance.randbytes(8)).hexdigest() for _ in range(5_000)]
    texts += [str(uuid.UUID(bytes=chance.randbytes(16), version=4)) for _ in range(5_000)]

    assert [] == [text for text in texts if contains_card_number(text)]


@given(st.sampled_from(TEST_CARDS), st.integers(0, 9))
def test_a_mistyped_last_digit_is_no_card_number(number: str, digit: int) -> None:
    typed = number[:-1] + str(digit)

    assert (typed == number) == contains_card_number(typed)


@given(st.text(), st.sampled_from(TEST_CARDS), st.text())
def test_what_is_masked_holds_no_card_number(before: str, number: str, after: str) -> None:
    masked = mask_card_numbers(f"{before} {number} {after}")

    assert not contains_card_number(masked)


def test_masking_touches_nothing_else() -> None:
    text = "7 x4242424242424242, 4000 0000 0000 0002 12/30; 4222222222222 end 9"

    assert f"7 x{MASK}, {MASK} 12/30; {MASK} end 9" == mask_card_numbers(text)
