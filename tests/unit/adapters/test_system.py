"""Time and ids as the machine has them."""

import itertools
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from typeid import TypeID

from markethub.adapters.system import AsyncioPause, SystemClock, TypeIds
from markethub.domain.ids import IdPrefix

MILLISECOND = timedelta(milliseconds=1)
RANDOM_BITS = [bit for bit in range(128 - 48) if not (62 <= bit < 64 or 76 <= bit < 80)]
"""Of a UUID version 7 what is neither time nor version nor variant (RFC 9562)."""


@attrs.define
class ManualClock:
    moment: datetime = datetime(2026, 11, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment


def test_the_clock_is_the_machines_in_utc() -> None:
    before, now, after = datetime.now(UTC), SystemClock().now(), datetime.now(UTC)

    assert before <= now <= after
    assert timedelta() == now.utcoffset()


@pytest.mark.parametrize("prefix", IdPrefix)
def test_an_id_is_a_typeid_of_version_7(prefix: IdPrefix) -> None:
    parsed = TypeID.from_string(TypeIds().new(prefix))

    assert (prefix.value, 7) == (parsed.prefix, parsed.uuid.version)


def test_an_id_shows_the_millisecond_it_was_made_in() -> None:
    clock = ManualClock()
    parsed = TypeID.from_string(TypeIds(clock=clock).new(IdPrefix.PAYMENT))

    assert int(clock.moment.timestamp() * 1000) == parsed.uuid.timestamp


def test_ids_of_different_milliseconds_sort_by_time() -> None:
    clock = ManualClock()
    ids, made = TypeIds(clock=clock), []
    for _ in range(200):
        clock.moment += MILLISECOND
        made.append(ids.new(IdPrefix.PAYMENT))

    assert sorted(made) == made


def test_ids_of_one_millisecond_differ_in_every_one_of_their_74_random_bits() -> None:
    ids = TypeIds(clock=ManualClock())
    drawn = [int(TypeID.from_string(ids.new(IdPrefix.PAYMENT)).uuid) for _ in range(2000)]
    changes = [one ^ other for one, other in itertools.pairwise(drawn)]
    flips = {bit: sum(change >> bit & 1 for change in changes) for bit in RANDOM_BITS}

    assert 74 == len(RANDOM_BITS)
    # A fair bit flips 1000 times of 2000; twelve standard deviations are not chance.
    assert {} == {bit: count for bit, count in flips.items() if not 730 < count < 1270}


@pytest.mark.anyio
async def test_a_pause_ends() -> None:
    assert await AsyncioPause()(0) is None  # type: ignore[func-returns-value]  # that it ends
