"""Refunds over HTTP."""

import asyncio
from typing import Any

import attrs
import pytest
from dependency_injector import providers

from markethub.adapters.fake.bank import Bank
from markethub.domain.audit import Act
from markethub.domain.errors import GatewayRejected, Refused, TryAgain
from markethub.domain.payment import Payment
from markethub.domain.ports.gateway import Declined
from markethub.domain.usecases.refund_payment import RefundPaymentCommand
from markethub.entrypoints.container import build_container
from markethub.entrypoints.setting_values import Database, Role
from tests.support.app import SETTINGS, STOREFRONT, Api, ops, serving
from tests.support.faults import Fault

pytestmark = pytest.mark.anyio


def path_of(payment: Payment) -> str:
    return f"/api/payments/{payment.id}/refunds/"


async def test_a_refund_is_made_and_shown(api: Api) -> None:
    payment = await api.world.paid()
    body = {"amount": 2000, "reason": "goodwill", "note": "sorry"}

    answer = await api.call("POST", path_of(payment), body, key="k", caller=ops(Role.REFUNDER))

    made = answer.json()
    [at_stripe] = api.world.refunds_at_stripe()
    assert 201 == answer.status_code
    assert {
        "id": made["id"],
        "payment_id": payment.id,
        "order_id": "o-1",
        "provider_refund_id": at_stripe["id"],
        "status": "succeeded",
        "amount": 2000,
        "currency": "usd",
        "reason": "goodwill",
        "note": "sorry",
        "actor": "refunder",
        "created_at": made["created_at"],
        "updated_at": made["updated_at"],
    } == made
    assert made == (await api.get(f"/api/refunds/{made['id']}/")).json()
    assert [made] == (await api.get("/api/refunds/")).json()["items"]


async def test_payment_and_order_show_what_was_given_back(api: Api) -> None:
    payment = await api.world.paid()
    made = await api.call("POST", path_of(payment), {"amount": 2000}, key="k")

    shown = (await api.get(f"/api/payments/{payment.id}/")).json()
    order = (await api.get("/api/orders/o-1/")).json()

    assert (2000, 3000) == (shown["amount_refunded"], shown["amount_refundable"])
    assert [made.json()] == shown["refunds"]
    assert ("paid", 5000, 2000) == (
        order["status"],
        order["amount_paid"],
        order["amount_refunded"],
    )
    assert [shown] == order["payments"]


async def test_a_customer_sees_neither_who_nor_why(api: Api) -> None:
    payment = await api.world.paid()
    await api.call("POST", path_of(payment), {"note": "a bad customer"}, key="k")

    seen = (await api.get(f"/api/payments/{payment.id}/", caller=api.customer())).json()

    [refund] = seen["refunds"]
    assert {"note", "actor"}.isdisjoint(refund)


async def test_a_refund_needs_a_key(api: Api) -> None:
    payment = await api.world.paid()
    before = await api.state()

    answer = await api.call("POST", path_of(payment), {})

    assert (400, "idempotency_key_required") == (answer.status_code, answer.json()["code"])
    assert before == await api.state()


async def test_the_same_key_makes_one_refund_and_gives_the_same_bytes(api: Api) -> None:
    payment = await api.world.paid()

    first = await api.call("POST", path_of(payment), {"amount": 2000}, key="k")
    second = await api.call("POST", path_of(payment), {"amount": 2000}, key="k")
    other = await api.call("POST", path_of(payment), {"amount": 2001}, key="k")

    assert (201, first.content) == (second.status_code, second.content)
    assert (422, "idempotency_key_reused") == (other.status_code, other.json()["code"])
    assert 1 == len(api.world.refunds_at_stripe())


async def test_a_dry_run_needs_no_key_uses_none_and_does_nothing(api: Api) -> None:
    payment = await api.world.paid()
    before = await api.state()

    for key in (None, "k"):
        answer = await api.call(
            "POST", path_of(payment), {"amount": 2000, "dry_run": True}, key=key
        )

        assert 200 == answer.status_code
        assert {
            "payment_id": payment.id,
            "amount": 2000,
            "amount_refundable_after": 3000,
            "currency": "usd",
            "dry_run": True,
        } == answer.json()
    assert before == await api.state()
    made = await api.call("POST", path_of(payment), {"amount": 2000}, key="k")
    assert 201 == made.status_code


