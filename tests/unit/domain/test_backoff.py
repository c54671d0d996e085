"""Waits: they double, they end somewhere, and nobody comes again with everybody else."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from markethub.domain.backoff import delay

FIRST, MAXIMUM = timedelta(seconds=5), timedelta(minutes=10)
seeds, attempts = st.text(), st.integers(1, 10_000)


@given(seed=seeds, attempt=attempts)
def test_a_wait_is_between_a_half_and_the_whole_of_its_span(seed: str, attempt: int) -> None:
    span = min(FIRST * 2 ** min(attempt - 1, 20), MAXIMUM)

    wait = delay(seed, attempt, first=FIRST, maximum=MAXIMUM)

    assert span / 2 <= wait <= span


@given(seed=seeds, attempt=attempts)
def test_the_same_try_waits_the_same_time(seed: str, attempt: int) -> None:
    first, second = (delay(seed, attempt, first=FIRST, maximum=MAXIMUM) for _ in range(2))

    assert first == second


def test_what_failed_together_does_not_come_again_together() -> None:
    waits = {delay(f"evt_{n}", 8, first=FIRST, maximum=MAXIMUM) for n in range(1000)}

    assert len(waits) > 990
