"""Disputes at Stripe: its objects as facts, our requests over the SDK and a real socket."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from markethub.adapters.stripe import disputes
from markethub.adapters.stripe.dispute_desk import ApiDisputeDesk
from markethub.adapters.stripe.webhooks import StripeEventTranslator
from markethub.domain.errors import (
    GatewayRejected,
    GatewayUnavailable,
    NotFound,
    ValidationFailed,
)
from markethub.domain.evidence import FILE_FIELDS, TEXT_FIELDS, EvidenceFile
from markethub.domain.facts import (
    BalanceTransaction,
    DisputeReported,
    FraudWarning,
    ProviderDispute,
    ProviderDisputeStatus,
    ProviderFraudWarning,
    ReceivedEvent,
    WarningReported,
)
from markethub.domain.ids import (
    ChargeId,
    EventId,
    IntentId,
    ProviderDisputeId,
    WarningId,
)
from markethub.domain.money import Money
from markethub.domain.ports.dispute_desk import DeskOutcome, DisputeDone
from markethub.domain.ports.gateway import Declined, NotTaken, Unknown
from markethub.domain.secret import Secret
from markethub.domain.submission import CloseDispute, DisputeCommand, SubmitEvidence
from tests.support import stripe_objects as objects
from tests.support.bank import DUE_BY, OPENED_AT, dispute_object, movement
from tests.support.canned_server import DROP, CannedServer, answer, canned
from tests.support.carriers import to_address
from tests.support.stripe_openapi import require_schemas, schema_problems
from tests.support.stripe_params import problems

pytestmark = pytest.mark.anyio  # concerns the coroutines among them

DP1 = ProviderDisputeId("dp_1")
WARNING = WarningId("issfr_1")
PDF = EvidenceFile.of(b"%PDF-1.7 a receipt")
SUBMIT = SubmitEvidence(
    dispute_id=DP1, evidence={"uncategorized_text": "winning_evidence", "receipt": "file_1"}
)
WARNING_OBJECT: dict[str, Any] = {
    "id": "issfr_1",
    "object": "radar.early_fraud_warning",
    "actionable": True,
    "charge": "ch_1",
    "created": OPENED_AT,
    "fraud_type": "misc",
    "livemode": False,
    "payment_intent": "pi_1",
}


# --- objects as facts -----------------------------------------------------------------------------


def test_a_dispute_is_read_with_its_movements() -> None:
    taken = movement("txn_1", -4516, fee=2000)

    assert ProviderDispute(
        id=DP1,
        status=ProviderDisputeStatus.NEEDS_RESPONSE,
        reason="fraudulent",
        amount=Money.of(5000, "usd"),
        charge_id=ChargeId("ch_1"),
        intent_id=IntentId("pi_1"),
        movements=(
            BalanceTransaction(
                id="txn_1", amount=Money.of(-4516, "usd"), fee=Money.of(2000, "usd")
            ),
        ),
        evidence_due_by=datetime.fromtimestamp(DUE_BY, UTC),
        livemode=False,
        created_at=datetime.fromtimestamp(OPENED_AT, UTC),
    ) == disputes.dispute(dispute_object(balance_transactions=[taken]))


@pytest.mark.parametrize(
    ("name", "expected"),
    [(status.value, status) for status in ProviderDisputeStatus]
    + [("arbitrated", ProviderDisputeStatus.UNKNOWN), (None, ProviderDisputeStatus.UNKNOWN)],
)
def test_every_status_has_its_name_and_a_new_one_is_unknown(
    name: str | None, expected: ProviderDisputeStatus
) -> None:
    assert expected is disputes.dispute(dispute_object(status=name)).status


def test_what_it_is_about_may_stand_inline_or_be_missing() -> None:
    inline = disputes.dispute(dispute_object(charge=objects.charge(), payment_intent=None))

    assert (ChargeId("ch_1"), None) == (inline.charge_id, inline.intent_id)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "dp 1"},
        {"object": "charge"},
        {"amount": "5000"},
        {"amount": None},
        {"currency": "us$"},
        {"created": "now"},
        {"balance_transactions": None},
        {"balance_transactions": ["txn_1"]},
        {"balance_transactions": [movement("txn_1", -1) | {"amount": None}]},
    ],
)
def test_nothing_about_money_is_guessed(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationFailed):
        disputes.dispute(dispute_object(**changes))


def test_what_need_not_be_known_may_be_missing() -> None:
    bare = dispute_object(evidence_details=None, reason=None)

    read = disputes.dispute(bare)

    assert (None, 0, "general") == (read.evidence_due_by, read.submission_count, read.reason)


def test_an_early_fraud_warning_is_read() -> None:
    assert ProviderFraudWarning(
        warning=FraudWarning(
            id=WARNING,
            fraud_type="misc",
            is_actionable=True,
            created_at=datetime.fromtimestamp(OPENED_AT, UTC),
        ),
        charge_id=ChargeId("ch_1"),
        intent_id=IntentId("pi_1"),
    ) == disputes.fraud_warning(WARNING_OBJECT)


def _translated(type: str, obj: dict[str, Any]) -> object:
    event = ReceivedEvent(
        id=EventId("evt_1"),
        type=type,
        livemode=False,
        created_at=datetime.fromtimestamp(OPENED_AT, UTC),
        api_version=None,
        payload=json.dumps(objects.event(obj, type)),
    )
    return StripeEventTranslator([Secret("whsec_1")]).translate(event)


@pytest.mark.parametrize("type", sorted(disputes.DISPUTE_TYPES))
def test_every_event_of_a_dispute_is_a_hint_to_read_it(type: str) -> None:
    # However little of it an old API version shows.
    bare = {"id": "dp_1", "object": "dispute", "charge": "ch_1"}

    assert DisputeReported(
        dispute_id=DP1, charge_id=ChargeId("ch_1"), intent_id=None
    ) == _translated(type, bare)


@pytest.mark.parametrize("type", sorted(disputes.WARNING_TYPES))
def test_every_event_of_a_warning_is_a_hint_to_read_it(type: str) -> None:
    assert WarningReported(
        warning_id=WARNING, charge_id=ChargeId("ch_1"), intent_id=IntentId("pi_1")
    ) == _translated(type, WARNING_OBJECT)


def test_an_event_without_a_readable_object_is_refused() -> None:
    with pytest.raises(ValidationFailed):
        _translated("charge.dispute.created", {"object": "dispute", "id": ""})


@pytest.mark.parametrize("version", ["2023-08-16", "2026-07-29"])
def test_stripes_own_example_is_read_and_has_our_fields(version: str) -> None:
    folder = os.environ.get("STRIPE_OPENAPI_DIR")
    if not folder:
        pytest.skip("STRIPE_OPENAPI_DIR is not set: Stripe's published data is not at hand")
    fixtures = json.loads((Path(folder) / f"fixtures3-{version}.json").read_text())["resources"]

    read = disputes.dispute(fixtures["dispute"])
    warning = disputes.fraud_warning(fixtures["radar.early_fraud_warning"])

    assert ProviderDisputeStatus.WARNING_NEEDS_RESPONSE is read.status
    assert warning.charge_id is not None
    fields = set(fixtures["dispute"]["evidence"]) - {"enhanced_evidence"}
    assert fields == TEXT_FIELDS | FILE_FIELDS


# --- over the SDK ---------------------------------------------------------------------------------


@asynccontextmanager
async def desk_at(url: str) -> AsyncIterator[ApiDisputeDesk]:
    desk = ApiDisputeDesk(to_address(url))
    try:
        yield desk
    finally:
        await desk.close()


async def sent(server: CannedServer, command: DisputeCommand = SUBMIT) -> DeskOutcome:
    async with desk_at(server.url) as desk:
        return await desk.send(desk.render(command), idempotency_key="submit:sub_1:1")


async def test_a_submission_goes_out_as_stripe_wants_it() -> None:
    async with canned(answer(200, dispute_object())) as server:
        outcome = await sent(server)

    [seen] = server.seen
    assert ("POST", "/v1/disputes/dp_1") == (seen.method, seen.target)
    assert "submit:sub_1:1" == seen.headers["idempotency-key"]
    assert [] == problems(seen.method, seen.target, seen.body)
    assert "submit=true" in seen.body
    assert "evidence[uncategorized_text]=winning_evidence" in seen.body
    assert DisputeDone(dispute=disputes.dispute(dispute_object()), replayed=False) == outcome


async def test_an_acceptance_goes_out_as_stripe_wants_it() -> None:
    async with canned(answer(200, dispute_object(status="lost"))) as server:
        outcome = await sent(server, CloseDispute(dispute_id=DP1))

    [seen] = server.seen
    assert ("POST", "/v1/disputes/dp_1/close") == (seen.method, seen.target)
    assert [] == problems(seen.method, seen.target, seen.body)
    assert isinstance(outcome, DisputeDone)


async def test_reads_go_out_as_stripe_wants_them() -> None:
    replies = (answer(200, dispute_object()), answer(200, WARNING_OBJECT))
    async with canned(*replies) as server, desk_at(server.url) as desk:
        dispute = await desk.read_dispute(DP1)
        warning = await desk.read_warning(WARNING)

    assert (DP1, WARNING) == (dispute.id, warning.warning.id)
    for seen in server.seen:
        assert [] == problems(seen.method, seen.target, seen.body)


async def test_a_file_goes_out_as_multipart_under_its_key() -> None:
    stored = answer(200, {"id": "file_1", "object": "file"})
    async with canned(stored) as server, desk_at(server.url) as desk:
        file_id = await desk.upload(PDF, idempotency_key="dsp_1:digest")

    [seen] = server.seen
    assert ("POST", "/v1/files", "file_1") == (seen.method, seen.target, file_id)
    assert "dsp_1:digest" == seen.headers["idempotency-key"]
    assert seen.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert 'name="purpose"\r\n\r\ndispute_evidence\r\n' in seen.body
    assert 'name="file"; filename="evidence.pdf"' in seen.body
    assert "\r\n\r\n%PDF-1.7 a receipt\r\n" in seen.body


async def test_every_request_fits_stripes_request_schemas() -> None:
    require_schemas()
    replies = (
        answer(200, dispute_object()),
        answer(200, dispute_object()),
        answer(200, dispute_object()),
        answer(200, WARNING_OBJECT),
    )
    async with canned(*replies) as server, desk_at(server.url) as desk:
        for command in (SUBMIT, CloseDispute(dispute_id=DP1)):
            await desk.send(desk.render(command), idempotency_key="k")
        await desk.read_dispute(DP1)
        await desk.read_warning(WARNING)

    assert [] == [
        found
        for each in server.seen
        for found in schema_problems(each.method, each.target, each.body)
    ]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (
            answer(400, objects.error(code="dispute_closed")),
            Declined(code="dispute_closed"),
        ),
        (answer(404, objects.error(code="resource_missing")), Declined(code="resource_missing")),
        (
            answer(409, objects.error("idempotency_error", code="idempotency_key_in_use")),
            NotTaken(reason="conflict", in_flight=True),
        ),
        (answer(429, objects.error(code="lock_timeout")), NotTaken(reason="lock_timeout")),
        (answer(401, objects.error()), NotTaken(reason="credentials refused")),
        (answer(500, objects.error("api_error")), Unknown(reason="status 500")),
        (
            answer(500, objects.error("api_error"), Idempotent_Replayed="true"),
            Unknown(reason="status 500", stored=True),
        ),
    ],
)
async def test_what_an_answer_means(reply: bytes, expected: DeskOutcome) -> None:
    async with canned(reply) as server:
        assert expected == await sent(server)


@pytest.mark.parametrize(
    "reply", [DROP, answer(200, {"object": "dispute"}), answer(200, b"<html>")]
)
async def test_an_answer_that_says_nothing_leaves_it_unknown(reply: bytes) -> None:
    async with canned(reply) as server:
        assert isinstance(await sent(server), Unknown)


async def test_a_replayed_answer_is_said_to_be_one() -> None:
    async with canned(answer(200, dispute_object(), Idempotent_Replayed="true")) as server:
        outcome = await sent(server)

    assert isinstance(outcome, DisputeDone)
    assert outcome.replayed


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (DROP, GatewayUnavailable),
        (answer(500, objects.error("api_error")), GatewayUnavailable),
        (answer(200, {"object": "file"}), GatewayUnavailable),
        (answer(400, objects.error(param="file")), GatewayRejected),
        (answer(404, objects.error()), GatewayRejected),
        (answer(401, objects.error()), GatewayUnavailable),
    ],
)
async def test_an_upload_that_did_not_arrive_is_told_apart_from_one_refused(
    reply: bytes, error: type[Exception]
) -> None:
    async with canned(reply) as server, desk_at(server.url) as desk:
        with pytest.raises(error):
            await desk.upload(PDF, idempotency_key="k")


@pytest.mark.parametrize("dispute_id", ["", "../charges", "dp_1/close"])
async def test_what_cannot_be_an_id_reaches_nothing(dispute_id: str) -> None:
    async with canned(answer(200, dispute_object())) as server, desk_at(server.url) as desk:
        with pytest.raises(NotFound):
            await desk.read_dispute(ProviderDisputeId(dispute_id))
        with pytest.raises(NotFound):
            desk.render(CloseDispute(dispute_id=ProviderDisputeId(dispute_id)))

    assert [] == server.seen


async def test_a_dispute_that_is_missing_there_is_not_found() -> None:
    missing = answer(404, objects.error(code="resource_missing"))
    async with canned(missing) as server, desk_at(server.url) as desk:
        with pytest.raises(NotFound):
            await desk.read_dispute(DP1)
