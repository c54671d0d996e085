"""What the seller says to a dispute, and by when."""

import pytest

from tests.unit.adapters.fake.disputed import (
    amounts,
    dispute_events,
    disputed,
    submitted,
)
from tests.unit.adapters.fake.shop import DAY, START, Shop
from tests.unit.adapters.fake.shop import shop as open_shop


class TestEvidence:
    def test_that_wins_brings_the_amount_back_without_the_fee(self, shop: Shop) -> None:
        charge, dispute = disputed(shop)

        won = submitted(shop, dispute, "winning_evidence")

        assert "won" == won["status"]
        assert [("dispute", -1000, 1500, -2500), ("dispute_reversal", 1000, 0, 1000)] == (
            amounts(won)
        )
        assert ["created", "funds_withdrawn", "updated", "closed", "funds_reinstated"] == (
            dispute_events(shop)
        )
        assert True is shop.read(f"charges/{charge['id']}")["disputed"]

    def test_that_loses_brings_nothing_back(self, shop: Shop) -> None:
        _, dispute = disputed(shop)

        lost = submitted(shop, dispute, "losing_evidence")

        assert ("lost", 1) == (lost["status"], len(lost["balance_transactions"]))
        assert ["updated", "closed"] == dispute_events(shop)[2:]

    def test_of_other_words_stays_under_review(self, shop: Shop) -> None:
        _, dispute = disputed(shop)

        answered = submitted(shop, dispute, "We sent it.")

        shop.account.advance(START + 100 * DAY)
        assert ("under_review", True, 1, "manual") == (
            answered["status"],
            answered["evidence_details"]["has_evidence"],
            answered["evidence_details"]["submission_count"],
            answered["evidence_details"]["submission_method"],
        )
        assert "under_review" == shop.read(f"disputes/{dispute['id']}")["status"]

    def test_is_under_review_until_the_bank_has_decided(self, shop: Shop) -> None:
        _, dispute = disputed(shop)

        response = shop.post(
            f"disputes/{dispute['id']}", {"evidence": {"uncategorized_text": "winning_evidence"}}
        )

        assert "under_review" == response.body["status"]

    def test_may_be_drafted_and_then_sent(self, shop: Shop) -> None:
        _, dispute = disputed(shop)
        path = f"disputes/{dispute['id']}"

        drafted = shop.post(
            path, {"evidence": {"customer_name": "Ada", "receipt": ""}, "submit": False}
        ).body
        added = shop.post(path, {"evidence": {"product_description": "Tea"}, "submit": False}).body
        sent = shop.post(path, {"submit": True}).body

        assert ["needs_response", "needs_response", "under_review"] == [
            each["status"] for each in (drafted, added, sent)
        ]
        assert [(True, 0), (True, 0), (True, 1)] == [
            (each["evidence_details"]["has_evidence"], each["evidence_details"]["submission_count"])
            for each in (drafted, added, sent)
        ]
        assert ("Ada", "Tea", None) == tuple(
            sent["evidence"][name] for name in ("customer_name", "product_description", "receipt")
        )
        assert ["updated", "updated", "updated"] == dispute_events(shop)[2:]

    def test_is_announced_with_what_it_changed(self, shop: Shop) -> None:
        _, dispute = disputed(shop)

        sent = shop.post(
            f"disputes/{dispute['id']}", {"evidence": {"uncategorized_text": "Tea"}}
        ).body

        event = shop.event_objects()[-1]
        assert sent == event["data"]["object"]
        assert {
            name: dispute[name] for name in ("evidence", "evidence_details", "status")
        } == event["data"]["previous_attributes"]

    def test_that_there_is_none_of_is_not_sent(self, shop: Shop) -> None:
        _, dispute = disputed(shop)

        answered = shop.post(f"disputes/{dispute['id']}", {"submit": True}).body

        assert dispute == answered

    def test_may_be_added_while_it_is_under_review(self, shop: Shop) -> None:
        _, dispute = disputed(shop)
        submitted(shop, dispute, "We sent it.")

        again = submitted(shop, dispute, "winning_evidence")

        assert ("won", 2) == (again["status"], again["evidence_details"]["submission_count"])

    @pytest.mark.parametrize(
        ("evidence", "param"),
        [
            ({"uncategorized_text": "x" * 20_001}, "evidence[uncategorized_text]"),
            ({"colour": "red"}, "evidence[colour]"),
            ({"receipt": "file_0"}, "evidence[receipt]"),
        ],
    )
    def test_that_is_wrong_is_refused_by_name(
        self, shop: Shop, evidence: dict[str, str], param: str
    ) -> None:
        _, dispute = disputed(shop)

        response = shop.post(f"disputes/{dispute['id']}", {"evidence": evidence})

        assert (400, param) == (response.status, response.body["error"]["param"])
        assert dispute == shop.read(f"disputes/{dispute['id']}")

    def test_of_too_many_texts_is_refused(self, shop: Shop) -> None:
        _, dispute = disputed(shop)
        names = (
            "access_activity_log billing_address cancellation_rebuttal customer_name "
            "product_description refund_policy_disclosure shipping_address uncategorized_text"
        ).split()

        response = shop.post(
            f"disputes/{dispute['id']}", {"evidence": dict.fromkeys(names, "x" * 20_000)}
        )

        assert (400, "evidence") == (response.status, response.body["error"]["param"])

    @pytest.mark.parametrize("how", ["update", "close"])
    def test_of_a_closed_dispute_is_too_late(self, shop: Shop, how: str) -> None:
        _, dispute = disputed(shop)
        shop.post(f"disputes/{dispute['id']}/close")
        path = f"disputes/{dispute['id']}"

        response = (
            shop.post(path, {"metadata": {"a": "1"}})
            if how == "update"
            else shop.post(f"{path}/close")
        )

        assert (400, "This dispute is already closed") == (
            response.status,
            response.body["error"]["message"],
        )


