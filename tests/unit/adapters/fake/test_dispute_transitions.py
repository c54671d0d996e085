"""Every edge between a dispute's statuses: the legal ones happen, all others are refused."""

from collections.abc import Callable
from typing import Any

import pytest

from markethub.adapters.fake import dispute_life
from markethub.adapters.fake.bank import Bank, IllegalTransition
from markethub.adapters.fake.store import JsonObject
from tests.unit.adapters.fake.shop import Shop
from tests.unit.adapters.fake.shop import shop as open_shop

STATUSES = (
    "warning_needs_response",
    "warning_under_review",
    "warning_closed",
    "needs_response",
    "under_review",
    "won",
    "lost",
    "prevented",
)
FIRST = ("warning_needs_response", "needs_response", "lost", "prevented")
LEGAL = {
    ("warning_needs_response", "warning_under_review"),
    ("warning_needs_response", "warning_closed"),
    ("warning_needs_response", "needs_response"),
    ("warning_under_review", "warning_closed"),
    ("warning_under_review", "needs_response"),
    ("needs_response", "under_review"),
    ("needs_response", "won"),
    ("needs_response", "lost"),
    ("under_review", "won"),
    ("under_review", "lost"),
    ("lost", "won"),
}
ILLEGAL = sorted({(a, b) for a in STATUSES for b in STATUSES} - LEGAL)
WAYS = {
    "warning_needs_response": (),
    "warning_under_review": ("warning_needs_response",),
    "warning_closed": ("warning_needs_response",),
    "needs_response": (),
    "under_review": ("needs_response",),
    "won": ("needs_response",),
    "lost": (),
    "prevented": (),
}
"""What comes before each status that a dispute cannot begin with."""


def move(shop: Shop, dispute_id: str, to: str) -> JsonObject:
    return shop.account.act(
        lambda execution: dispute_life.move(execution, execution.load("dispute", dispute_id), to)
    )


def dispute_in(shop: Shop, status: str) -> dict[str, Any]:
    first, *rest = (*WAYS[status], status)
    dispute = Bank(shop.account).open_dispute(shop.charge()["latest_charge"], status=first)
    for each in rest:
        move(shop, dispute["id"], each)
    return shop.read(f"disputes/{dispute['id']}")


def withdrawn(dispute: JsonObject) -> int:
    total: int = sum(line["amount"] for line in dispute["balance_transactions"])
    return -total


@pytest.mark.parametrize("status", STATUSES)
def test_a_dispute_gets_into_every_status(status: str) -> None:
    assert status == dispute_in(open_shop(), status)["status"]


@pytest.mark.parametrize(("before", "after"), sorted(LEGAL))
def test_a_legal_edge_happens_and_is_announced(before: str, after: str) -> None:
    shop = open_shop()
    dispute = dispute_in(shop, before)
    known = len(shop.events())

    move(shop, dispute["id"], after)

    event = shop.event_objects()[known]
    is_closed = after in dispute_life.CLOSED
    assert "charge.dispute." + ("closed" if is_closed else "updated") == event["type"]
    assert after == event["data"]["object"]["status"]
    assert after == shop.read(f"disputes/{dispute['id']}")["status"]


@pytest.mark.parametrize(("before", "after"), ILLEGAL)
def test_an_illegal_edge_is_refused_and_leaves_no_trace(before: str, after: str) -> None:
    shop = open_shop()
    dispute = dispute_in(shop, before)
    known = len(shop.events())

    with pytest.raises(IllegalTransition, match=f"from {before} to {after}"):
        move(shop, dispute["id"], after)

    assert dispute == shop.read(f"disputes/{dispute['id']}")
    assert known == len(shop.events())


@pytest.mark.parametrize("status", sorted(set(STATUSES) - set(FIRST)))
def test_a_dispute_does_not_begin_with_other_statuses(status: str) -> None:
    shop = open_shop()
    charge_id = shop.charge()["latest_charge"]

    with pytest.raises(IllegalTransition, match=f"from nothing to {status}"):
        Bank(shop.account).open_dispute(charge_id, status=status)

    assert False is shop.read(f"charges/{charge_id}")["disputed"]


@pytest.mark.parametrize(("before", "after"), sorted(LEGAL))
def test_money_moves_with_an_escalation_and_with_a_win_only(before: str, after: str) -> None:
    shop = open_shop()
    dispute = dispute_in(shop, before)
    known = len(shop.events())

    moved = move(shop, dispute["id"], after)

    kinds = [name for name in shop.events()[known:] if "funds" in name]
    if before.startswith("warning") and after == "needs_response":
        assert (0, 1000) == (withdrawn(dispute), withdrawn(moved))
        assert ["charge.dispute.funds_withdrawn"] == kinds
    elif after == "won":
        assert (1000, 0) == (withdrawn(dispute), withdrawn(moved))
        assert ["charge.dispute.funds_reinstated"] == kinds
    else:
        assert withdrawn(dispute) == withdrawn(moved)
        assert [] == kinds


