"""Who may ask the account for what, and what a browser gets to see."""

from typing import Any

import pytest

from markethub.adapters.fake.account import Account, AccountOptions, Response
from markethub.adapters.fake.store import DictStore
from tests.unit.adapters.fake.shop import PUBLISHABLE, SECRET, Shop, card
from tests.unit.adapters.fake.shop import shop as open_shop


def ask(shop: Shop, method: str, path: str, *, auth: str | None, **params: Any) -> Response:
    return shop.account.request(method=method, path=f"/v1/{path}", params=params, auth=auth)


class TestWithoutTheRightKey:
    @pytest.mark.parametrize(
        ("auth", "message"),
        [
            (None, "You did not provide an API key."),
            ("", "You did not provide an API key."),
            ("sk_test_other", "Invalid API Key provided"),
            ("sk_live_0123456789abcdef0123", "Invalid API Key provided"),
        ],
    )
    def test_nobody_gets_in(self, auth: str | None, message: str) -> None:
        response = ask(open_shop(), "GET", "payment_intents", auth=auth)

        assert 401 == response.status
        assert "invalid_request_error" == response.body["error"]["type"]
        assert response.body["error"]["message"].startswith(message)

    def test_a_wrong_key_is_not_repeated(self) -> None:
        response = ask(open_shop(), "GET", "account", auth="sk_live_0123456789abcdef0123")

        assert "0123456789abcdef" not in response.body["error"]["message"]

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "payment_intents"),
            ("POST", "payment_intents"),
            ("POST", "payment_intents/pi_1"),
            ("POST", "payment_intents/pi_1/capture"),
            ("POST", "payment_intents/pi_1/cancel"),
            ("GET", "charges"),
            ("GET", "charges/ch_1"),
            ("POST", "customers"),
            ("DELETE", "customers/cus_1"),
            ("GET", "events"),
            ("GET", "balance_transactions"),
            ("GET", "payment_methods/pm_1"),
            ("GET", "account"),
        ],
    )
    def test_a_browser_gets_no_further(self, method: str, path: str) -> None:
        response = ask(open_shop(), method, path, auth=PUBLISHABLE)

        assert (401, "secret_key_required") == (response.status, response.body["error"]["code"])


class TestABrowser:
    def test_reads_an_intent_whose_secret_it_has(self) -> None:
        shop = open_shop()
        intent = shop.create()

        response = ask(
            shop,
            "GET",
            f"payment_intents/{intent['id']}",
            auth=PUBLISHABLE,
            client_secret=intent["client_secret"],
        )

        assert (200, intent["id"]) == (response.status, response.body["id"])

    def test_sees_neither_metadata_nor_customer_nor_charge(self) -> None:
        shop = open_shop()
        intent = shop.create(metadata={"margin": "40%"})

        seen = [
            shop.browser_confirms(intent, "4000000000000002").body["error"]["payment_intent"],
            shop.browser_confirms(intent).body,
            shop.browser_confirms(intent).body["error"]["payment_intent"],
        ]

        hidden = {"metadata", "customer", "latest_charge", "amount_received"}
        assert ["requires_payment_method", "succeeded", "succeeded"] == [
            one["status"] for one in seen
        ]
        assert [set()] * 3 == [hidden & one.keys() for one in seen]

    @pytest.mark.parametrize("id_", ["pi_none", None])
    def test_does_not_learn_which_intents_there_are(self, id_: str | None) -> None:
        shop = open_shop()
        intent = shop.create()

        response = ask(
            shop,
            "GET",
            f"payment_intents/{id_ or intent['id']}",
            auth=PUBLISHABLE,
            client_secret="pi_x_secret_y",
        )

        assert (400, "client_secret") == (response.status, response.body["error"]["param"])

    def test_needs_a_secret_at_all(self) -> None:
        shop = open_shop()

        response = ask(shop, "GET", f"payment_intents/{shop.create()['id']}", auth=PUBLISHABLE)

        assert (401, "secret_key_required") == (response.status, response.body["error"]["code"])

    def test_makes_a_payment_method_that_the_server_confirms_with(self) -> None:
        shop = open_shop()
        method = ask(shop, "POST", "payment_methods", auth=PUBLISHABLE, **card()).body

        response = shop.confirm(shop.create(), payment_method=method["id"])

        assert "succeeded" == response.body["status"]
        assert "4242" == shop.read(f"payment_methods/{method['id']}")["card"]["last4"]


