"""The account's webhook endpoints, as Stripe's reference tells of them."""

from typing import Any

import pytest

from tests.unit.adapters.fake.shop import Shop
from tests.unit.adapters.fake.shop import shop as open_shop

URL = "https://shop.example.com/hook"


def made(shop: Shop, **changes: Any) -> dict[str, Any]:
    answer = shop.post("webhook_endpoints", {"url": URL, "enabled_events": ["*"], **changes})
    assert answer.status == 200, answer.body
    return answer.body


def refused(shop: Shop, **changes: Any) -> str | None:
    answer = shop.post("webhook_endpoints", {"url": URL, "enabled_events": ["*"], **changes})
    assert answer.status == 400, answer.body
    return answer.body["error"].get("param")  # type: ignore[no-any-return] # JSON


def test_only_the_answer_to_its_making_has_the_secret(shop: Shop) -> None:
    endpoint = made(shop)
    read = shop.read(f"webhook_endpoints/{endpoint['id']}")

    assert endpoint["secret"].startswith("whsec_")
    assert {name: endpoint[name] for name in endpoint if name != "secret"} == read


def test_secrets_differ(shop: Shop) -> None:
    assert made(shop)["secret"] != made(shop)["secret"]


def test_a_version_is_kept_and_none_is_the_accounts(shop: Shop) -> None:
    assert "2017-08-15" == made(shop, api_version="2017-08-15")["api_version"]
    assert made(shop)["api_version"] is None


def test_a_version_cannot_be_changed(shop: Shop) -> None:
    id_ = made(shop)["id"]

    answer = shop.post(f"webhook_endpoints/{id_}", {"api_version": "2017-08-15"})
    assert (400, "parameter_unknown") == (answer.status, answer.body["error"]["code"])


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"url": "shop.example.com"}, "url"),
        ({"url": "ftp://shop.example.com"}, "url"),
        ({"url": "https://"}, "url"),
        ({"url": "https://[::1"}, "url"),
        ({"url": "http://localhost:8000/hook"}, "url"),
        ({"url": "https://127.0.0.1/hook"}, "url"),
        ({"enabled_events": []}, "enabled_events"),
        ({"enabled_events": ["*", "charge.failed"]}, "enabled_events"),
        ({"enabled_events": ["charge.failed", "Charge"]}, "enabled_events[1]"),
        ({"enabled_events": "charge.failed"}, "enabled_events"),
        ({"api_version": "newest"}, "api_version"),
        ({"disabled": "true"}, "disabled"),
    ],
)
def test_what_is_wrong_is_refused_by_name(shop: Shop, changes: dict[str, Any], param: str) -> None:
    assert param == refused(shop, **changes)


def test_an_update_changes_what_it_names(shop: Shop) -> None:
    before = made(shop, metadata={"a": "1"})
    path = f"webhook_endpoints/{before.pop('id')}"
    before.pop("secret")

    shop.post(
        path, {"disabled": "true", "enabled_events": ["charge.failed"], "metadata": {"b": "2"}}
    )
    disabled = shop.read(path)
    shop.post(path, {"disabled": "false", "url": "https://shop.example.com/other"})

    changed = {"enabled_events": ["charge.failed"], "metadata": {"a": "1", "b": "2"}}
    assert {**before, **changed, "status": "disabled", "id": disabled["id"]} == disabled
    assert {**disabled, "status": "enabled", "url": "https://shop.example.com/other"} == (
        shop.read(path)
    )


def test_a_deleted_one_is_gone(shop: Shop) -> None:
    path = f"webhook_endpoints/{made(shop)['id']}"
    answer = shop.account.request(method="DELETE", path=f"/v1/{path}", auth="sk_test_dev")

    assert answer.body["deleted"] is True
    assert 404 == shop.get(path).status
    assert [] == shop.read("webhook_endpoints")["data"]


def test_there_are_sixteen_at_most(shop: Shop) -> None:
    for _ in range(16):
        made(shop)

    assert refused(shop) is None
    assert 16 == len(shop.get("webhook_endpoints", {"limit": 100}).body["data"])


def test_a_browser_is_told_nothing(shop: Shop) -> None:
    answer = shop.account.request(method="GET", path="/v1/webhook_endpoints", auth="pk_test_dev")

    assert 401 == answer.status


def test_events_are_delivered_without_any_and_tell_of_none() -> None:
    shop = open_shop()
    made(shop, enabled_events=["charge.failed"])

    assert [] == shop.events()
    shop.charge()
    assert "payment_intent.succeeded" in shop.events()
    assert shop.account.undelivered(1)