async def test_an_outcome_that_nobody_knows_is_pending_and_no_error(api: Api) -> None:
    payment = await api.world.paid()
    api.world.gateway.faults = [Fault.LOST_REPLY]

    answer = await api.call("POST", path_of(payment), {"amount": 2000}, key="k")
    await api.world.recover()

    assert (201, "pending") == (answer.status_code, answer.json()["status"])
    later = (await api.get(f"/api/refunds/{answer.json()['id']}/")).json()
    assert "succeeded" == later["status"]


async def test_somebodys_metadata_does_not_hide_a_refund_that_was_made(api: Api) -> None:
    """A refund in the dashboard bears the id of another payment's refund of ours."""
    payment = await api.world.paid()
    other = await api.world.paid("o-2")
    api.world.gateway.answers = [Declined(code="balance_insufficient")]
    with pytest.raises(GatewayRejected):
        await api.world.refund(other, 1000)
    [refused] = await api.world.refunds(other)
    Bank(api.world.account).refund_in_dashboard(
        str(payment.charge_id), amount=1000, metadata={"markethub_refund_id": refused.id}
    )
    api.world.gateway.faults = [Fault.LOST_REPLY]
    made = await api.call("POST", path_of(payment), {"amount": 2000}, key="k")

    api.world.clock.advance(seconds=30)
    await api.world.container.reconcile()()

    shown = await api.get(f"/api/refunds/{made.json()['id']}/")
    assert "succeeded" == shown.json()["status"]


async def test_what_is_not_left_is_refused(api: Api) -> None:
    payment = await api.world.paid()

    over = await api.call("POST", path_of(payment), {"amount": 5001}, key="k1")
    await api.call("POST", path_of(payment), {}, key="k2")
    again = await api.call("POST", path_of(payment), {}, key="k3")

    assert (409, "refund_exceeds_captured") == (over.status_code, over.json()["code"])
    assert (409, "payment_not_refundable") == (again.status_code, again.json()["code"])


async def test_what_was_only_held_is_refused(api: Api) -> None:
    started = await api.authorized()

    answer = await api.call("POST", path_of(started.payment), {}, key="k")

    assert (409, "payment_not_refundable") == (answer.status_code, answer.json()["code"])


async def test_an_open_chargeback_is_in_the_way(api: Api) -> None:
    payment = await api.world.paid(card="4000000000000259")
    api.world.clock.advance(minutes=1)
    await api.world.work()

    answer = await api.call("POST", path_of(payment), {}, key="k")

    assert (409, "payment_disputed") == (answer.status_code, answer.json()["code"])
    assert api.world.refunds_at_stripe() == []


@pytest.mark.parametrize(
    "body",
    [
        {"amount": 0},
        {"amount": -1},
        {"amount": 1.5},
        {"amount": "2000"},
        {"amount": True},
        {"reason": "fraudulent"},
        {"note": "x" * 501},
        {"note": "4242 4242 4242 4242"},
        {"note": "nul\x00"},
        {"currency": "usd"},
        {"dry_run": "yes"},
    ],
    ids=str,
)
async def test_wrong_input_is_refused_and_changes_nothing(api: Api, body: dict[str, Any]) -> None:
    payment = await api.world.paid()
    before = await api.state()

    answer = await api.call("POST", path_of(payment), body, key="k")

    assert (400, "validation_failed") == (answer.status_code, answer.json()["code"])
    assert before == await api.state()
    assert api.world.refunds_at_stripe() == []


async def test_an_unknown_payment_is_not_found(api: Api) -> None:
    answer = await api.call("POST", "/api/payments/pay_none/refunds/", {}, key="k")

    assert (404, "not_found") == (answer.status_code, answer.json()["code"])


async def test_staff_who_may_not_refund_are_forbidden(api: Api) -> None:
    payment = await api.world.paid()

    for role in (Role.VIEWER, Role.SUPPORT):
        answer = await api.call("POST", path_of(payment), {}, key="k", caller=ops(role))

        assert (403, "forbidden") == (answer.status_code, answer.json()["code"])


