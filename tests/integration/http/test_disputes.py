"""Disputes over HTTP: staff look, draft, attach, submit and accept."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from httpx import Response

from markethub.domain.evidence import TEXT_CHARACTERS_MAXIMUM, TEXT_FIELDS
from markethub.domain.operation import KEY_LIFE
from markethub.entrypoints.setting_values import Role
from tests.support.app import STOREFRONT, Api, ops
from tests.support.bank import DUE_BY, movement
from tests.support.disputed import PDF, Disputed
from tests.support.faults import Fault

pytestmark = pytest.mark.anyio

STAFF = ops(Role.SUPPORT)
TAKEN = movement("txn_taken", -5000, fee=1500)
TEXT = {"uncategorized_text": "it was sent"}


@pytest.fixture
async def disputed(api: Api) -> Disputed:
    disputed = Disputed(api.world)
    await disputed.pay()
    return disputed


async def send_file(
    api: Api,
    path: str,
    content: bytes = PDF,
    *,
    fields: Mapping[str, Any] | None = None,
    key: str | None = None,
) -> Response:
    return await api.client.post(
        path,
        data={"field": "receipt"} if fields is None else fields,
        files={"file": ("../receipt.pdf", content)},
        headers={**STAFF, **({"Idempotency-Key": key} if key else {})},
    )


async def test_a_dispute_shows_everything_that_the_interface_names(
    api: Api, disputed: Disputed
) -> None:
    dispute = await disputed.open(balance_transactions=[TAKEN])

    answer = await api.get(f"/api/disputes/{dispute.id}/", caller=ops(Role.VIEWER))

    assert {
        "id": dispute.id,
        "provider_dispute_id": "dp_1",
        "payment_id": dispute.payment_id,
        "order_id": "o-1",
        "status": "needs_response",
        "is_inquiry": False,
        "reason": "fraudulent",
        "amount": 5000,
        "amount_withdrawn": 5000,
        "amount_reinstated": 0,
        "currency": "usd",
        "fees": {"usd": 1500},
        "evidence_due_by": "2026-11-09T08:59:59Z",
        "evidence_past_due": False,
        "has_evidence": False,
        "submission_count": 0,
        "evidence": {},
        "opened_at": "2026-11-02T09:00:00Z",
        "created_at": "2026-11-02T09:00:00Z",
        "updated_at": "2026-11-02T09:00:00Z",
    } == answer.json()


async def test_the_payment_and_the_order_show_what_is_in_dispute(
    api: Api, disputed: Disputed
) -> None:
    dispute = await disputed.open(balance_transactions=[TAKEN])

    payment = (await api.get(f"/api/payments/{dispute.payment_id}/")).json()
    order = (await api.get("/api/orders/o-1/")).json()

    assert (True, 5000, 0) == (
        payment["disputed"],
        payment["amount_disputed"],
        payment["amount_refundable"],
    )
    assert (5000, "paid") == (order["amount_disputed"], order["status"])


async def test_an_open_chargeback_shows_before_its_funds_are_withdrawn(
    api: Api, disputed: Disputed
) -> None:
    dispute = await disputed.open()

    payment = (await api.get(f"/api/payments/{dispute.payment_id}/")).json()

    assert (True, 0) == (payment["disputed"], payment["amount_disputed"])


async def test_fraud_warnings_are_shown_to_staff_and_not_to_the_customer(
    api: Api, disputed: Disputed
) -> None:
    payment = await disputed.payment()
    warning = {
        "id": "issfr_1",
        "object": "radar.early_fraud_warning",
        "actionable": True,
        "charge": payment.charge_id,
        "created": DUE_BY,
        "fraud_type": "misc",
        "livemode": False,
    }
    disputed.bank.warnings["issfr_1"] = warning
    await disputed.deliver("radar.early_fraud_warning.created", warning)
    await disputed.process()

    path = f"/api/payments/{payment.id}/"
    shop, customer = await api.get(path), await api.get(path, caller=api.customer())

    shown = {"id": "issfr_1", "fraud_type": "misc", "actionable": True}
    assert [shown | {"created_at": "2026-11-09T08:59:59Z"}] == shop.json()["fraud_warnings"]
    assert "fraud_warnings" not in customer.json()


async def test_disputes_are_listed_newest_first_in_pages_and_by_filter(
    api: Api, disputed: Disputed
) -> None:
    expected: list[str] = []
    for number in range(3):
        disputed.world.clock.advance(seconds=1)
        status = "won" if number == 1 else "needs_response"
        expected.insert(0, (await disputed.open(id=f"dp_{number}", status=status)).id)

    first = (await api.get("/api/disputes/?limit=2", caller=STAFF)).json()
    cursor = first["next_cursor"]
    second = (await api.get(f"/api/disputes/?limit=2&cursor={cursor}", caller=STAFF)).json()
    won = (await api.get("/api/disputes/?status=won", caller=STAFF)).json()
    others = (await api.get("/api/disputes/?payment_id=pay_none", caller=STAFF)).json()

    assert expected == [item["id"] for item in first["items"] + second["items"]]
    assert second["next_cursor"] is None
    assert ([expected[1]], []) == ([item["id"] for item in won["items"]], others["items"])


@pytest.mark.parametrize(
    "query", ["cursor=bm9uc2Vuc2U=", "cursor=%20", "payment_id=%20", "limit=0"]
)
async def test_a_query_that_cannot_be_answered_is_refused(api: Api, query: str) -> None:
    answer = await api.get(f"/api/disputes/?{query}", caller=STAFF)

    assert (400, "validation_failed") == (answer.status_code, answer.json()["code"])


async def test_evidence_is_drafted_and_submitted(api: Api, disputed: Disputed) -> None:
    path = f"/api/disputes/{(await disputed.open()).id}"

    drafted = await api.call("PUT", f"{path}/evidence/", TEXT, caller=STAFF)
    attached = await send_file(api, f"{path}/files/")
    submitted = await api.call("POST", f"{path}/submit/", caller=STAFF)

    assert [200, 200, 200] == [each.status_code for each in (drafted, attached, submitted)]
    assert TEXT == drafted.json()["evidence"]
    assert {**TEXT, "receipt": "file_1"} == attached.json()["evidence"]
    assert ("under_review", 1, True) == tuple(
        submitted.json()[name] for name in ("status", "submission_count", "has_evidence")
    )


async def test_a_repeated_submission_is_answered_as_the_first(api: Api, disputed: Disputed) -> None:
    path = f"/api/disputes/{(await disputed.open()).id}"
    await api.call("PUT", f"{path}/evidence/", TEXT, caller=STAFF)

    first = await api.call("POST", f"{path}/submit/", caller=STAFF, key="k")
    again = await api.call("POST", f"{path}/submit/", caller=STAFF, key="k")

    assert first.content == again.content
    assert "true" == again.headers["Idempotent-Replayed"]
    assert 1 == len(disputed.bank.executed)


async def test_a_submission_of_unknown_outcome_is_finished_by_its_repetition(
    api: Api, disputed: Disputed
) -> None:
    path = f"/api/disputes/{(await disputed.open()).id}"
    await api.call("PUT", f"{path}/evidence/", TEXT, caller=STAFF)
    disputed.bank.faults = [Fault.LOST_REPLY]

    unknown = await api.call("POST", f"{path}/submit/", caller=STAFF, key="k")
    known = await api.call("POST", f"{path}/submit/", caller=STAFF, key="k")

    assert (503, "gateway_unavailable") == (unknown.status_code, unknown.json()["code"])
    assert unknown.headers["Retry-After"]
    assert (200, "under_review") == (known.status_code, known.json()["status"])
    assert 1 == len(disputed.bank.executed)


async def test_a_request_that_recovery_finished_is_recognised_by_its_key(
    api: Api, disputed: Disputed
) -> None:
    lost, conceded = await disputed.open(), await disputed.open(id="dp_2")
    await api.call("PUT", f"/api/disputes/{lost.id}/evidence/", TEXT, caller=STAFF)
    paths = [f"/api/disputes/{lost.id}/submit/", f"/api/disputes/{conceded.id}/accept/"]
    caller = ops(Role.REFUNDER)
    disputed.bank.faults = [Fault.LOST_REPLY, Fault.LOST_REPLY]
    unknown = [await api.call("POST", path, caller=caller, key="k") for path in paths]

    await disputed.recover()
    known = [await api.call("POST", path, caller=caller, key="k") for path in paths]

    assert [503, 503] == [answer.status_code for answer in unknown]
    assert ["under_review", "lost"] == [answer.json()["status"] for answer in known]
    assert 2 == len(disputed.bank.executed)


async def test_a_dispute_is_accepted(api: Api, disputed: Disputed) -> None:
    path = f"/api/disputes/{(await disputed.open()).id}"

    answer = await api.call("POST", f"{path}/accept/", caller=ops(Role.REFUNDER))

    assert (200, "lost") == (answer.status_code, answer.json()["status"])


async def test_an_inquiry_is_not_accepted(api: Api, disputed: Disputed) -> None:
    path = f"/api/disputes/{(await disputed.open(status='warning_needs_response')).id}"

    answer = await api.call("POST", f"{path}/accept/", caller=ops(Role.REFUNDER))

    assert (409, "invalid_transition") == (answer.status_code, answer.json()["code"])


async def test_past_due_is_said(api: Api, disputed: Disputed) -> None:
    path = f"/api/disputes/{(await disputed.open()).id}"
    disputed.world.clock.advance(days=8)

    answer = await api.call("PUT", f"{path}/evidence/", TEXT, caller=STAFF)

    assert (409, "evidence_past_due") == (answer.status_code, answer.json()["code"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"receipt": "file_1"}, "receipt"),
        ({"customer_name": 7}, "customer_name"),
        ({"uncategorized_text": "4242 4242 4242 4242"}, "uncategorized_text"),
    ],
)
async def test_evidence_that_is_no_text_of_stripes_is_refused(
    api: Api, disputed: Disputed, body: dict[str, Any], field: str
) -> None:
    path = f"/api/disputes/{(await disputed.open()).id}"

    answer = await api.call("PUT", f"{path}/evidence/", body, caller=STAFF)

    assert (400, field) == (answer.status_code, answer.json()["errors"][0]["field"])


async def test_nothing_drafted_is_nothing_to_submit(api: Api, disputed: Disputed) -> None:
    path = f"/api/disputes/{(await disputed.open()).id}"

    answer = await api.call("POST", f"{path}/submit/", caller=STAFF)

    assert (400, "evidence") == (answer.status_code, answer.json()["errors"][0]["field"])


async def test_a_file_of_five_mebibytes_is_taken_and_a_larger_one_refused(
    api: Api, disputed: Disputed
) -> None:
    path = f"/api/disputes/{(await disputed.open()).id}/files/"
    whole = PDF.ljust(5 * 1024 * 1024, b" ")

    taken = await send_file(api, path, whole)
    refused = await send_file(api, path, whole + b" ")
    flood = await send_file(api, path, whole + whole)

    assert [200, 400, 413] == [each.status_code for each in (taken, refused, flood)]
    assert [whole] == [file.content for file in disputed.bank.files.values()]


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="no field"),
        pytest.param({"field": ["receipt", "receipt"]}, id="twice"),
        pytest.param({"field": "selfie"}, id="unknown"),
        pytest.param({"field": "receipt", "note": "x"}, id="another part"),
    ],
)
async def test_other_parts_than_the_two_are_refused(
    api: Api, disputed: Disputed, fields: dict[str, Any]
) -> None:
    path = f"/api/disputes/{(await disputed.open()).id}/files/"

    answer = await send_file(api, path, fields=fields)

    assert (400, "validation_failed") == (answer.status_code, answer.json()["code"])
    assert {} == disputed.bank.files


@pytest.mark.parametrize(
    ("content_type", "raw", "status"),
    [
        ("application/json", b"{}", 415),
        ("multipart/form-data", b"--x--", 400),
        ("multipart/form-data; boundary=x", b"no parts", 400),
    ],
)
async def test_what_is_no_multipart_form_is_refused(
    api: Api, disputed: Disputed, content_type: str, raw: bytes, status: int
) -> None:
    path = f"/api/disputes/{(await disputed.open()).id}/files/"

    answer = await api.call(
        "POST", path, raw=raw, caller=STAFF, headers={"Content-Type": content_type}
    )

    assert status == answer.status_code
    assert "application/problem+json" == answer.headers["Content-Type"]


async def test_disputes_are_not_the_storefronts(api: Api, disputed: Disputed) -> None:
    dispute = await disputed.open()

    answer = await api.get(f"/api/disputes/{dispute.id}/", caller=STOREFRONT)

    assert 403 == answer.status_code


async def test_a_submission_that_grew_too_old_is_not_answered_with_success(
    api: Api, disputed: Disputed
) -> None:
    dispute = await disputed.open()
    await disputed.draft(dispute.id, **TEXT)
    path = f"/api/disputes/{dispute.id}/submit/"
    disputed.bank.faults.append(Fault.LOST_REQUEST)
    first = await api.call("POST", path, {}, key="k", caller=STAFF)
    api.world.clock.advance(seconds=KEY_LIFE.total_seconds() + 1)

    late = await api.call("POST", path, {}, key="k", caller=STAFF)
    anew = await api.call("POST", path, {}, key="k-2", caller=STAFF)

    assert [503, 502, 200] == [first.status_code, late.status_code, anew.status_code]
    assert 1 == anew.json()["submission_count"]


@pytest.mark.parametrize(
    ("character", "more", "status"), [("x", 0, 200), ("\N{PACKAGE}", 0, 200), ("x", 1, 400)]
)
async def test_as_much_evidence_is_taken_as_stripe_takes(
    api: Api, disputed: Disputed, character: str, more: int, status: int
) -> None:
    dispute = await disputed.open()
    share, rest = divmod(TEXT_CHARACTERS_MAXIMUM, 10)
    texts = dict.fromkeys(sorted(TEXT_FIELDS)[:10], character * share)
    texts[min(texts)] += character * (rest + more)

    path = f"/api/disputes/{dispute.id}/evidence/"
    answer = await api.client.put(path, content=json.dumps(texts), headers=STAFF)

    assert status == answer.status_code
