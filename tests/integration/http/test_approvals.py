"""Approvals over HTTP."""

from collections.abc import AsyncIterator

import attrs
import pytest

from markethub.domain.approval import ApprovalLimit
from markethub.domain.money import Money
from markethub.domain.secret import Secret
from markethub.entrypoints.setting_values import OpsKey, Role
from tests.support.app import SETTINGS, STOREFRONT, Api, bearer, ops, serving

pytestmark = pytest.mark.anyio

BOB = bearer("bobs-key")


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """A shop in which one person gives back 20.00 USD of a payment at most."""
    bob = OpsKey(name="bob", role=Role.REFUNDER, secret=Secret("bobs-key"))
    settings = attrs.evolve(
        SETTINGS,
        ops_keys=(*SETTINGS.ops_keys, bob),
        refund_approval_limit=ApprovalLimit({"usd": Money.of(2000, "usd")}),
    )
    async with serving(settings) as served:
        yield served


async def asked(api: Api, *, key: str = "k") -> str:
    """Ask for too much, and return the approval's id."""
    payment = await api.world.paid()
    path = f"/api/payments/{payment.id}/refunds/"
    refused = await api.call("POST", path, {"amount": 3000}, key=key, caller=ops(Role.REFUNDER))
    assert (409, "approval_required") == (refused.status_code, refused.json()["code"])
    return str(refused.json()["approval_id"])


async def test_a_second_person_agrees_and_the_first_hears_of_the_refund(api: Api) -> None:
    waiting = await asked(api)
    shown = (await api.get(f"/api/approvals/{waiting}/", caller=ops(Role.VIEWER))).json()
    agreed = await api.call(
        "POST", f"/api/approvals/{waiting}/approve/", {"why": "seen the mail"}, caller=BOB, key="b"
    )
    path = f"/api/payments/{shown['payment_id']}/refunds/"
    repeated = await api.call("POST", path, {"amount": 3000}, key="k", caller=ops(Role.REFUNDER))

    assert ("pending", 3000, "usd", "refunder") == (
        shown["status"],
        shown["amount"],
        shown["currency"],
        shown["requested_by"],
    )
    assert (200, "approved", "bob", "seen the mail") == (
        agreed.status_code,
        agreed.json()["status"],
        agreed.json()["decided_by"],
        agreed.json()["why"],
    )
    # What was refused under the key was no answer: the same request is answered anew.
    assert (201, agreed.json()["refund_id"]) == (repeated.status_code, repeated.json()["id"])


async def test_a_refund_that_does_not_wait_is_given_no_approvals_id(api: Api) -> None:
    waiting = await asked(api)
    shown = (await api.get(f"/api/approvals/{waiting}/", caller=ops(Role.VIEWER))).json()
    path = f"/api/payments/{shown['payment_id']}/refunds/"
    other = await api.call("POST", path, {"amount": 2500}, key="o", caller=ops(Role.REFUNDER))

    assert (409, "approval_required") == (other.status_code, other.json()["code"])
    assert "approval_id" not in other.json()
    assert waiting in other.json()["detail"]


async def test_a_second_person_refuses(api: Api) -> None:
    waiting = await asked(api)
    rejected = await api.call("POST", f"/api/approvals/{waiting}/reject/", caller=BOB, key="b")

    assert (200, "rejected") == (rejected.status_code, rejected.json()["status"])
    assert [] == api.world.refunds_at_stripe()


async def test_who_asked_is_no_second_person(api: Api) -> None:
    waiting = await asked(api)
    answer = await api.call(
        "POST", f"/api/approvals/{waiting}/approve/", caller=ops(Role.REFUNDER), key="b"
    )

    assert (409, "second_person_required") == (answer.status_code, answer.json()["code"])


@pytest.mark.parametrize("verb", ["approve", "reject"])
async def test_who_may_not_refund_does_not_decide(api: Api, verb: str) -> None:
    path = f"/api/approvals/{await asked(api)}/{verb}/"

    assert [403, 403, 403, 401] == [
        (await api.call("POST", path, caller=caller, key="b")).status_code
        for caller in (ops(Role.SUPPORT), STOREFRONT, api.customer(), {})
    ]


async def test_what_waits_is_listed(api: Api) -> None:
    waiting = await asked(api)

    for query, found in (("", [waiting]), ("?status=pending", [waiting]), ("?status=rejected", [])):
        listed = await api.get(f"/api/approvals/{query}", caller=ops(Role.VIEWER))
        assert found == [each["id"] for each in listed.json()["items"]]


async def test_what_never_was_is_not_found(api: Api) -> None:
    for path in ("/api/approvals/apr_none/", "/api/approvals/a b/"):
        assert 404 == (await api.get(path, caller=ops(Role.VIEWER))).status_code


async def test_a_dry_run_says_that_another_has_to_agree(api: Api) -> None:
    payment = await api.world.paid()
    path = f"/api/payments/{payment.id}/refunds/"
    answer = await api.call("POST", path, {"amount": 3000, "dry_run": True})

    assert (200, True) == (answer.status_code, answer.json()["needs_approval"])
