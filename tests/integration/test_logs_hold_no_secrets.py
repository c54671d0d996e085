"""I15, on running processes at log level DEBUG: nothing secret reaches a log line.

One process is the simulated account with a core of its own; a second one, with the Stripe gateway
and Stripe's SDK, uses the first one's door as its Stripe.
"""

import hmac
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.app import order_body
from tests.support.processes import announced, started_markethub

CARD = "4242424242424242"
SPACED_CARD = "4000 0000 0000 0002"
STOREFRONT_KEY = "shop-key-that-is-secret"


@contextmanager
def served(folder: Path, **settings: str) -> Iterator[httpx.Client]:
    """Serve at DEBUG, and yield a client of it; the log is ``folder/log``."""
    folder.mkdir()
    common = {
        "MARKETHUB_PORT": "0",
        "MARKETHUB_LOG_LEVEL": "DEBUG",
        "MARKETHUB_STOREFRONT_KEYS": f"shop:{STOREFRONT_KEY}",
    }
    with (
        started_markethub(
            "--json", "serve", folder=folder, settings={**common, **settings}
        ) as process,
        httpx.Client(base_url=announced(process)["url"], timeout=30) as client,
    ):
        yield client


def tell_the_story(shop: httpx.Client, stripe: httpx.Client) -> list[str]:
    """Do what leaves traces, well and badly; return every secret that was on the way."""
    storefront = {"Authorization": f"Bearer {STOREFRONT_KEY}"}
    shop.put("/api/orders/o-1/", json=order_body(), headers=storefront)
    started = shop.post(
        "/api/stripe/create-payment-intent/o-1/",
        json={"save_method": True},
        headers={**storefront, "Idempotency-Key": "k-1"},
    ).json()
    secret, intent_id = started["client_secret"], started["payment_intent_id"]
    for card in (SPACED_CARD.replace(" ", ""), CARD):
        stripe.post(
            f"/fake-stripe/v1/payment_intents/{intent_id}/confirm",
            data={
                "client_secret": secret,
                "payment_method_data[type]": "card",
                "payment_method_data[card][number]": card,
                "payment_method_data[card][exp_month]": "12",
                "payment_method_data[card][exp_year]": "2034",
                "payment_method_data[card][cvc]": "123",
            },
            headers={"Authorization": "Bearer pk_test_dev"},
        )
    paid = shop.post(
        "/api/stripe/confirm-payment/", json={"payment_intent_id": intent_id}, headers=storefront
    ).json()
    assert paid["order_status"] == "paid"
    methods = "/api/customers/c-1/payment-methods/"
    [saved] = shop.get(methods, headers=storefront).json()["items"]
    assert shop.delete(f"{methods}{saved['id']}/", headers=storefront).status_code == 204
    token = stripe.get(
        f"/fake-stripe/v1/payment_intents/{intent_id}",
        headers={"Authorization": "Bearer sk_test_dev"},
    ).json()["payment_method"]

    in_text = order_body(customer_id="c-1", lines=[{"sku": SPACED_CARD, "title": CARD}])
    assert shop.put("/api/orders/o-2/", json=in_text, headers=storefront).status_code == 400
    assert shop.get(f"/api/orders/{CARD}/", headers=storefront).status_code == 400
    assert shop.get(f"/nothing/{CARD}?card={CARD}&key={secret}").status_code == 404
    wrong = {"Authorization": "Bearer sk_live_looks_real"}
    assert shop.get("/api/orders/o-1/", headers=wrong).status_code == 401
    event = json.dumps({"id": "evt_1", "client_secret": secret, "number": CARD}).encode()
    stamp = str(int(time.time()))
    forged = hmac.new(b"whsec_other", f"{stamp}.".encode() + event, "sha256").hexdigest()
    signature = {"Stripe-Signature": f"t={stamp},v1={forged}"}
    assert shop.post("/api/stripe/webhook/", content=event, headers=signature).status_code == 400
    sent = [secret, token, CARD, SPACED_CARD, STOREFRONT_KEY, "sk_live_looks_real", forged]
    return [*sent, "sk_test_dev"]


def assert_silent(log: Path, secrets: list[str]) -> None:
    text = log.read_text()
    assert text.count("\n") > 5, "the log must hold what happened"
    for line in text.splitlines():
        found = [secret for secret in secrets if secret in line]
        assert found == [], line


def test_with_the_simulated_account(tmp_path: Path) -> None:
    with served(tmp_path / "shop") as shop:
        secrets = tell_the_story(shop, shop)

    assert_silent(tmp_path / "shop" / "log", secrets)


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_with_stripes_sdk(tmp_path: Path, log_format: str) -> None:
    with served(tmp_path / "stripe") as stripe:
        settings = {
            "MARKETHUB_STRIPE_API_BASE": f"{stripe.base_url}".rstrip("/") + "/fake-stripe",
            "STRIPE_SECRET_KEY_TEST": "sk_test_dev",
            "STRIPE_PUBLISHABLE_KEY_TEST": "pk_test_dev",
            "STRIPE_WEBHOOK_SECRET_TEST": "whsec_dev",
            "MARKETHUB_ENCRYPTION_KEYS": "an-encryption-key-of-32-characters",
            "MARKETHUB_LOG_FORMAT": log_format,
        }
        with served(tmp_path / "shop", **settings) as shop:
            secrets = tell_the_story(shop, stripe)

    everything = [*secrets, "whsec_dev", "an-encryption-key-of-32-characters"]
    assert_silent(tmp_path / "shop" / "log", everything)
    assert_silent(tmp_path / "stripe" / "log", secrets)
