"""Lists, expansion, customers and payment methods."""

from typing import Any

import pytest

from tests.unit.adapters.fake.shop import START, Shop, card


def ids(shop: Shop, path: str, **params: Any) -> list[str]:
    return [value["id"] for value in shop.get(path, params).body["data"]]


class TestAList:
    def test_begins_with_the_newest(self, shop: Shop) -> None:
        made = [shop.create()["id"] for _ in range(3)]

        assert made[::-1] == ids(shop, "payment_intents")

    def test_holds_ten_and_says_whether_there_are_more(self, shop: Shop) -> None:
        for _ in range(11):
            shop.create()

        first = shop.get("payment_intents").body
        last = shop.get("payment_intents", {"starting_after": first["data"][-1]["id"]}).body

        assert (10, True) == (len(first["data"]), first["has_more"])
        assert (1, False) == (len(last["data"]), last["has_more"])
        assert ("list", "/v1/payment_intents") == (first["object"], first["url"])

    def test_goes_page_by_page_without_gap_or_repetition(self, shop: Shop) -> None:
        made = [shop.create()["id"] for _ in range(7)]

        found: list[str] = []
        while True:
            cursor = {"starting_after": found[-1]} if found else {}
            page = shop.get("payment_intents", {"limit": 3, **cursor}).body
            found += [intent["id"] for intent in page["data"]]
            if not page["has_more"]:
                break

        assert made[::-1] == found

    def test_goes_backwards_in_the_same_order(self, shop: Shop) -> None:
        made = [shop.create()["id"] for _ in range(5)]

        assert [made[3], made[2]] == ids(shop, "payment_intents", ending_before=made[1], limit=2)

    @pytest.mark.parametrize(
        ("created", "expected"),
        [
            ({"gte": START + 10}, [2, 1]),
            ({"gt": START + 10}, [2]),
            ({"lte": START + 10}, [1, 0]),
            ({"lt": START + 10}, [0]),
            ({"gte": START + 5, "lt": START + 20}, [1]),
            (START + 10, [1]),
        ],
    )
    def test_is_filtered_by_time(self, shop: Shop, created: Any, expected: list[int]) -> None:
        made = []
        for second in (0, 10, 20):
            shop.account.advance(START + second)
            made.append(shop.create()["id"])

        assert [made[place] for place in expected] == ids(shop, "payment_intents", created=created)

    def test_is_filtered_by_customer(self, shop: Shop) -> None:
        customer = shop.post("customers").body["id"]
        mine = shop.create(customer=customer)["id"]
        shop.create()

        assert [mine] == ids(shop, "payment_intents", customer=customer)

    def test_of_charges_is_filtered_by_intent(self, shop: Shop) -> None:
        intent = shop.create()
        shop.browser_confirms(intent, "4000000000000002")
        shop.browser_confirms(intent)
        shop.charge()

        charges = shop.get("charges", {"payment_intent": intent["id"]}).body["data"]

        assert ["succeeded", "failed"] == [charge["status"] for charge in charges]

    @pytest.mark.parametrize(
        ("params", "code", "param"),
        [
            ({"limit": 0}, "parameter_invalid_integer", "limit"),
            ({"limit": 101}, "parameter_invalid_integer", "limit"),
            ({"starting_after": "pi_none"}, "resource_missing", "starting_after"),
            ({"created": {"after": 1}}, "parameter_unknown", "created[after]"),
            ({"created": "today"}, "parameter_invalid_integer", "created"),
        ],
    )
    def test_refuses_what_it_cannot_follow(
        self, shop: Shop, params: dict[str, Any], code: str, param: str
    ) -> None:
        response = shop.get("payment_intents", params)

        error = response.body["error"]
        assert (400, code, param) == (response.status, error["code"], error["param"])


class TestExpansion:
    def test_puts_objects_in_place_of_ids_at_any_depth(self, shop: Shop) -> None:
        customer = shop.post("customers").body
        intent = shop.charge(customer=customer["id"])

        read = shop.read(
            f"payment_intents/{intent['id']}",
            "latest_charge.balance_transaction",
            "customer",
            "payment_method",
        )

        assert ("charge", "balance_transaction", "customer", "payment_method") == (
            read["latest_charge"]["object"],
            read["latest_charge"]["balance_transaction"]["object"],
            read["customer"]["object"],
            read["payment_method"]["object"],
        )

    def test_reaches_into_lists(self, shop: Shop) -> None:
        shop.charge()

        [listed] = shop.get("payment_intents", {"expand": ["data.latest_charge"]}).body["data"]

        assert "charge" == listed["latest_charge"]["object"]

    def test_leaves_nothing_where_nothing_is(self, shop: Shop) -> None:
        intent = shop.create(expand=["latest_charge.balance_transaction"])

        assert intent["latest_charge"] is None

    def test_changes_nothing_that_is_kept(self, shop: Shop) -> None:
        intent = shop.charge()
        shop.read(f"payment_intents/{intent['id']}", "latest_charge")

        assert intent == shop.read(f"payment_intents/{intent['id']}")

    def test_shows_that_a_customer_was_deleted(self, shop: Shop) -> None:
        customer = shop.post("customers").body["id"]
        intent = shop.create(customer=customer)
        shop.account.request(method="DELETE", path=f"/v1/customers/{customer}", auth="sk_test_dev")

        read = shop.read(f"payment_intents/{intent['id']}", "customer")

        assert {"id": customer, "object": "customer", "deleted": True} == read["customer"]

    @pytest.mark.parametrize(
        "path", ["amount", "nothing", "latest_charge.source_transfer", "data.latest_charge"]
    )
    def test_refuses_what_names_no_object(self, shop: Shop, path: str) -> None:
        intent = shop.charge()

        response = shop.get(f"payment_intents/{intent['id']}", {"expand": [path]})

        assert (400, f"This property cannot be expanded ({path}).") == (
            response.status,
            response.body["error"]["message"],
        )


