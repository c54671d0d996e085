"""Every edge between a refund's statuses: the legal ones happen, all others are refused."""

from collections.abc import Callable
from typing import Any

import pytest

from markethub.adapters.fake.bank import Bank, IllegalTransition
from tests.unit.adapters.fake.shop import Shop
from tests.unit.adapters.fake.shop import shop as open_shop

STATUSES = ("pending", "requires_action", "succeeded", "failed", "canceled")
LEGAL = {
    ("pending", "succeeded"),
    ("pending", "failed"),
    ("pending", "canceled"),
    ("pending", "requires_action"),
    ("requires_action", "pending"),
    ("requires_action", "failed"),
    ("requires_action", "canceled"),
    ("requires_action", "requires_action"),
    ("succeeded", "failed"),
    ("succeeded", "requires_action"),
}
ILLEGAL = sorted({(a, b) for a in STATUSES for b in STATUSES} - LEGAL)

DO: dict[str, Callable[[Bank, str], Any]] = {
    "pending": Bank.give_details,
    "requires_action": Bank.ask_for_details,
    "succeeded": Bank.settle_refund,
    "failed": Bank.fail_refund,
    "canceled": Bank.cancel_refund_in_dashboard,
}
WAYS = {
    "pending": ("pending",),
    "requires_action": ("requires_action",),
    "succeeded": ("succeeded",),
    "failed": ("pending", "failed"),
    "canceled": ("requires_action", "canceled"),
}
"""How to get a refund into each status: its first one, and what happens then."""


def refund_in(shop: Shop, status: str, **params: Any) -> dict[str, Any]:
    bank = Bank(shop.account)
    first, *rest = WAYS[status]
    intent = shop.charge()
    bank.start_next_refund(intent["latest_charge"], first)
    made = shop.post("refunds", {"payment_intent": intent["id"], **params}).body
    for each in rest:
        DO[each](bank, made["id"])
    return shop.read(f"refunds/{made['id']}")


def charge_of(shop: Shop, refund: dict[str, Any]) -> dict[str, Any]:
    return shop.read(f"charges/{refund['charge']}", "refunds")


@pytest.mark.parametrize("status", STATUSES)
def test_a_refund_gets_into_every_status(status: str) -> None:
    assert status == refund_in(open_shop(), status)["status"]


@pytest.mark.parametrize(("before", "after"), sorted(LEGAL))
def test_a_legal_edge_happens_and_is_announced(before: str, after: str) -> None:
    shop = open_shop()
    refund = refund_in(shop, before)
    known = len(shop.events())

    DO[after](Bank(shop.account), refund["id"])

    event = shop.event_objects()[known]
    changed = shop.read(f"refunds/{refund['id']}")
    assert after == changed["status"]
    assert "refund.updated" == event["type"]
    assert changed == event["data"]["object"]
    assert event["data"]["previous_attributes"].get("status", after) == before


@pytest.mark.parametrize(("before", "after"), ILLEGAL)
def test_an_illegal_edge_is_refused_and_leaves_no_trace(before: str, after: str) -> None:
    shop = open_shop()
    refund = refund_in(shop, before)
    known = len(shop.events())

    with pytest.raises(IllegalTransition, match=f"from {before} to {after}"):
        DO[after](Bank(shop.account), refund["id"])

    assert refund == shop.read(f"refunds/{refund['id']}")
    assert known == len(shop.events())


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_a_refund_does_not_start_at_its_end(status: str) -> None:
    shop = open_shop()

    with pytest.raises(IllegalTransition, match=f"from nothing to {status}"):
        Bank(shop.account).start_next_refund(shop.charge()["latest_charge"], status)


@pytest.mark.parametrize(("before", "after"), sorted(LEGAL))
def test_only_what_succeeded_counts_as_refunded(before: str, after: str) -> None:
    shop = open_shop()
    refund = refund_in(shop, before, amount=300)
    first = charge_of(shop, refund)["amount_refunded"]

    DO[after](Bank(shop.account), refund["id"])

    assert 300 * (before == "succeeded") == first
    assert 300 * (after == "succeeded") == charge_of(shop, refund)["amount_refunded"]


@pytest.mark.parametrize("status", STATUSES)
def test_the_balance_pays_for_every_refund_that_has_not_come_to_nothing(status: str) -> None:
    shop = open_shop()
    refund = refund_in(shop, status)

    lines = shop.get("balance_transactions", {"source": refund["id"]}).body["data"]

    ended = status in ("failed", "canceled")
    assert (0 if ended else -1000) == sum(line["net"] for line in lines)
    assert ended == ("failure_balance_transaction" in refund)
    assert ended == ("refund_failure" in [line["type"] for line in lines])


