"""What comes in over HTTP is written down under the key's name."""

import pytest

from markethub.domain.audit import AuditAction, Channel
from markethub.domain.ports.audit import AuditFilter
from markethub.entrypoints.setting_values import Role
from tests.support.app import STOREFRONT, Api, Headers, ops

pytestmark = pytest.mark.anyio


async def acts(api: Api) -> list[tuple[str, Channel, AuditAction]]:
    page = await api.world.container.audit_queries().entries(AuditFilter())
    return [(line.actor, line.channel, line.action) for line in reversed(page.items)]


@pytest.mark.parametrize(
    ("caller", "name"), [(ops(Role.REFUNDER), "refunder"), (STOREFRONT, "shop")]
)
async def test_captures_and_refunds(api: Api, caller: Headers, name: str) -> None:
    started = await api.authorized()
    path = f"/api/payments/{started.payment.id}"
    await api.call("POST", f"{path}/capture/", caller=caller, key="a")
    await api.call("POST", f"{path}/refunds/", caller=caller, key="b")

    assert [
        (name, Channel.API, AuditAction.PAYMENT_CAPTURE),
        (name, Channel.API, AuditAction.REFUND_REQUEST),
    ] == await acts(api)


async def test_cancelations(api: Api) -> None:
    started = await api.authorized()
    await api.call("POST", f"/api/payments/{started.payment.id}/cancel/", key="a")
    await api.call("DELETE", "/api/orders/o-1/")

    assert [AuditAction.PAYMENT_CANCEL, AuditAction.ORDER_CANCEL] == [
        action for _, _, action in await acts(api)
    ]


async def test_the_shop_acts_by_name_and_customers_are_not_written_down(api: Api) -> None:
    method = await api.world.save_card()
    other = await api.world.save_card("5555555555554444")
    base = "/api/customers/c-1/payment-methods"
    await api.call("POST", f"{base}/{other.id}/default/", caller=api.customer())
    await api.call("POST", f"{base}/{method.id}/default/")
    await api.call("DELETE", f"{base}/{other.id}/", caller=api.customer())
    await api.call("DELETE", f"{base}/{method.id}/")

    assert [
        ("shop", Channel.API, AuditAction.METHOD_DEFAULT),
        ("shop", Channel.API, AuditAction.METHOD_REMOVE),
    ] == await acts(api)


async def test_why_may_be_said_with_any_request(api: Api) -> None:
    started = await api.authorized()
    path = f"/api/payments/{started.payment.id}/capture/"
    pages = {**ops(Role.SUPPORT), "Audit-Reason": "x" * 501}
    number = {**ops(Role.SUPPORT), "Audit-Reason": "card 4242 4242 4242 4242"}
    refused = [(await api.call("POST", path, caller=each)).status_code for each in (pages, number)]
    caller = {**ops(Role.SUPPORT), "Audit-Reason": "shipped today"}
    taken = await api.call("POST", path, caller=caller)

    [line] = (await api.world.container.audit_queries().entries(AuditFilter())).items
    assert ([400, 400], 200) == (refused, taken.status_code)
    assert (AuditAction.PAYMENT_CAPTURE, "shipped today") == (line.action, line.reason)


async def test_what_a_role_may_not_do_is_written_down(api: Api) -> None:
    started = await api.authorized()
    path = f"/api/payments/{started.payment.id}/capture/"
    for caller in (ops(Role.VIEWER), api.customer(), None):
        await api.call("POST", path, caller=caller or {}, key="a")

    [line] = (await api.world.container.audit_queries().entries(AuditFilter())).items
    assert ("viewer", Channel.API, AuditAction.API_DENIED) == (
        line.actor,
        line.channel,
        line.action,
    )
    assert {"asked_for": "POST /api/payments/{payment_id}/capture", "role": "viewer"} == (
        line.detail
    )
