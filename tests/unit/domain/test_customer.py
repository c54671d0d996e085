"""A customer's record at the provider: one per generation, each under a key of its own."""

from datetime import timedelta

import pytest

from markethub.domain.customer import Customer
from markethub.domain.errors import InvalidTransition
from markethub.domain.ids import CustomerId, CustomerRecordId, ProviderCustomerId
from tests.unit.domain.values import START, later

CUS1, CUS2 = ProviderCustomerId("cus_1"), ProviderCustomerId("cus_2")


def begun() -> Customer:
    return Customer.begin(id=CustomerId("c-1"), record_id=CustomerRecordId("cst_1"), now=START)


def test_a_record_is_begun_without_the_providers_id() -> None:
    customer = begun()

    assert (None, 1, START, 0) == (
        customer.provider_id,
        customer.generation,
        customer.begun_at,
        customer.version,
    )


def test_a_generations_key_is_its_own_and_stays_so() -> None:
    first = begun()
    second = first.activate(CUS1, now=later(seconds=1)).renew(now=later(seconds=2))

    assert "create_customer:cst_1:1" == first.idempotency_key
    assert first.idempotency_key == first.activate(CUS1, now=later(seconds=1)).idempotency_key
    assert "create_customer:cst_1:2" == second.idempotency_key


def test_a_new_generation_has_no_record_yet_and_a_fresh_key() -> None:
    renewed = begun().activate(CUS1, now=START).renew(now=later(hours=30))

    assert renewed.provider_id is None
    assert renewed.may_be_sent(later(hours=31))


def test_one_generation_has_one_record() -> None:
    active = begun().activate(CUS1, now=START)
    with pytest.raises(InvalidTransition):
        active.activate(CUS2, now=START)

    assert CUS1 == active.activate(CUS1, now=START).provider_id


@pytest.mark.parametrize(
    ("age", "may_be_sent"),
    [
        (timedelta(), True),
        (timedelta(hours=23) - timedelta(microseconds=1), True),
        (timedelta(hours=23), False),
    ],
)
def test_a_key_protects_for_23_hours(age: timedelta, *, may_be_sent: bool) -> None:
    assert may_be_sent == begun().may_be_sent(START + age)
