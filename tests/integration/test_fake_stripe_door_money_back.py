"""Refunds, disputes and their files through Stripe's official SDK, over a socket."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import stripe

from markethub.adapters.fake.account import Account
from markethub.adapters.fake.options import AccountOptions
from markethub.adapters.fake.store import DictStore
from tests.support.door import open_door

pytestmark = [
    pytest.mark.anyio,
    # The SDK's own call of httpx.
    pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning"),
]

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
SECRET = {"Authorization": "Bearer sk_test_dev"}


@pytest.fixture
def account() -> Account:
    return Account(store=DictStore(), options=AccountOptions(seed="money back"))


@asynccontextmanager
async def sdk(account: Account) -> AsyncIterator[stripe.StripeClient]:
    http = stripe.HTTPXClient(timeout=20)
    async with open_door(account) as base:
        try:
            yield stripe.StripeClient(
                "sk_test_dev",
                base_addresses={"api": base, "files": base},
                http_client=http,
                max_network_retries=0,
            )
        finally:
            await http.close_async()  # type: ignore[no-untyped-call] # the SDK's gap


async def paid(client: stripe.StripeClient, method: str) -> stripe.PaymentIntent:
    return await client.v1.payment_intents.create_async(
        {
            "amount": 5000,
            "currency": "usd",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "payment_method": method,
            "confirm": True,
        }
    )


async def disputed(client: stripe.StripeClient, account: Account) -> stripe.Dispute:
    intent = await paid(client, "pm_card_createDispute")
    account.advance(account.now + 60)
    listed = await client.v1.disputes.list_async({"payment_intent": intent.id})
    return listed.data[0]


def named(content: bytes, name: str) -> Any:
    file = io.BytesIO(content)
    file.name = name
    return file


async def test_a_payment_is_refunded_in_parts_and_read_back(account: Account) -> None:
    async with sdk(account) as client:
        intent = await paid(client, "pm_card_visa")
        first = await client.v1.refunds.create_async(
            {
                "payment_intent": intent.id,
                "amount": 2000,
                "reason": "requested_by_customer",
                "metadata": {"refund": "r-1"},
            },
            {"idempotency_key": "r-1"},
        )
        rest = await client.v1.refunds.create_async({"payment_intent": intent.id})
        read = await client.v1.refunds.retrieve_async(
            first.id, {"expand": ["charge", "balance_transaction"]}
        )
        listed = await client.v1.refunds.list_async({"payment_intent": intent.id, "limit": 1})
        ids = [refund.id async for refund in listed.auto_paging_iter()]
        changed = await client.v1.refunds.update_async(rest.id, {"metadata": {"refund": "r-2"}})

    assert (2000, 3000, "succeeded") == (first.amount, rest.amount, rest.status)
    assert isinstance(read.charge, stripe.Charge)
    assert (5000, True) == (read.charge.amount_refunded, read.charge.refunded)
    assert isinstance(read.balance_transaction, stripe.BalanceTransaction)
    assert -2000 == read.balance_transaction.net
    assert [rest.id, first.id] == ids
    assert changed.metadata is not None
    assert {"refund": "r-2"} == changed.metadata.to_dict()


async def test_a_refund_of_too_much_is_an_invalid_request(account: Account) -> None:
    async with sdk(account) as client:
        intent = await paid(client, "pm_card_visa")
        with pytest.raises(stripe.InvalidRequestError) as raised:
            await client.v1.refunds.create_async({"payment_intent": intent.id, "amount": 5001})

    assert (400, "amount", None) == (
        raised.value.http_status,
        raised.value.param,
        raised.value.code,
    )


async def test_a_dispute_is_answered_with_a_file_and_won(account: Account) -> None:
    async with sdk(account) as client:
        dispute = await disputed(client, account)
        file = await client.v1.files.create_async(
            {"purpose": "dispute_evidence", "file": named(PNG, "/home/ada/receipt.png")}
        )
        answered = await client.v1.disputes.update_async(
            dispute.id,
            {"evidence": {"receipt": file.id, "uncategorized_text": "winning_evidence"}},
        )
        account.advance(account.now + 60)
        won = await client.v1.disputes.retrieve_async(dispute.id)
        read = await client.v1.files.retrieve_async(file.id)

    assert ("dispute_evidence", "png", len(PNG), "receipt.png") == (
        file.purpose,
        file.type,
        file.size,
        file.filename,
    )
    assert file.to_dict() == read.to_dict()
    assert ("under_review", file.id) == (answered.status, answered.evidence.receipt)
    assert ("won", [-6500, 5000]) == (won.status, [line.net for line in won.balance_transactions])


async def test_a_dispute_is_accepted(account: Account) -> None:
    async with sdk(account) as client:
        dispute = await disputed(client, account)
        closed = await client.v1.disputes.close_async(dispute.id)

    assert "lost" == closed.status


async def test_an_early_fraud_warning_is_read(account: Account) -> None:
    async with sdk(account) as client:
        intent = await paid(client, "pm_card_createIssuerFraudRecord")
        account.advance(account.now + 60)
        listed = await client.v1.radar.early_fraud_warnings.list_async(
            {"payment_intent": intent.id}
        )
        read = await client.v1.radar.early_fraud_warnings.retrieve_async(listed.data[0].id)

    assert (intent.latest_charge, True) == (read.charge, read.actionable)


async def test_a_file_of_another_kind_is_no_evidence(account: Account) -> None:
    async with sdk(account) as client:
        with pytest.raises(stripe.InvalidRequestError) as raised:
            await client.v1.files.create_async(
                {"purpose": "dispute_evidence", "file": named(b"PK\x03\x04", "a.zip")}
            )

    assert (400, "file") == (raised.value.http_status, raised.value.param)


async def test_a_file_for_another_purpose_is_no_evidence(account: Account) -> None:
    async with sdk(account) as client:
        dispute = await disputed(client, account)
        file = await client.v1.files.create_async(
            {"purpose": "business_logo", "file": named(PNG, "logo.png")}
        )
        with pytest.raises(stripe.InvalidRequestError) as raised:
            await client.v1.disputes.update_async(dispute.id, {"evidence": {"receipt": file.id}})

    assert (400, "evidence[receipt]") == (raised.value.http_status, raised.value.param)


async def upload(account: Account, **request: Any) -> httpx.Response:
    async with open_door(account) as base, httpx.AsyncClient(base_url=base) as http:
        return await http.post("/v1/files", headers=SECRET, **request)


@pytest.mark.parametrize(
    ("request_", "status", "message"),
    [
        ({"data": {"purpose": "dispute_evidence"}}, 400, "check that your POST content type"),
        ({"files": {"other": ("a.png", PNG)}}, 400, "`other` is not a file"),
        (
            {"files": {"purpose": (None, "dispute_evidence"), "file": (None, "text")}},
            400,
            "`file` must be a file",
        ),
        (
            {"files": {"purpose": (None, "dispute_evidence")}},
            400,
            "Missing required param: file",
        ),
        ({"files": {"file": ("a.png", PNG)}}, 400, "Missing required param: purpose"),
        (
            {
                "files": {
                    "purpose": (None, "dispute_evidence"),
                    "file": ("a.png", PNG + bytes(5_000_000)),
                }
            },
            400,
            "too large",
        ),
        ({"files": {"file": ("a.png", bytes(6_000_000))}}, 413, "too large"),
    ],
)
async def test_an_upload_that_is_wrong_is_refused(
    account: Account, request_: dict[str, Any], status: int, message: str
) -> None:
    response = await upload(account, **request_)

    assert status == response.status_code
    assert message in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x--"),
        ("multipart/form-data; boundary=x", b"--x\r\nnot a header\r\n\r\n--x--"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n\xff\r\n--x--\r\n',
        ),
    ],
)
async def test_a_broken_upload_is_refused(account: Account, content_type: str, body: bytes) -> None:
    async with open_door(account) as base, httpx.AsyncClient(base_url=base) as http:
        response = await http.post(
            "/v1/files", content=body, headers={**SECRET, "Content-Type": content_type}
        )

    assert (400, "invalid_request_error") == (
        response.status_code,
        response.json()["error"]["type"],
    )


async def test_a_key_uploads_a_file_once(account: Account) -> None:
    async with sdk(account) as client:
        first, again = [
            await client.v1.files.create_async(
                {"purpose": "dispute_evidence", "file": named(PNG, "a.png")},
                {"idempotency_key": "f-1"},
            )
            for _ in range(2)
        ]
        with pytest.raises(stripe.IdempotencyError):
            await client.v1.files.create_async(
                {"purpose": "dispute_evidence", "file": named(PNG + b"more", "a.png")},
                {"idempotency_key": "f-1"},
            )
        listed = await client.v1.files.list_async({"purpose": "dispute_evidence"})

    assert first.id == again.id
    assert [first.id] == [file.id for file in listed.data]
