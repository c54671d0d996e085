"""Disputes at the simulated account: what the cards' issuers do, and what it tells of it."""

from typing import Any

import pytest

from markethub.adapters.fake import issuers
from tests.unit.adapters.fake.shop import DAY, Shop
from tests.unit.adapters.fake.shop import shop as open_shop

FRAUDULENT = "4000000000000259"
NOT_RECEIVED = "4000000000002685"
INQUIRY = "4000000000001976"
WARNING = "4000000000005423"
SEVERAL = "4000000404000079"


def later(shop: Shop, seconds: int = 10) -> None:
    shop.account.advance(shop.account.now + seconds)


def disputed(shop: Shop, number: str = FRAUDULENT, **params: Any) -> list[dict[str, Any]]:
    """Charge a card, wait, and return the disputes of its charge, the oldest first."""
    intent = shop.charge(number, **params)
    later(shop)
    listed = shop.get("disputes", {"payment_intent": intent["id"]}).body["data"]
    return list(reversed(listed))


def types(shop: Shop) -> list[str]:
    """Name the events of disputes and warnings, oldest first."""
    events = shop.account.undelivered(1000)
    wanted = ("charge.dispute", "radar")
    return [event["type"] for event in events if event["type"].startswith(wanted)]


def submit(shop: Shop, dispute: dict[str, Any], text: str) -> dict[str, Any]:
    response = shop.post(f"disputes/{dispute['id']}", {"evidence": {"uncategorized_text": text}})
    assert response.status == 200, response.body
    return response.body


@pytest.mark.parametrize(
    ("number", "reason", "status", "told"),
    [
        (FRAUDULENT, "fraudulent", "needs_response", ["created", "funds_withdrawn"]),
        (NOT_RECEIVED, "product_not_received", "needs_response", ["created", "funds_withdrawn"]),
        (INQUIRY, "fraudulent", "warning_needs_response", ["created"]),
    ],
)
def test_a_card_is_disputed_as_its_row_says(
    number: str, reason: str, status: str, told: list[str]
) -> None:
    shop = open_shop()

    [dispute] = disputed(shop, number)

    assert (reason, status, 1000) == (dispute["reason"], dispute["status"], dispute["amount"])
    assert [f"charge.dispute.{what}" for what in told] == types(shop)
    assert shop.read(f"charges/{dispute['charge']}")["disputed"]


def test_nothing_is_disputed_before_its_time() -> None:
    shop = open_shop(delay_s=60)
    shop.charge(FRAUDULENT)

    later(shop, 59)
    early = shop.read("disputes")["data"]
    later(shop, 1)

    assert (0, 1) == (len(early), len(shop.read("disputes")["data"]))


def test_a_charge_may_have_several_disputes_that_add_up_to_it() -> None:
    shop = open_shop()

    found = disputed(shop, SEVERAL, amount=1001)

    assert [500, 501] == [dispute["amount"] for dispute in found]


def test_a_held_amount_is_disputed_once_it_is_taken() -> None:
    shop = open_shop()
    intent = shop.charge(FRAUDULENT, capture_method="manual")
    later(shop)
    held = shop.read("disputes")["data"]

    shop.post(f"payment_intents/{intent['id']}/capture", {"amount_to_capture": 600})
    later(shop)

    [dispute] = shop.read("disputes")["data"]
    assert ([], 600) == (held, dispute["amount"])


def test_a_warning_is_told_and_takes_nothing() -> None:
    shop = open_shop()
    intent = shop.charge(WARNING)

    later(shop)

    [warning] = shop.read("radar/early_fraud_warnings")["data"]
    assert (intent["id"], True) == (warning["payment_intent"], warning["actionable"])
    assert ["radar.early_fraud_warning.created"] == types(shop)
    assert [] == shop.read("disputes")["data"]


def test_what_a_dispute_moves_is_on_the_balance_with_its_fee() -> None:
    shop = open_shop()
    [dispute] = disputed(shop)
    submit(shop, dispute, "winning_evidence")
    later(shop)

    lines = shop.get("balance_transactions", {"source": dispute["id"]}).body["data"]

    assert [(1000, 0, "dispute_reversal"), (-1000, 1500, "dispute")] == [
        (line["amount"], line["fee"], line["reporting_category"]) for line in lines
    ]
    assert {"adjustment"} == {line["type"] for line in lines}


def test_funds_are_withdrawn_in_the_settlement_currency() -> None:
    shop = open_shop(settlement_currency="eur", exchange_rate=(9, 10))

    [dispute] = disputed(shop)

    [line] = dispute["balance_transactions"]
    assert ("eur", -900, 0.9) == (line["currency"], line["amount"], line["exchange_rate"])


@pytest.mark.parametrize(
    ("number", "text", "status", "told"),
    [
        (FRAUDULENT, "winning_evidence", "won", ["updated", "closed", "funds_reinstated"]),
        (FRAUDULENT, "losing_evidence", "lost", ["updated", "closed"]),
        (FRAUDULENT, "it was sent", "under_review", ["updated"]),
        (INQUIRY, "winning_evidence", "warning_closed", ["updated", "closed"]),
        (INQUIRY, "losing_evidence", "warning_closed", ["updated", "closed"]),
        (
            INQUIRY,
            "escalate_inquiry_evidence",
            "needs_response",
            ["updated", "updated", "funds_withdrawn"],
        ),
        (INQUIRY, "it was sent", "warning_under_review", ["updated"]),
    ],
)
def test_evidence_is_decided_on_by_its_magic_words(
    number: str, text: str, status: str, told: list[str]
) -> None:
    shop = open_shop()
    [dispute] = disputed(shop, number)
    before = len(types(shop))

    submit(shop, dispute, text)
    later(shop)

    assert status == shop.read(f"disputes/{dispute['id']}")["status"]
    assert [f"charge.dispute.{what}" for what in told] == types(shop)[before:]


