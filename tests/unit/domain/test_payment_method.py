"""A saved card: what it may become, what it tells, and what is never shown of it."""

from datetime import timedelta
from typing import Any

import attrs
import pytest

from markethub.domain.errors import InvalidTransition
from markethub.domain.events import MethodRemoved, MethodSaved
from markethub.domain.facts import Card, ProviderMethod
from markethub.domain.ids import CustomerId, MethodId, ProviderCustomerId
from markethub.domain.payment_method import MethodStatus, PaymentMethod
from markethub.domain.secret import Secret
from tests.unit.domain.values import START, later

VISA = Card(brand="visa", last4="4242", exp_month=12, exp_year=2030)
SEEN = ProviderMethod(
    token=Secret("pm_1"),
    customer_id=ProviderCustomerId("cus_1"),
    card=VISA,
    fingerprint=Secret("print"),
    created_at=START,
)
NEWER = attrs.evolve(
    SEEN,
    token=Secret("pm_2"),
    card=attrs.evolve(VISA, exp_year=2035),
    created_at=later(seconds=9),
)
M1 = MethodId("mth_1")


def saved(**changes: Any) -> PaymentMethod:
    method = PaymentMethod.save(SEEN, id=M1, customer_id=CustomerId("c-1"), now=START)
    return attrs.evolve(method, events=(), **changes)


def told(method: PaymentMethod) -> list[type]:
    return [type(event) for event in method.events]


def test_a_card_is_saved_active_and_that_is_told() -> None:
    method = PaymentMethod.save(SEEN, id=M1, customer_id=CustomerId("c-1"), now=START)

    assert (MethodStatus.ACTIVE, False, VISA, START) == (
        method.status,
        method.is_default,
        method.card,
        method.issued_at,
    )
    assert (
        MethodSaved(
            method_id=M1,
            customer_id=CustomerId("c-1"),
            brand="visa",
            last4="4242",
            occurred_at=START,
        ),
    ) == method.events


@pytest.mark.parametrize(
    "seen", [attrs.evolve(SEEN, card=None), attrs.evolve(SEEN, fingerprint=None)], ids=str
)
def test_what_is_no_card_is_not_saved(seen: ProviderMethod) -> None:
    with pytest.raises(InvalidTransition):
        PaymentMethod.save(seen, id=M1, customer_id=CustomerId("c-1"), now=START)


def test_no_secret_of_a_method_is_printed() -> None:
    printed = f"{saved()!r}{SEEN!r}"

    assert "pm_1" not in printed
    assert "print" not in printed.replace("fingerprint", "")


def test_the_same_view_changes_nothing() -> None:
    method = saved()

    assert method is method.observe(SEEN, now=later(seconds=1))


def test_a_new_expiry_is_taken_over() -> None:
    seen = attrs.evolve(SEEN, card=NEWER.card)
    changed = saved().observe(seen, now=later(seconds=1))

    assert (NEWER.card, later(seconds=1), []) == (changed.card, changed.updated_at, told(changed))


def test_a_newer_token_is_adopted_without_telling_that_the_card_is_new() -> None:
    adopted = saved(is_default=True).adopt(NEWER, now=later(seconds=1))

    assert (NEWER.token, NEWER.created_at, NEWER.card, True, []) == (
        adopted.token,
        adopted.issued_at,
        adopted.card,
        adopted.is_default,
        told(adopted),
    )


def test_an_inactive_method_is_active_again_with_a_newer_token() -> None:
    inactive = attrs.evolve(saved().deactivate(now=START), events=())
    adopted = inactive.adopt(NEWER, now=later(seconds=1))

    assert (True, [MethodSaved]) == (adopted.is_active, told(adopted))


def test_a_default_that_is_deactivated_or_removed_is_none_any_more() -> None:
    default = saved().make_default(now=START)
    gone = [default.deactivate(now=START), default.remove(now=START, detach=True)]

    assert [(False, False), (False, False)] == [(m.is_default, m.is_active) for m in gone]
    assert [[MethodRemoved], [MethodRemoved]] == [told(m) for m in gone]


@pytest.mark.parametrize(
    "gone", [saved().deactivate(now=START), saved().remove(now=START, detach=False)], ids=str
)
def test_what_cannot_be_charged_cannot_be_the_default(gone: PaymentMethod) -> None:
    with pytest.raises(InvalidTransition):
        gone.make_default(now=START)


def test_what_is_removed_stays_so_and_is_told_once() -> None:
    removed = saved().remove(now=START, detach=True)

    assert removed is removed.remove(now=later(seconds=1), detach=False)
    assert removed is removed.deactivate(now=later(seconds=1))
    assert [MethodRemoved] == told(removed)


def test_an_inactive_method_is_removed_without_telling_it_again() -> None:
    inactive = attrs.evolve(saved().deactivate(now=START), events=())

    assert [] == told(inactive.remove(now=START, detach=False))


@pytest.mark.parametrize(("detach", "due"), [(True, START), (False, None)])
def test_the_provider_is_told_at_once_or_need_not_be(*, detach: bool, due: object) -> None:
    assert due == saved().remove(now=START, detach=detach).detach_due_at


def test_each_try_to_detach_has_a_key_of_its_own_and_waits_longer() -> None:
    method = saved().remove(now=START, detach=True)
    waits, keys = [], []
    for _ in range(12):
        method = method.begin_detaching(now=START)
        assert method.detach_due_at is not None
        waits.append(method.detach_due_at - START)
        keys.append(method.idempotency_key)

    assert [timedelta(seconds=10), timedelta(seconds=20)] == waits[:2]
    assert timedelta(hours=1) == waits[-1] == max(waits)
    assert 12 == len(set(keys))


def test_what_is_detached_is_not_due_any_more() -> None:
    method = saved().remove(now=START, detach=True).begin_detaching(now=START)

    assert method.detached(now=later(seconds=1)).detach_due_at is None


def test_a_tombstone_is_a_removed_method_of_its_own_to_be_detached() -> None:
    kept = saved(is_default=True, version=3)
    tombstone = kept.tombstone(
        id=MethodId("mth_2"), token=Secret("pm_0"), issued_at=START, now=later(seconds=1)
    )

    assert ("mth_2", Secret("pm_0"), True, False, later(seconds=1), 0, []) == (
        tombstone.id,
        tombstone.token,
        tombstone.is_removed,
        tombstone.is_default,
        tombstone.detach_due_at,
        tombstone.version,
        told(tombstone),
    )
