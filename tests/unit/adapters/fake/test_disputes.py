"""Disputes as Stripe opens, books, decides and announces them, and what refunds do meanwhile."""

import pytest

from markethub.adapters.fake.bank import Bank
from tests.unit.adapters.fake.disputed import (
    FRAUDULENT,
    INQUIRY,
    NOT_RECEIVED,
    SEVERAL,
    amounts,
    dispute_events,
    disputed,
    refund_error,
    submitted,
)
from tests.unit.adapters.fake.shop import DAY, START, Shop
from tests.unit.adapters.fake.shop import shop as open_shop


class TestAChargeback:
    @pytest.mark.parametrize(
        ("number", "reason"),
        [(FRAUDULENT, "fraudulent"), (NOT_RECEIVED, "product_not_received")],
    )
    def test_takes_the_amount_and_a_fee_a_while_after_the_charge(
        self, shop: Shop, number: str, reason: str
    ) -> None:
        charge, dispute = disputed(shop, number)

        assert ("needs_response", reason, 1000, "usd") == (
            dispute["status"],
            dispute["reason"],
            dispute["amount"],
            dispute["currency"],
        )
        assert [("dispute", -1000, 1500, -2500)] == amounts(dispute)
        assert ("adjustment", f"Chargeback withdrawal for {charge['id']}", dispute["id"]) == (
            dispute["balance_transactions"][0]["type"],
            dispute["balance_transactions"][0]["description"],
            dispute["balance_transactions"][0]["source"],
        )
        assert (True, False) == (charge["disputed"], dispute["is_charge_refundable"])
        assert ["created", "funds_withdrawn"] == dispute_events(shop)
        assert dispute["id"].startswith("du_")

    def test_is_not_there_before_the_amount_is_captured(self, shop: Shop) -> None:
        intent = shop.charge(FRAUDULENT, capture_method="manual")
        shop.account.advance(START + DAY)
        before = shop.get("disputes").body["data"]

        shop.post(f"payment_intents/{intent['id']}/capture", {"amount_to_capture": 700})
        shop.account.advance(START + DAY + 2)

        [dispute] = shop.get("disputes").body["data"]
        assert [] == before
        assert 700 == dispute["amount"]

    def test_does_not_follow_a_refund_in_full(self, shop: Shop) -> None:
        intent = shop.charge(FRAUDULENT)
        shop.post("refunds", {"payment_intent": intent["id"]})

        shop.account.advance(START + 60)

        assert [] == shop.get("disputes").body["data"]

    @pytest.mark.parametrize(("number", "expected"), [(FRAUDULENT, 0), (NOT_RECEIVED, 1)])
    def test_of_fraud_is_kept_away_by_authentication(
        self, shop: Shop, number: str, expected: int
    ) -> None:
        options = {"card": {"request_three_d_secure": "any"}}
        intent = shop.create(payment_method_options=options)
        shop.browser_confirms(intent, number)
        if number == FRAUDULENT:
            shop.answers(intent)

        shop.account.advance(START + 60)

        assert "succeeded" == shop.read(f"payment_intents/{intent['id']}")["status"]
        assert expected == len(shop.get("disputes").body["data"])

    def test_forbids_refunds_until_it_is_won(self, shop: Shop) -> None:
        charge, dispute = disputed(shop)
        while_open = refund_error(shop, charge)

        won = submitted(shop, dispute, "winning_evidence")

        assert "charge_disputed" == while_open
        assert True is won["is_charge_refundable"]
        assert None is refund_error(shop, charge)

    def test_that_is_refused_a_refund_says_so_in_stripes_words(self, shop: Shop) -> None:
        charge, _ = disputed(shop)

        response = shop.post("refunds", {"charge": charge["id"], "amount": 1})

        assert (400, f"Charge {charge['id']} has been charged back; cannot issue a refund.") == (
            response.status,
            response.body["error"]["message"],
        )

    def test_may_be_of_a_part_and_leaves_the_rest_to_refund_once_it_is_lost(
        self, shop: Shop
    ) -> None:
        intent = shop.charge()
        bank = Bank(shop.account)
        dispute = bank.open_dispute(intent["latest_charge"], amount=400)

        bank.lose_dispute(dispute["id"])

        made = shop.post("refunds", {"charge": intent["latest_charge"]}).body
        again = shop.post("refunds", {"charge": intent["latest_charge"]}).body
        assert 600 == made["amount"]
        assert "charge_disputed" == again["error"]["code"]

    def test_stops_refunds_that_are_pending(self, shop: Shop) -> None:
        intent = shop.charge("4000000000007726")
        made = shop.post("refunds", {"payment_intent": intent["id"], "amount": 400}).body

        Bank(shop.account).open_dispute(intent["latest_charge"])

        failed = shop.read(f"refunds/{made['id']}")
        assert ("failed", "charge_for_pending_refund_disputed") == (
            failed["status"],
            failed["failure_reason"],
        )

    def test_may_be_of_more_than_the_charge_and_in_another_currency(self) -> None:
        shop = open_shop(settlement_currency="usd", exchange_rate=(1085, 1000))
        intent = shop.charge()

        dispute = Bank(shop.account).open_dispute(
            intent["latest_charge"], amount=1001, currency="eur"
        )

        line = dispute["balance_transactions"][0]
        assert (1001, "eur") == (dispute["amount"], dispute["currency"])
        assert (-1086, 1500, -2586, "usd") == (
            line["amount"],
            line["fee"],
            line["net"],
            line["currency"],
        )

    def test_in_another_currency_that_is_won_comes_back_to_the_last_unit(self) -> None:
        shop = open_shop(settlement_currency="usd", exchange_rate=(1085, 1000))
        bank = Bank(shop.account)
        dispute = bank.open_dispute(shop.charge()["latest_charge"], amount=1001, currency="eur")

        won = bank.win_dispute(dispute["id"])

        assert [-1086, 1086] == [line["amount"] for line in won["balance_transactions"]]