async def test_refunds_are_listed_by_payment_and_status_page_by_page(api: Api) -> None:
    one, other = await api.world.paid("o-1"), await api.world.paid("o-2")
    for number, payment in enumerate((one, one, other)):
        api.world.clock.advance(seconds=1)
        await api.call("POST", path_of(payment), {"amount": 1000}, key=f"k{number}")

    first = (await api.get("/api/refunds/?limit=2")).json()
    rest = (await api.get(f"/api/refunds/?limit=2&cursor={first['next_cursor']}")).json()
    of_one = (await api.get(f"/api/refunds/?payment_id={one.id}&status=succeeded")).json()

    assert [other.id, one.id] == [each["payment_id"] for each in first["items"]]
    assert ([one.id], None) == (
        [each["payment_id"] for each in rest["items"]],
        rest["next_cursor"],
    )
    assert 2 == len(of_one["items"])
    for wrong in ("cursor=%20", "payment_id=%20", "status=lost", "limit=0"):
        assert 400 == (await api.get(f"/api/refunds/?{wrong}")).status_code


async def test_the_storefront_may_refund_too(api: Api) -> None:
    payment = await api.world.paid()

    answer = await api.call("POST", path_of(payment), {}, key="k", caller=STOREFRONT)

    assert (201, "shop") == (answer.status_code, answer.json()["actor"])


@pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
async def test_fifty_at_once_from_http_and_the_command_line_end_at_the_exact_sum(
    store_url: str,
) -> None:
    """Half by the application, half as commands make them: by another process on the database."""
    settings = attrs.evolve(SETTINGS, database=Database(url=store_url))
    async with serving(settings) as api:
        payment = await api.world.paid()
        other = build_container(settings)
        other.account.override(providers.Object(api.world.account))
        other.clock.override(providers.Object(api.world.clock))

        async def over_http(number: int) -> None:
            for _ in range(200):
                answer = await api.call("POST", path_of(payment), {"amount": 150}, key=f"k{number}")
                if answer.json().get("code") not in ("request_in_progress", "stale_write"):
                    return

        async def by_command() -> None:
            command = RefundPaymentCommand(
                payment_id=payment.id, act=Act(actor="ada"), amount_minor=150, again=True
            )
            for _ in range(200):
                try:
                    await other.refund_payment()(command)
                except TryAgain:
                    continue
                except Refused:
                    return
                return

        await asyncio.gather(*(over_http(n) for n in range(25)), *(by_command() for _ in range(25)))
        await api.world.work()

        after = await api.world.payment(payment.id)
        # 33 parts of 1.50 fit into 50.00, and the rest of 0.50 stays.
        assert (4950, 50) == (after.refunded.minor, after.amount_refundable.minor)
        assert [150] * 33 == [each["amount"] for each in api.world.refunds_at_stripe()]
        await other.store().close()
        await api.world.container.store().close()


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


async def test_a_dry_run_ignores_its_key_whatever_it_is(api: Api) -> None:
    payment = await api.world.paid()

    preview = await api.call("POST", path_of(payment), {"dry_run": True}, key="k" * 300)
    real = await api.call("POST", path_of(payment), {}, key="k" * 300)

    assert (200, 400) == (preview.status_code, real.status_code)


async def test_a_dry_run_says_that_the_refund_would_have_to_wait(api: Api) -> None:
    payment = await api.world.paid()
    api.world.gateway.is_down = True
    await api.call("POST", path_of(payment), {"amount": 1000}, key="k-1")

    preview = await api.call("POST", path_of(payment), {"amount": 1000, "dry_run": True})
    real = await api.call("POST", path_of(payment), {"amount": 1000}, key="k-2")

    assert (409, "request_in_progress") == (real.status_code, real.json()["code"])
    assert (409, "request_in_progress") == (preview.status_code, preview.json()["code"])


async def test_more_than_the_dashboard_has_left_is_named_by_its_own_code(api: Api) -> None:
    payment = await api.world.paid()
    Bank(api.world.account).refund_in_dashboard(str(payment.charge_id), amount=4000)

    first = await api.call("POST", path_of(payment), {"amount": 2000}, key="k")
    api.world.clock.advance(hours=25)
    later = await api.call("POST", path_of(payment), {"amount": 2000}, key="k")

    assert (409, "refund_exceeds_captured") == (first.status_code, first.json()["code"])
    assert (409, "refund_exceeds_captured") == (later.status_code, later.json()["code"])
