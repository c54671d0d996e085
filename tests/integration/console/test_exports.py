"""Lists exported at the console: filtered as they are shown, read by any spreadsheet, noted."""

import csv
import io

import pytest
from httpx import Response

from markethub.domain.audit import Act, AuditAction, Channel
from markethub.domain.ports.audit import AuditFilter
from markethub.entrypoints.console import exports
from markethub.entrypoints.setting_values import Role
from tests.support.console import Desk
from tests.support.disputed import Disputed

pytestmark = pytest.mark.anyio

LISTS = ("payments", "refunds", "disputes", "audit")


def table(answer: Response) -> list[dict[str, str]]:
    text = answer.content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


@pytest.mark.parametrize("name", LISTS)
async def test_an_export_is_a_dated_file_that_nobody_keeps(desk: Desk, name: str) -> None:
    await desk.sign_in(Role.VIEWER)
    answer = await desk.get(f"/ops/{name}.csv")

    file = "audit-log" if name == "audit" else name
    assert 200 == answer.status_code
    assert {
        "content-type": "text/csv; charset=utf-8; header=present",
        "content-disposition": f'attachment; filename="markethub-{file}-2026-11-02.csv"',
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }.items() <= dict(answer.headers).items()
    assert answer.content.startswith("\ufeff".encode())
    assert answer.content.endswith(b"\r\n")


@pytest.mark.parametrize("name", LISTS)
async def test_a_list_leads_to_its_export_with_its_filter(desk: Desk, name: str) -> None:
    await desk.sign_in(Role.VIEWER)
    chosen = "payment=pay_1" if name == "disputes" else "status=canceled"
    page = await desk.get(f"/ops/{name}?{chosen}&cursor=&done=x")

    assert f'href="/ops/{name}.csv?{chosen}">Export as CSV<' in page.text


async def test_payments_are_exported_as_they_are_filtered(desk: Desk) -> None:
    first, second = await desk.world.paid("o-1"), await desk.world.paid("o-2", total=12345)
    await desk.world.refund(second, 345)
    await desk.world.work()
    await desk.sign_in(Role.VIEWER)

    everything = table(await desk.get("/ops/payments.csv"))
    one = table(await desk.get("/ops/payments.csv?q=o-2"))

    assert sorted([first.id, second.id]) == sorted(row["payment_id"] for row in everything)
    assert [
        {
            "payment_id": second.id,
            "order_id": "o-2",
            "customer_id": "c-1",
            "status": "succeeded",
            "quarantine": "",
            "failure_code": "",
            "amount": "123.45",
            "captured": "123.45",
            "refunded": "3.45",
            "disputed": "0.00",
            "currency": "USD",
            "provider_intent_id": second.intent_id,
            "provider_charge_id": second.charge_id,
            "created_at": "2026-11-02T09:00:00Z",
            "updated_at": "2026-11-02T09:00:00Z",
        }
    ] == one


async def test_more_than_a_page_is_exported_whole(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "ROWS_AT_ONCE", 2)
    paid = [await desk.world.paid(f"o-{number}") for number in range(5)]
    await desk.sign_in(Role.VIEWER)

    found = table(await desk.get("/ops/payments.csv"))

    assert {each.id for each in paid} == {row["payment_id"] for row in found}
    assert len(paid) == len(found)


async def test_what_somebody_wrote_on_a_refund_is_no_formula(desk: Desk) -> None:
    payment = await desk.world.paid()
    made = await desk.world.refund(payment, 500, note='=HYPERLINK("https://evil.example")')
    await desk.sign_in(Role.VIEWER)

    [row] = table(await desk.get("/ops/refunds.csv?status=succeeded"))

    assert (made.id, "5.00", "USD", "ada", '\'=HYPERLINK("https://evil.example")') == (
        row["refund_id"],
        row["amount"],
        row["currency"],
        row["asked_by"],
        row["note"],
    )
    assert [] == table(await desk.get("/ops/refunds.csv?status=failed"))


async def test_disputes_are_exported_as_they_are_shown(desk: Desk) -> None:
    disputed = Disputed(desk.world)
    await disputed.pay()
    dispute = await disputed.open()
    await desk.sign_in(Role.VIEWER)

    found = [
        [row["dispute_id"] for row in table(await desk.get(f"/ops/disputes.csv{query}"))]
        for query in ("", "?show=all", "?show=lost", f"?payment={dispute.payment_id}")
    ]

    assert [[dispute.id], [dispute.id], [], [dispute.id]] == found


async def test_who_exports_what_is_in_the_audit_log_and_in_its_own_export(desk: Desk) -> None:
    await desk.world.container.record_audit()(
        Act(actor="mara", reason="-2+3"), AuditAction.PAYMENT_CANCEL, subject="pay_1"
    )
    await desk.sign_in(Role.VIEWER)
    await desk.get("/ops/payments.csv?status=succeeded&q=o-1")
    await desk.get("/ops/disputes.csv")

    wanted = AuditFilter(action=AuditAction.CONSOLE_EXPORT)
    lines = (await desk.world.container.audit_queries().entries(wanted)).items
    assert [
        ("viewer", Channel.CONSOLE, "disputes", {"filter": "none"}),
        ("viewer", Channel.CONSOLE, "payments", {"whose": "o-1", "status": "succeeded"}),
    ] == [(line.actor, line.channel, line.subject, line.detail) for line in lines]
    exported = table(await desk.get("/ops/audit.csv"))
    assert [
        ("viewer", "console.export", "audit-log", "", "filter: none"),
        ("viewer", "console.export", "disputes", "", "filter: none"),
        ("viewer", "console.export", "payments", "", "status: succeeded; whose: o-1"),
        ("viewer", "console.sign_in", "", "", "address: 127.0.0.1"),
        ("mara", "payment.cancel", "pay_1", "'-2+3", ""),
    ] == [
        (row["actor"], row["action"], row["subject"], row["reason"], row["detail"])
        for row in exported
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/ops/payments.csv?since=yesterday",
        "/ops/refunds.csv?status=gone",
        "/ops/disputes.csv?show=gone",
        "/ops/audit.csv?action=gone",
    ],
)
async def test_what_cannot_be_a_filter_exports_nothing(desk: Desk, path: str) -> None:
    await desk.sign_in(Role.VIEWER)

    assert 400 == (await desk.get(path)).status_code
    wanted = AuditFilter(action=AuditAction.CONSOLE_EXPORT)
    assert () == tuple((await desk.world.container.audit_queries().entries(wanted)).items)


async def test_a_filter_of_pages_is_not_written_down_whole(desk: Desk) -> None:
    await desk.sign_in(Role.VIEWER)
    await desk.get(f"/ops/audit.csv?actor={'x' * 5000}")

    wanted = AuditFilter(action=AuditAction.CONSOLE_EXPORT)
    [line] = (await desk.world.container.audit_queries().entries(wanted)).items
    assert {"actor": "x" * 255} == line.detail


async def test_no_secret_is_exported(desk: Desk) -> None:
    payment = await desk.world.paid()
    await desk.world.refund(payment, 500)
    await desk.sign_in(Role.VIEWER)

    files = [(await desk.get(f"/ops/{name}.csv")).text for name in LISTS]

    assert [] == [
        secret
        for secret in ("_secret_", "pm_", "cus_", "viewer-key", "4242")
        if any(secret in file for file in files)
    ]
