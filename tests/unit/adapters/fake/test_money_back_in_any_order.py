"""Whatever banks, customers and the seller do to a charge, and in whatever order, it adds up."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from markethub.adapters.fake.bank import Bank, IllegalTransition
from tests.unit.adapters.fake.shop import Shop
from tests.unit.adapters.fake.shop import shop as open_shop

AMOUNT = 1000
ALIVE = ("pending", "requires_action", "succeeded")

REFUND_ACTS: tuple[Callable[[Bank, str], Any], ...] = (
    Bank.settle_refund,
    Bank.fail_refund,
    Bank.ask_for_details,
    Bank.give_details,
    Bank.cancel_refund_in_dashboard,
)
DISPUTE_ACTS: tuple[Callable[[Bank, str], Any], ...] = (
    Bank.escalate_inquiry,
    Bank.close_inquiry,
    Bank.submit_in_dashboard,
    Bank.win_dispute,
    Bank.lose_dispute,
)
ACTS = st.one_of(
    st.tuples(st.just("refund"), st.sampled_from((None, 1, 300, 700, AMOUNT))),
    st.tuples(st.just("first"), st.sampled_from(("pending", "requires_action"))),
    st.tuples(st.just("to a refund"), st.sampled_from(REFUND_ACTS), st.integers(0, 3)),
    st.tuples(
        st.just("dispute"),
        st.sampled_from((1, 400, AMOUNT, 1200)),
        st.sampled_from(("needs_response", "warning_needs_response", "lost", "prevented")),
    ),
    st.tuples(st.just("to a dispute"), st.sampled_from(DISPUTE_ACTS), st.integers(0, 3)),
    st.tuples(st.just("time"), st.sampled_from((60, 10 * 86_400, 130 * 86_400))),
)


def do(shop: Shop, charge_id: str, act: tuple[Any, ...]) -> None:
    bank = Bank(shop.account)
    match act:
        case "refund", amount:
            shop.post("refunds", {"charge": charge_id} | ({"amount": amount} if amount else {}))
        case "first", status:
            bank.start_next_refund(charge_id, status)
        case "dispute", amount, status:
            bank.open_dispute(charge_id, amount=amount, status=status)
        case "time", seconds:
            shop.account.advance(shop.account.now + seconds)
        case (("to a refund" | "to a dispute") as whom, what, place):
            found = all_of(shop, "refunds" if whom == "to a refund" else "disputes")
            if place < len(found):
                with suppress(IllegalTransition):
                    what(bank, found[place]["id"])


def all_of(shop: Shop, kind: str) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = shop.get(kind, {"limit": 100}).body["data"]
    return data


@settings(max_examples=150, deadline=None)
@given(st.lists(ACTS, max_size=12))
def test_it_adds_up(acts: list[tuple[Any, ...]]) -> None:
    shop = open_shop()
    charge_id = shop.charge(amount=AMOUNT)["latest_charge"]
    for act in acts:
        do(shop, charge_id, act)

        charge = shop.read(f"charges/{charge_id}")
        refunds, disputes = all_of(shop, "refunds"), all_of(shop, "disputes")
        lines = all_of(shop, "balance_transactions")
        sums = {
            status: sum(each["amount"] for each in refunds if each["status"] == status)
            for status in ("pending", "requires_action", "succeeded")
        }
        withdrawn = [each for each in disputes if each["balance_transactions"]]
        net = sum(line["net"] for each in withdrawn for line in each["balance_transactions"])

        assert sums["succeeded"] == charge["amount_refunded"] <= AMOUNT
        assert charge["refunded"] == (charge["amount_refunded"] == AMOUNT)
        assert sum(sums.values()) <= AMOUNT
        assert AMOUNT - 59 - sum(sums.values()) + net == sum(line["net"] for line in lines)
        assert charge["disputed"] == bool(disputes)
        assert all(len(each["balance_transactions"]) <= 2 for each in disputes)
        if any(each["status"] in ("needs_response", "under_review") for each in disputes):
            refused = shop.post("refunds", {"charge": charge_id, "amount": 1})
            assert "charge_disputed" == refused.body["error"]["code"]