@pytest.mark.parametrize("reason", ["insufficient_funds", "charge_pending"])
def test_a_refund_that_waits_for_money_is_booked_when_it_succeeds(reason: str) -> None:
    shop = open_shop()
    bank = Bank(shop.account)
    intent = shop.charge()
    bank.start_next_refund(intent["latest_charge"], "pending", pending_reason=reason)
    made = shop.post("refunds", {"payment_intent": intent["id"]}).body

    settled = bank.settle_refund(made["id"])

    assert (reason, None) == (made["pending_reason"], made["balance_transaction"])
    assert -1000 == shop.read(f"balance_transactions/{settled['balance_transaction']}")["amount"]


def test_a_refund_that_never_got_money_gives_none_back() -> None:
    shop = open_shop()
    bank = Bank(shop.account)
    intent = shop.charge()
    bank.start_next_refund(intent["latest_charge"], "pending", pending_reason="insufficient_funds")
    made = shop.post("refunds", {"payment_intent": intent["id"]}).body

    failed = bank.fail_refund(made["id"], "insufficient_funds")

    assert "insufficient_funds" == failed["failure_reason"]
    assert "failure_balance_transaction" not in failed


@pytest.mark.parametrize("status", ["pending", "requires_action", "succeeded"])
def test_what_is_under_way_cannot_be_refunded_twice(status: str) -> None:
    shop = open_shop()
    refund = refund_in(shop, status, amount=600)

    response = shop.post("refunds", {"charge": refund["charge"], "amount": 401})

    assert 400 == response.status
    assert "amount" == response.body["error"]["param"]


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_what_came_to_nothing_may_be_refunded_again(status: str) -> None:
    shop = open_shop()
    refund = refund_in(shop, status)

    again = shop.post("refunds", {"charge": refund["charge"]}).body

    assert ("succeeded", 1000) == (again["status"], again["amount"])


@pytest.mark.parametrize("status", STATUSES)
def test_the_api_cancels_only_what_waits_for_the_customer(status: str) -> None:
    shop = open_shop()
    refund = refund_in(shop, status)

    response = shop.post(f"refunds/{refund['id']}/cancel")

    if status == "requires_action":
        assert (200, "canceled") == (response.status, response.body["status"])
    else:
        assert (400, "Canceling this refund is unsupported.") == (
            response.status,
            response.body["error"]["message"],
        )


def test_asking_again_asks_at_another_time() -> None:
    shop = open_shop()
    refund = refund_in(shop, "requires_action")
    shop.account.advance(shop.account.now + 60)

    again = Bank(shop.account).ask_for_details(refund["id"])

    first, second = (
        each["next_action"]["display_details"]["email_sent"]["email_sent_at"]
        for each in (refund, again)
    )
    assert 60 == second - first


def test_a_refund_in_the_dashboard_has_no_metadata_and_no_request() -> None:
    shop = open_shop()
    charge_id = shop.charge()["latest_charge"]

    made = Bank(shop.account).refund_in_dashboard(charge_id, amount=250)

    created = shop.event_objects()[-2]
    assert (250, {}, "succeeded") == (made["amount"], made["metadata"], made["status"])
    assert ("refund.created", {"id": None, "idempotency_key": None}) == (
        created["type"],
        created["request"],
    )


@pytest.mark.parametrize(
    "mistake",
    [
        lambda bank: bank.fail_refund("re_0", "no_reason"),
        lambda bank: bank.start_next_refund("ch_0", "pending", pending_reason="no_reason"),
    ],
)
def test_a_reason_that_stripe_does_not_have_is_a_mistake(mistake: Callable[[Bank], Any]) -> None:
    with pytest.raises(ValueError, match="no_reason"):
        mistake(Bank(open_shop().account))


def test_a_charge_lists_its_refunds_when_asked() -> None:
    shop = open_shop()
    intent = shop.charge()
    made = [
        shop.post("refunds", {"payment_intent": intent["id"], "amount": 10}).body for _ in range(11)
    ]

    plain = shop.read(f"charges/{intent['latest_charge']}")
    listed = shop.read(
        f"payment_intents/{intent['id']}", "latest_charge.refunds.data.balance_transaction"
    )["latest_charge"]["refunds"]

    assert "refunds" not in plain
    assert [each["id"] for each in made[:0:-1]] == [each["id"] for each in listed["data"]]
    assert (True, f"/v1/charges/{intent['latest_charge']}/refunds") == (
        listed["has_more"],
        listed["url"],
    )
    assert -10 == listed["data"][0]["balance_transaction"]["amount"]


def test_a_balance_line_shows_the_refund_that_it_comes_from() -> None:
    shop = open_shop()
    refund = refund_in(shop, "succeeded")

    line = shop.read(f"balance_transactions/{refund['balance_transaction']}", "source")

    assert refund == line["source"]