class TestAnInquiry:
    def test_moves_no_money_and_lets_the_charge_be_refunded(self, shop: Shop) -> None:
        charge, dispute = disputed(shop, INQUIRY)

        assert ("warning_needs_response", [], True) == (
            dispute["status"],
            dispute["balance_transactions"],
            dispute["is_charge_refundable"],
        )
        assert "inquiry" == dispute["payment_method_details"]["card"]["case_type"]
        assert True is charge["disputed"]
        assert ["created"] == dispute_events(shop)

    def test_ends_with_a_refund_in_full(self, shop: Shop) -> None:
        charge, dispute = disputed(shop, INQUIRY)
        shop.post("refunds", {"charge": charge["id"], "amount": 400})
        between = shop.read(f"disputes/{dispute['id']}")

        shop.post("refunds", {"charge": charge["id"]})

        after = shop.read(f"disputes/{dispute['id']}")
        assert dispute == between
        assert ("warning_closed", False) == (after["status"], after["is_charge_refundable"])
        assert "charge.dispute.closed" == shop.events()[-1]

    def test_ends_when_a_pending_refund_in_full_succeeds(self, shop: Shop) -> None:
        intent = shop.charge("4000000000007726")
        dispute = Bank(shop.account).open_dispute(
            intent["latest_charge"], status="warning_needs_response"
        )
        shop.post("refunds", {"payment_intent": intent["id"]})
        before = shop.read(f"disputes/{dispute['id']}")["status"]

        shop.account.advance(START + 2)

        assert ("warning_needs_response", "warning_closed") == (
            before,
            shop.read(f"disputes/{dispute['id']}")["status"],
        )

    def test_escalates_to_a_chargeback_with_its_magic_word(self, shop: Shop) -> None:
        charge, dispute = disputed(shop, INQUIRY)
        shop.account.advance(START + DAY)

        escalated = submitted(shop, dispute, "escalate_inquiry_evidence")

        assert ("needs_response", "chargeback") == (
            escalated["status"],
            escalated["payment_method_details"]["card"]["case_type"],
        )
        assert [("dispute", -1000, 1500, -2500)] == amounts(escalated)
        assert dispute["evidence_details"]["due_by"] < escalated["evidence_details"]["due_by"]
        assert ["created", "updated", "updated", "funds_withdrawn"] == dispute_events(shop)
        assert "charge_disputed" == refund_error(shop, charge)

    @pytest.mark.parametrize("word", ["winning_evidence", "losing_evidence"])
    def test_that_is_decided_closes_without_money(self, shop: Shop, word: str) -> None:
        _, dispute = disputed(shop, INQUIRY)

        closed = submitted(shop, dispute, word)

        assert ("warning_closed", []) == (closed["status"], closed["balance_transactions"])

    def test_closes_by_itself_after_120_days(self, shop: Shop) -> None:
        _, dispute = disputed(shop, INQUIRY)
        shop.account.advance(dispute["created"] + 120 * DAY - 1)
        before = shop.read(f"disputes/{dispute['id']}")["status"]

        shop.account.advance(dispute["created"] + 120 * DAY)

        assert ("warning_needs_response", "warning_closed") == (
            before,
            shop.read(f"disputes/{dispute['id']}")["status"],
        )

    def test_cannot_be_accepted(self, shop: Shop) -> None:
        _, dispute = disputed(shop, INQUIRY)

        assert 400 == shop.post(f"disputes/{dispute['id']}/close").status

    @pytest.mark.parametrize(("fails", "expected"), [(False, "succeeded"), (True, "failed")])
    def test_that_escalates_may_undo_the_refunds_made_meanwhile(
        self, fails: bool, expected: str
    ) -> None:
        shop = open_shop(escalation_fails_refunds=fails)
        charge, dispute = disputed(shop, INQUIRY)
        made = shop.post("refunds", {"charge": charge["id"], "amount": 300}).body

        Bank(shop.account).escalate_inquiry(dispute["id"])

        assert expected == shop.read(f"refunds/{made['id']}")["status"]