class TestADisputeBornLost:
    def test_takes_the_money_and_gives_no_time_to_answer(self) -> None:
        shop = open_shop()
        dispute = dispute_in(shop, "lost")

        assert (1000, 0) == (withdrawn(dispute), dispute["evidence_details"]["due_by"])
        assert [
            "charge.dispute.created",
            "charge.dispute.funds_withdrawn",
            "charge.dispute.closed",
        ] == shop.events()[-3:]

    def test_may_be_won_late(self) -> None:
        shop = open_shop()

        won = Bank(shop.account).win_dispute(dispute_in(shop, "lost")["id"])

        assert ("won", 0) == (won["status"], withdrawn(won))


class TestAPreventedDispute:
    @pytest.mark.parametrize(("withdraws", "expected"), [(None, []), (True, [(-1000, 0)])])
    def test_costs_no_fee(self, withdraws: bool | None, expected: list[tuple[int, int]]) -> None:
        shop = open_shop()

        dispute = Bank(shop.account).open_dispute(
            shop.charge()["latest_charge"], status="prevented", withdraws=withdraws
        )

        lines = [(line["amount"], line["fee"]) for line in dispute["balance_transactions"]]
        assert expected == lines


class TestALateWin:
    def test_closes_again_and_brings_the_money_back(self) -> None:
        shop = open_shop()
        bank = Bank(shop.account)
        dispute = dispute_in(shop, "needs_response")
        bank.lose_dispute(dispute["id"])

        won = bank.win_dispute(dispute["id"])

        assert ("won", 0) == (won["status"], withdrawn(won))
        assert ["charge.dispute.closed", "charge.dispute.funds_reinstated"] == shop.events()[-2:]

    def test_brings_nothing_back_twice(self) -> None:
        shop = open_shop()
        bank = Bank(shop.account)
        dispute = dispute_in(shop, "needs_response")
        bank.lose_dispute(dispute["id"], reinstated=400)

        won = bank.win_dispute(dispute["id"])

        assert [-1000, 400] == [line["amount"] for line in won["balance_transactions"]]

    def test_of_what_was_refunded_meanwhile_brings_the_rest_back(self) -> None:
        shop = open_shop()
        bank = Bank(shop.account)
        charge_id = shop.charge()["latest_charge"]
        dispute = bank.open_dispute(charge_id, amount=400)
        bank.lose_dispute(dispute["id"])
        shop.post("refunds", {"charge": charge_id})

        won = bank.win_dispute(dispute["id"])

        assert ("won", 0) == (won["status"], withdrawn(won))


@pytest.mark.parametrize(
    ("first", "after"),
    [("needs_response", "under_review"), ("warning_needs_response", "warning_under_review")],
)
def test_a_person_may_answer_in_the_dashboard(first: str, after: str) -> None:
    shop = open_shop()

    dispute = Bank(shop.account).submit_in_dashboard(dispute_in(shop, first)["id"])

    assert (after, 1) == (dispute["status"], dispute["evidence_details"]["submission_count"])


@pytest.mark.parametrize("status", ["won", "lost", "warning_closed", "prevented"])
def test_nobody_answers_a_closed_dispute(status: str) -> None:
    shop = open_shop()

    with pytest.raises(IllegalTransition):
        Bank(shop.account).submit_in_dashboard(dispute_in(shop, status)["id"])


def test_an_inquiry_closes_when_the_bank_says_so() -> None:
    shop = open_shop()

    closed = Bank(shop.account).close_inquiry(dispute_in(shop, "warning_needs_response")["id"])

    assert "warning_closed" == closed["status"]


@pytest.mark.parametrize(
    "mistake",
    [
        lambda bank, charge_id: bank.open_dispute(charge_id, reason="no_such"),
        lambda bank, charge_id: bank.warn_of_fraud(charge_id, "no_such"),
    ],
)
def test_a_word_that_stripe_does_not_have_is_a_mistake(
    mistake: Callable[[Bank, str], Any],
) -> None:
    shop = open_shop()
    charge_id = shop.charge()["latest_charge"]

    with pytest.raises(ValueError, match="no_such"):
        mistake(Bank(shop.account), charge_id)