class TestAChallenge:
    def test_is_a_page_where_the_shop_said_whereto_it_leads_back(self) -> None:
        shop = open_shop(base_url="https://pay.example.com")
        intent = shop.create()

        action = shop.confirm(
            intent,
            payment_method="pm_card_authenticationRequired",
            return_url="https://shop.example.com/done",
        ).body["next_action"]

        redirect = action["redirect_to_url"]
        assert "redirect_to_url" == action["type"]
        assert "https://shop.example.com/done" == redirect["return_url"]
        assert redirect["url"].startswith(
            f"https://pay.example.com/fake-stripe/challenge/{intent['id']}?"
        )
        assert intent["client_secret"] not in redirect["url"]

    @pytest.mark.parametrize(
        "how", [{}, {"return_url": "https://shop.example.com", "use_stripe_sdk": True}]
    )
    def test_is_otherwise_left_to_the_browsers_script(self, how: dict[str, Any]) -> None:
        shop = open_shop()
        method = "pm_card_authenticationRequired"

        action = shop.confirm(shop.create(), payment_method=method, **how).body["next_action"]

        assert "use_stripe_sdk" == action["type"]
        assert "redirect_to_url" not in action

    def test_is_answered_by_the_source_in_its_address(self) -> None:
        shop = open_shop()
        intent = shop.create()
        confirmed = shop.confirm(intent, payment_method="pm_card_authenticationRequired").body
        source = confirmed["next_action"]["use_stripe_sdk"]["source"]

        response = shop.account.answer_challenge(intent["id"], source, authenticated=True)

        assert (200, "succeeded") == (response.status, response.body["status"])

    def test_is_not_answered_by_the_source_of_an_earlier_one(self) -> None:
        shop = open_shop()
        intent = shop.create()
        sources = [
            shop.confirm(intent, payment_method="pm_card_authenticationRequired").body[
                "next_action"
            ]["use_stripe_sdk"]["source"]
            for _ in range(2)
        ]

        response = shop.account.answer_challenge(intent["id"], sources[0], authenticated=True)

        assert (400, "client_secret") == (response.status, response.body["error"]["param"])

    @pytest.mark.parametrize("secret", ["", "pi_x_secret_y", "None"])
    def test_is_not_answered_by_a_stranger(self, secret: str) -> None:
        shop = open_shop()
        intent = shop.create()
        shop.confirm(intent, payment_method="pm_card_authenticationRequired")

        response = shop.account.answer_challenge(intent["id"], secret, authenticated=True)

        assert 400 == response.status
        assert "requires_action" == shop.read(f"payment_intents/{intent['id']}")["status"]

    def test_is_answered_once(self) -> None:
        shop = open_shop()
        intent = shop.create()
        shop.confirm(intent, payment_method="pm_card_authenticationRequired")

        answers = [shop.answers(intent) for _ in range(2)]

        assert [200, 400] == [answer.status for answer in answers]
        assert 1 == shop.events().count("charge.succeeded")

    def test_that_succeeded_is_told_by_the_charge(self) -> None:
        shop = open_shop()
        intent = shop.create()
        shop.confirm(intent, payment_method="pm_card_authenticationRequired")
        shop.answers(intent)

        charge = shop.read(f"payment_intents/{intent['id']}", "latest_charge")["latest_charge"]

        told = charge["payment_method_details"]["card"]["three_d_secure"]
        assert ("authenticated", "challenge") == (told["result"], told["authentication_flow"])

    def test_that_failed_leaves_an_error_and_no_charge(self) -> None:
        shop = open_shop()
        intent = shop.create()
        shop.confirm(intent, payment_method="pm_card_authenticationRequired")
        shop.answers(intent, authenticated=False)

        failed = shop.read(f"payment_intents/{intent['id']}")

        error = failed["last_payment_error"]
        assert "payment_intent_authentication_failure" == error["code"]
        assert (None, None) == (failed["latest_charge"], failed["payment_method"])


