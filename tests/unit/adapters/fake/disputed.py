"""A shop whose customers dispute what they paid."""

from typing import Any

from tests.unit.adapters.fake.shop import Shop

FRAUDULENT = "4000000000000259"
NOT_RECEIVED = "4000000000002685"
INQUIRY = "4000000000001976"
SEVERAL = "4000000404000079"


def disputed(
    shop: Shop, number: str = FRAUDULENT, **params: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Pay with a card whose charge is disputed; return the charge and the dispute."""
    intent = shop.charge(number, **params)
    shop.account.advance(shop.account.now + 2)
    [dispute] = shop.get("disputes", {"payment_intent": intent["id"]}).body["data"]
    return shop.read(f"charges/{intent['latest_charge']}"), dispute


def submitted(shop: Shop, dispute: dict[str, Any], text: str) -> dict[str, Any]:
    """Answer with a text and let the bank decide; return the dispute as it is then."""
    response = shop.post(f"disputes/{dispute['id']}", {"evidence": {"uncategorized_text": text}})
    assert response.status == 200, response.body
    shop.account.advance(shop.account.now + 2)
    return shop.read(f"disputes/{dispute['id']}")


def amounts(dispute: dict[str, Any]) -> list[tuple[str, int, int, int]]:
    return [
        (line["reporting_category"], line["amount"], line["fee"], line["net"])
        for line in dispute["balance_transactions"]
    ]


def dispute_events(shop: Shop) -> list[str]:
    prefix = "charge.dispute."
    return [name.removeprefix(prefix) for name in shop.events() if name.startswith(prefix)]


def refund_error(shop: Shop, charge: dict[str, Any]) -> str | None:
    response = shop.post("refunds", {"charge": charge["id"]})
    code: str | None = response.body.get("error", {}).get("code")
    return code