class TestAWinAfterAPartialRefund:
    def test_ends_lost_and_brings_the_rest_back(self, shop: Shop) -> None:
        charge, dispute = disputed(shop, INQUIRY)
        shop.post("refunds", {"charge": charge["id"], "amount": 300})
        Bank(shop.account).escalate_inquiry(dispute["id"])

        ended = submitted(shop, dispute, "winning_evidence")

        assert "lost" == ended["status"]
        assert [-1000, 700] == [line["amount"] for line in ended["balance_transactions"]]
        assert ["closed", "funds_reinstated"] == dispute_events(shop)[-2:]

    def test_is_a_plain_win_where_the_refund_was_of_another_part(self, shop: Shop) -> None:
        intent = shop.charge()
        bank = Bank(shop.account)
        shop.post("refunds", {"payment_intent": intent["id"], "amount": 300})
        dispute = bank.open_dispute(intent["latest_charge"], amount=400)

        won = bank.win_dispute(dispute["id"])

        assert ("won", 400) == (won["status"], won["balance_transactions"][1]["amount"])


class TestSeveralDisputesOfOneCharge:
    def test_come_at_once_and_add_up_to_it(self, shop: Shop) -> None:
        intent = shop.charge(SEVERAL, amount=1001)

        shop.account.advance(START + 2)

        disputes = shop.get("disputes", {"charge": intent["latest_charge"]}).body["data"]
        assert [500, 501] == [each["amount"] for each in disputes]
        assert 1001 + 2 * 1500 == -sum(
            line["net"] for each in disputes for line in each["balance_transactions"]
        )

    def test_forbid_refunds_until_none_is_open(self, shop: Shop) -> None:
        intent = shop.charge(SEVERAL)
        shop.account.advance(START + 2)
        second, first = shop.get("disputes").body["data"]
        bank = Bank(shop.account)
        bank.win_dispute(first["id"])
        between = shop.post("refunds", {"payment_intent": intent["id"]}).body

        bank.lose_dispute(second["id"])

        made = shop.post("refunds", {"payment_intent": intent["id"]}).body
        assert "charge_disputed" == between["error"]["code"]
        assert 500 == made["amount"]


def test_a_disputes_lines_are_not_found_by_its_id(shop: Shop) -> None:
    charge, dispute = disputed(shop)

    def found(source: str) -> int:
        return len(shop.get("balance_transactions", {"source": source}).body["data"])

    assert (1, 0) == (found(charge["id"]), found(dispute["id"]))


def test_a_dispute_shows_its_charge_and_its_line_shows_the_dispute(shop: Shop) -> None:
    charge, dispute = disputed(shop)
    line_id = dispute["balance_transactions"][0]["id"]

    assert charge == shop.read(f"disputes/{dispute['id']}", "charge")["charge"]
    assert dispute == shop.read(f"balance_transactions/{line_id}", "source")["source"]


def test_a_dispute_that_is_not_there_is_missing(shop: Shop) -> None:
    response = shop.get("disputes/du_0")

    assert (404, "No such dispute: 'du_0'") == (
        response.status,
        response.body["error"]["message"],
    )