def test_evidence_may_be_staged_and_submitted_later() -> None:
    shop = open_shop()
    [dispute] = disputed(shop)
    path = f"disputes/{dispute['id']}"

    staged = shop.post(path, {"evidence": {"customer_name": "Ada"}, "submit": False}).body
    submitted = shop.post(path, {"submit": True}).body

    assert ("needs_response", 0, True) == (
        staged["status"],
        staged["evidence_details"]["submission_count"],
        staged["evidence_details"]["has_evidence"],
    )
    assert ("under_review", "Ada") == (submitted["status"], submitted["evidence"]["customer_name"])


def test_metadata_alone_submits_nothing() -> None:
    shop = open_shop()
    [dispute] = disputed(shop)

    changed = shop.post(f"disputes/{dispute['id']}", {"metadata": {"ticket": "7"}}).body

    assert ("needs_response", {"ticket": "7"}) == (changed["status"], changed["metadata"])


def test_what_was_lost_may_be_won_late() -> None:
    shop = open_shop()
    [dispute] = disputed(shop)
    shop.post(f"disputes/{dispute['id']}/close")

    won = issuers.win_dispute_late(shop.account, dispute["id"])

    assert ("won", 2) == (won["status"], len(won["balance_transactions"]))


@pytest.mark.parametrize(
    ("status", "moved", "told"),
    [
        ("lost", 1, ["created", "funds_withdrawn", "closed"]),
        ("prevented", 0, ["created", "closed"]),
        ("warning_needs_response", 0, ["created"]),
    ],
)
def test_a_dispute_may_be_born_in_another_status(status: str, moved: int, told: list[str]) -> None:
    shop = open_shop()
    charge = shop.charge()["latest_charge"]

    dispute = issuers.dispute_charge(shop.account, charge, status=status, amount=2000)

    assert (status, 2000, moved) == (
        dispute["status"],
        dispute["amount"],
        len(dispute["balance_transactions"]),
    )
    assert [f"charge.dispute.{what}" for what in told] == types(shop)


def test_a_warning_may_be_resolved() -> None:
    shop = open_shop()
    shop.charge(WARNING)
    later(shop)
    [warning] = shop.read("radar/early_fraud_warnings")["data"]

    resolved = issuers.resolve_warning(shop.account, warning["id"])

    assert not resolved["actionable"]
    assert "radar.early_fraud_warning.updated" == types(shop)[-1]


@pytest.mark.parametrize("path", ["", "/close"])
def test_a_dispute_that_is_over_takes_nothing_more(path: str) -> None:
    shop = open_shop()
    [dispute] = disputed(shop)
    shop.post(f"disputes/{dispute['id']}/close")
    told = types(shop)

    params = {} if path else {"evidence": {"uncategorized_text": "winning_evidence"}}
    response = shop.post(f"disputes/{dispute['id']}{path}", params)

    assert (400, told) == (response.status, types(shop))


def test_an_inquiry_cannot_be_conceded() -> None:
    shop = open_shop()
    [dispute] = disputed(shop, INQUIRY)

    assert 400 == shop.post(f"disputes/{dispute['id']}/close").status


def test_past_due_is_shown_and_evidence_refused() -> None:
    shop = open_shop()
    [dispute] = disputed(shop)

    later(shop, 11 * DAY)

    shown = shop.read(f"disputes/{dispute['id']}")["evidence_details"]
    response = shop.post(f"disputes/{dispute['id']}", {"evidence": {"customer_name": "Ada"}})
    assert (True, 400) == (shown["past_due"], response.status)


def test_a_dispute_and_its_lines_may_be_expanded() -> None:
    shop = open_shop()
    [dispute] = disputed(shop)
    [line] = dispute["balance_transactions"]

    inline = shop.read(f"disputes/{dispute['id']}", "charge.payment_intent")
    source = shop.read(f"balance_transactions/{line['id']}", "source")

    assert dispute["payment_intent"] == inline["charge"]["payment_intent"]["id"]
    assert dispute["id"] == source["source"]["id"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "disputes/du_none"),
        ("POST", "disputes/du_none"),
        ("POST", "disputes/du_none/close"),
        ("GET", "radar/early_fraud_warnings/issfr_none"),
        ("GET", "files/file_none"),
    ],
)
def test_what_is_not_there_is_missing(method: str, path: str) -> None:
    shop = open_shop()

    response = shop.get(path) if method == "GET" else shop.post(path)

    assert (404, "resource_missing") == (response.status, response.body["error"]["code"])


@pytest.mark.parametrize(
    "file",
    [
        {"filename": "a.gif", "size": 1, "sha256": "0"},
        {"filename": "a.pdf", "size": 0, "sha256": "0"},
        {"filename": "a.pdf", "size": 5 * 1024 * 1024 + 1, "sha256": "0"},
        {"filename": "a.pdf", "size": 1},
        "a text",
    ],
)
def test_a_file_that_is_no_evidence_is_refused(file: object) -> None:
    response = open_shop().post("files", {"purpose": "dispute_evidence", "file": file})

    assert 400 == response.status
