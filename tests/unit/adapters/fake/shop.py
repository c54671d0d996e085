"""A shop's server and a customer's browser, each with its key, in front of a simulated account."""

from collections.abc import Mapping
from typing import Any

from markethub.adapters.fake.account import Account, AccountOptions, Response
from markethub.adapters.fake.store import AccountStore, DictStore

SECRET = "sk_test_dev"
PUBLISHABLE = "pk_test_dev"
START = 1_793_491_200  # 2026-11-01T00:00:00Z
DAY = 86_400

VISA = "4242424242424242"
NO_REDIRECTS = {"enabled": True, "allow_redirects": "never"}


def card(number: str = VISA, **changes: object) -> dict[str, Any]:
    data = {"number": number, "exp_month": 12, "exp_year": 2030, "cvc": "123", **changes}
    return {"type": "card", "card": data}


class Shop:
    def __init__(self, account: Account) -> None:
        self.account = account

    def post(
        self, path: str, params: Mapping[str, Any] | None = None, *, key: str | None = None
    ) -> Response:
        return self.account.request(
            method="POST", path=f"/v1/{path}", params=params, key=key, auth=SECRET
        )

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Response:
        return self.account.request(method="GET", path=f"/v1/{path}", params=params, auth=SECRET)

    def read(self, path: str, *expand: str) -> dict[str, Any]:
        response = self.get(path, {"expand": list(expand)} if expand else None)
        assert response.status == 200, response.body
        return response.body

    def create(self, **params: Any) -> dict[str, Any]:
        given = {
            "amount": 1000,
            "currency": "usd",
            "automatic_payment_methods": NO_REDIRECTS,
            **params,
        }
        response = self.post("payment_intents", given)
        assert response.status == 200, response.body
        return response.body

    def charge(self, number: str = VISA, **params: Any) -> dict[str, Any]:
        """Create an intent, let the browser confirm it, and return it as it is then."""
        intent = self.create(**params)
        self.browser_confirms(intent, number)
        return self.read(f"payment_intents/{intent['id']}")

    def confirm(self, intent: Mapping[str, Any], **params: Any) -> Response:
        return self.post(f"payment_intents/{intent['id']}/confirm", params)

    def browser_confirms(
        self, intent: Mapping[str, Any], number: str = VISA, **params: Any
    ) -> Response:
        return self.account.request(
            method="POST",
            path=f"/v1/payment_intents/{intent['id']}/confirm",
            params={
                "client_secret": intent["client_secret"],
                "payment_method_data": card(number),
                **params,
            },
            auth=PUBLISHABLE,
        )

    def set_up(self, **params: Any) -> dict[str, Any]:
        """Create a SetupIntent."""
        response = self.post("setup_intents", {"automatic_payment_methods": NO_REDIRECTS, **params})
        assert response.status == 200, response.body
        return response.body

    def browser_sets_up(
        self, intent: Mapping[str, Any], number: str = VISA, **params: Any
    ) -> Response:
        method = {} if "payment_method" in params else {"payment_method_data": card(number)}
        return self.account.request(
            method="POST",
            path=f"/v1/setup_intents/{intent['id']}/confirm",
            params={"client_secret": intent["client_secret"], **method, **params},
            auth=PUBLISHABLE,
        )

    def saved(self, number: str = VISA, *, customer: str | None = None) -> tuple[str, str]:
        """Let a customer, a new one if need be, save a card; return customer and method."""
        customer = customer or self.post("customers").body["id"]
        intent = self.set_up(customer=customer)
        if self.browser_sets_up(intent, number).body["status"] == "requires_action":
            self.answers(intent)
        return customer, self.read(f"setup_intents/{intent['id']}")["payment_method"]

    def answers(self, intent: Mapping[str, Any], *, authenticated: bool = True) -> Response:
        return self.account.answer_challenge(
            intent["id"], intent["client_secret"], authenticated=authenticated
        )

    def events(self) -> list[str]:
        """Return the types of all events, oldest first."""
        return [event["type"] for event in self.event_objects()]

    def event_objects(self) -> list[dict[str, Any]]:
        listed = self.get("events", {"limit": 100}).body
        return list(reversed(listed["data"]))


def shop(store: AccountStore | None = None, **options: Any) -> Shop:
    account = Account(
        store=store if store is not None else DictStore(),
        options=AccountOptions(start=START, **options),
    )
    return Shop(account)


def customer_of(shop: Shop, **params: Any) -> str:
    """Create a customer and return its id."""
    return str(shop.post("customers", params).body["id"])


def method_of(shop: Shop, number: str = VISA) -> str:
    """Create a method of a card's number, of nobody yet, and return its id."""
    return str(shop.post("payment_methods", card(number)).body["id"])


def attached(shop: Shop) -> tuple[str, str]:
    """Attach a method to a new customer without asking anybody; return the ids of both."""
    customer, method = customer_of(shop), method_of(shop)
    response = shop.post(f"payment_methods/{method}/attach", {"customer": customer})
    assert response.status == 200, response.body
    return customer, method


def pay(shop: Shop, customer: str | None, method: str, **params: Any) -> dict[str, Any]:
    """Pay with a saved method at once; return the intent, or the error."""
    given = {
        "amount": 1000,
        "currency": "usd",
        "payment_method": method,
        "automatic_payment_methods": NO_REDIRECTS,
        "confirm": True,
        **params,
    }
    if customer is not None:
        given["customer"] = customer
    body = shop.post("payment_intents", given).body
    error: dict[str, Any] | None = body.get("error")
    return body if error is None else error
