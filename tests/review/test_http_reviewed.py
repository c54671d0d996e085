"""What goes wrong over HTTP."""

from collections.abc import AsyncIterator

import pytest

from markethub.adapters.fake.bank import Bank
from markethub.domain.operation import KEY_LIFE
from markethub.entrypoints.setting_values import Role
from tests.support.app import Api, ops, serving
from tests.support.disputed import Disputed
from tests.support.faults import Fault

pytestmark = pytest.mark.anyio


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving() as api:
        yield api


async def test_a_customer_is_not_told_that_a_refund_was_for_suspected_fraud(api: Api) -> None:
    payment = await api.world.paid()
    made = await api.call(
        "POST",
        f"/api/payments/{payment.id}/refunds/",
        {"amount": 1000, "reason": "fraud_suspected"},
        key="k",
        caller=ops(Role.REFUNDER),
    )
    assert made.status_code == 201

    shown = await api.get(f"/api/payments/{payment.id}/", caller=api.customer())

    assert "fraud" not in shown.text


async def test_a_customer_is_not_told_that_a_card_counts_as_lost_or_stolen(api: Api) -> None:
    payment = await api.world.paid()
    await api.world.refund(payment, 1000)
    [refund] = api.world.refunds_at_stripe()
    Bank(api.world.account).fail_refund(refund["id"], "lost_or_stolen_card")
    await api.world.work()

    shown = await api.get(f"/api/payments/{payment.id}/", caller=api.customer())

    assert "stolen" not in shown.text


async def test_as_much_evidence_is_taken_as_stripe_takes(api: Api) -> None:
    disputed = Disputed(api.world)
    await disputed.pay()
    dispute = await disputed.open()

    answer = await api.call(
        "PUT",
        f"/api/disputes/{dispute.id}/evidence/",
        {"uncategorized_text": "we shipped it. " * 6000},
        caller=ops(Role.SUPPORT),
    )

    assert 200 == answer.status_code


async def test_a_dry_run_ignores_its_key_whatever_it_is(api: Api) -> None:
    payment = await api.world.paid()

    answer = await api.call(
        "POST", f"/api/payments/{payment.id}/refunds/", {"dry_run": True}, key="k" * 300
    )

    assert 200 == answer.status_code


async def test_a_submission_that_grew_too_old_is_not_answered_with_success(api: Api) -> None:
    disputed = Disputed(api.world)
    await disputed.pay()
    dispute = await disputed.open()
    await disputed.draft(dispute.id, uncategorized_text="we shipped it")
    path, staff = f"/api/disputes/{dispute.id}/submit/", ops(Role.SUPPORT)
    disputed.bank.faults.append(Fault.LOST_REQUEST)
    first = await api.call("POST", path, {}, key="k", caller=staff)
    api.world.clock.advance(seconds=KEY_LIFE.total_seconds() + 1)

    second = await api.call("POST", path, {}, key="k", caller=staff)

    assert 503 == first.status_code
    assert 200 != second.status_code or second.json()["submission_count"] == 1


async def test_more_than_the_dashboard_has_left_is_named_by_its_own_code(api: Api) -> None:
    payment = await api.world.paid()
    Bank(api.world.account).refund_in_dashboard(str(payment.charge_id), amount=4000)

    answer = await api.call(
        "POST", f"/api/payments/{payment.id}/refunds/", {"amount": 2000}, key="k"
    )

    assert (409, "refund_exceeds_captured") == (answer.status_code, answer.json()["code"])


async def test_a_dry_run_says_what_the_refund_itself_would_be_answered(api: Api) -> None:
    payment = await api.world.paid()
    api.world.gateway.is_down = True
    path = f"/api/payments/{payment.id}/refunds/"
    await api.call("POST", path, {"amount": 1000}, key="k-1")

    preview = await api.call("POST", path, {"amount": 1000, "dry_run": True})
    real = await api.call("POST", path, {"amount": 1000}, key="k-2")

    assert (preview.status_code == 200) == (real.status_code == 201)