class TestACustomer:
    def test_may_be_described_and_found_by_email(self, shop: Shop) -> None:
        made = shop.post("customers", {"email": "a@example.com", "metadata": {"a": "1"}}).body
        shop.post("customers")

        shop.post(f"customers/{made['id']}", {"name": "Ada", "metadata": {"b": "2"}})

        read = shop.read(f"customers/{made['id']}")
        assert ("a@example.com", "Ada", {"a": "1", "b": "2"}) == (
            read["email"],
            read["name"],
            read["metadata"],
        )
        assert [made["id"]] == ids(shop, "customers", email="a@example.com")

    def test_that_is_deleted_says_so_and_takes_no_more_writes(self, shop: Shop) -> None:
        id_ = shop.post("customers").body["id"]
        path = f"/v1/customers/{id_}"

        deleted = shop.account.request(method="DELETE", path=path, auth="sk_test_dev")

        gone = {"id": id_, "object": "customer", "deleted": True}
        writes = [
            shop.post(f"customers/{id_}", {"name": "Ada"}),
            shop.account.request(method="DELETE", path=path, auth="sk_test_dev"),
            shop.post("payment_intents", {"amount": 1000, "currency": "usd", "customer": id_}),
        ]
        assert (gone, gone) == (deleted.body, shop.read(f"customers/{id_}"))
        assert ["resource_missing"] * 3 == [write.body["error"]["code"] for write in writes]
        assert [] == ids(shop, "customers")
        assert "customer.deleted" == shop.events()[-1]


class TestAPaymentMethod:
    def test_is_used_up_by_a_payment_without_a_customer(self, shop: Shop) -> None:
        method = shop.post("payment_methods", card()).body["id"]
        shop.confirm(shop.create(), payment_method=method)

        again = shop.post(
            "payment_intents", {"amount": 1000, "currency": "usd", "payment_method": method}
        )

        assert 400 == again.status
        assert "It may not be used again." in again.body["error"]["message"]

    def test_is_not_used_up_by_a_decline(self, shop: Shop) -> None:
        method = shop.post("payment_methods", card("4000000000000341")).body["id"]

        answers = [shop.confirm(shop.create(), payment_method=method).status for _ in range(2)]

        assert [402, 402] == answers

    def test_put_on_two_intents_pays_one(self, shop: Shop) -> None:
        method = shop.post("payment_methods", card()).body["id"]
        intents = [shop.create(payment_method=method) for _ in range(2)]

        assert [200, 400] == [shop.confirm(intent).status for intent in intents]

    def test_is_saved_by_a_payment_that_says_so(self, shop: Shop) -> None:
        customer = shop.post("customers").body["id"]
        method = shop.post("payment_methods", card()).body["id"]
        first = shop.create(customer=customer, setup_future_usage="off_session")
        shop.confirm(first, payment_method=method)

        again = shop.confirm(
            shop.create(customer=customer), payment_method=method, off_session=True
        )

        assert "succeeded" == again.body["status"]
        assert customer == shop.read(f"payment_methods/{method}")["customer"]
        assert 1 == shop.events().count("payment_method.attached")

    @pytest.mark.parametrize("with_customer", [True, False])
    def test_of_a_customer_pays_for_nobody_else(self, shop: Shop, *, with_customer: bool) -> None:
        owner, other = (shop.post("customers").body["id"] for _ in range(2))
        method = shop.post("payment_methods", card()).body["id"]
        saving = shop.create(customer=owner, setup_future_usage="off_session")
        shop.confirm(saving, payment_method=method)
        asked = {"customer": other} if with_customer else {}

        response = shop.confirm(shop.create(**asked), payment_method=method)

        error = response.body["error"]
        assert (400, "payment_method" if with_customer else "source") == (
            response.status,
            error["param"],
        )
        assert ("does not belong to" if with_customer else "belongs to") in error["message"]
        assert method in error["message"]