def test_metadata_is_kept_without_sending_anything(shop: Shop) -> None:
    _, dispute = disputed(shop)

    changed = shop.post(f"disputes/{dispute['id']}", {"metadata": {"payment": "p-1"}}).body

    assert ({"payment": "p-1"}, "needs_response") == (changed["metadata"], changed["status"])
    assert {"metadata": {}} == shop.event_objects()[-1]["data"]["previous_attributes"]


def test_accepting_loses_it_at_once(shop: Shop) -> None:
    _, dispute = disputed(shop)

    closed = shop.post(f"disputes/{dispute['id']}/close").body

    assert "lost" == closed["status"]
    assert "closed" == dispute_events(shop)[-1]


class TestADueDate:
    def test_is_the_end_of_a_day_in_a_week_or_more(self, shop: Shop) -> None:
        _, dispute = disputed(shop)

        due_by = dispute["evidence_details"]["due_by"]

        assert 0 == (due_by + 1) % DAY
        assert 7 * DAY <= due_by - dispute["created"] <= 21 * DAY

    def test_that_passes_without_an_answer_loses(self, shop: Shop) -> None:
        _, dispute = disputed(shop)
        due_by = dispute["evidence_details"]["due_by"]
        shop.account.advance(due_by)
        before = shop.read(f"disputes/{dispute['id']}")["status"]

        shop.account.advance(due_by + 2 * DAY)

        assert ("needs_response", "lost") == (
            before,
            shop.read(f"disputes/{dispute['id']}")["status"],
        )

    def test_that_has_just_passed_is_told(self, shop: Shop) -> None:
        _, dispute = disputed(shop)
        shop.account.advance(dispute["evidence_details"]["due_by"] + 60)

        late = submitted(shop, dispute, "We sent it.")

        assert True is late["evidence_details"]["past_due"]


class TestTheFeeForAnswering:
    @pytest.mark.parametrize(("word", "expected"), [("winning_evidence", 0), ("other", -1500)])
    def test_is_given_back_with_a_win(self, word: str, expected: int) -> None:
        shop = open_shop(dispute_countered_fee=1500)
        _, dispute = disputed(shop)

        submitted(shop, dispute, word)

        fees = shop.get("balance_transactions", {"type": "stripe_fee"}).body["data"]
        assert expected == sum(line["net"] for line in fees)

    def test_is_taken_once(self) -> None:
        shop = open_shop(dispute_countered_fee=1500)
        _, dispute = disputed(shop)

        submitted(shop, dispute, "first")
        submitted(shop, dispute, "second")

        fees = shop.get("balance_transactions", {"type": "stripe_fee"}).body["data"]
        assert [-1500] == [line["net"] for line in fees]