def test_a_decline_tells_everything_that_stripe_tells() -> None:
    shop = open_shop()
    intent = shop.create()

    response = shop.confirm(intent, payment_method="pm_card_visa_chargeDeclined")

    error = response.body["error"]
    failed = shop.read(f"payment_intents/{intent['id']}")
    charge = shop.read(f"charges/{error['charge']}")
    assert 402 == response.status
    assert ("card_error", "card_declined", "generic_decline", "Your card was declined.") == (
        error["type"],
        error["code"],
        error["decline_code"],
        error["message"],
    )
    assert failed == error["payment_intent"]
    assert {**failed["last_payment_error"], "payment_intent": failed} == error
    assert ("requires_payment_method", None, charge["id"]) == (
        failed["status"],
        failed["payment_method"],
        failed["latest_charge"],
    )
    assert ("failed", False, False, "card_declined") == (
        charge["status"],
        charge["paid"],
        charge["captured"],
        charge["failure_code"],
    )


def test_without_the_customer_a_card_that_asks_is_refused_as_recorded() -> None:
    shop = open_shop()

    response = shop.confirm(
        shop.create(), payment_method="pm_card_authenticationRequired", off_session=True
    )

    error = response.body["error"]
    assert (402, "authentication_required", "authentication_not_handled") == (
        response.status,
        error["code"],
        error["decline_code"],
    )
    assert "requires_payment_method" == error["payment_intent"]["status"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "refunds_of_all"),
        ("PUT", "payment_intents"),
        ("GET", "payment_intents/pi_1/confirm"),
        ("GET", ""),
    ],
)
def test_what_there_is_not_is_not_found(method: str, path: str) -> None:
    response = ask(open_shop(), method, path, auth=SECRET)

    assert 404 == response.status
    assert response.body["error"]["message"].startswith("Unrecognized request URL")


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("payment_intents/pi_none", "intent"),
        ("charges/ch_none", "id"),
        ("customers/cus_none", "id"),
        ("events/evt_none", "id"),
        ("balance_transactions/txn_none", "id"),
        ("payment_methods/pm_none", "payment_method"),
    ],
)
def test_an_unknown_object_is_missing(path: str, param: str) -> None:
    response = open_shop().get(path)

    assert 404 == response.status
    assert ("resource_missing", param) == (
        response.body["error"]["code"],
        response.body["error"]["param"],
    )


@pytest.mark.parametrize(
    ("version", "status"), [(None, 200), ("2026-10-28.endive", 200), ("2020-08-27", 400)]
)
def test_one_version_is_spoken(version: str | None, status: int) -> None:
    account = open_shop().account

    response = account.request(method="GET", path="/v1/account", auth=SECRET, version=version)

    assert (status, "2026-10-28.endive") == (response.status, response.headers["Stripe-Version"])


def test_every_answer_bears_its_own_request_id() -> None:
    shop = open_shop()

    ids = [shop.get("account").headers["Request-Id"] for _ in range(20)]

    assert 20 == len(set(ids))


class TestAnAccount:
    def test_does_the_same_again_if_the_same_is_asked_of_it(self) -> None:
        def history() -> object:
            shop = open_shop()
            intent = shop.create()
            shop.browser_confirms(intent, "4000000000000002")
            shop.browser_confirms(intent)
            return shop.event_objects()

        assert history() == history()

    def test_makes_other_ids_from_another_seed(self) -> None:
        one, other = (open_shop(seed=seed) for seed in ("one", "other"))

        assert one.create()["id"] != other.create()["id"]
        assert one.read("account")["id"] != other.read("account")["id"]

    def test_goes_on_with_the_seed_of_its_store(self) -> None:
        store = DictStore()
        shops = [open_shop(store, seed=seed) for seed in ("one", "other")]

        assert shops[0].read("account")["id"] == shops[1].read("account")["id"]

    def test_may_be_given_its_id(self) -> None:
        assert "acct_given" == open_shop(account_id="acct_given").read("account")["id"]

    def test_makes_ids_and_secrets_that_are_long_and_all_different(self) -> None:
        shop = open_shop()

        intents = [shop.create() for _ in range(100)]

        assert 200 == len({intent[name] for intent in intents for name in ("id", "client_secret")})
        assert {27} == {len(intent["id"]) for intent in intents}
        assert all(
            intent["client_secret"].startswith(f"{intent['id']}_secret_") for intent in intents
        )

    def test_has_habits_of_its_own_by_default(self) -> None:
        account = Account(store=DictStore())

        response = account.request(method="GET", path="/v1/account", auth=SECRET)

        assert (200, AccountOptions().start) == (response.status, response.body["created"])

    def test_refuses_to_be_provoked_by_what_does_not_exist(self) -> None:
        with pytest.raises(ValueError, match="no_such_fault"):
            open_shop().account.provoke("no_such_fault")
