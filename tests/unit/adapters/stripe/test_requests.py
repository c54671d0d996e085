"""What we send to Stripe is what its own types allow."""

from datetime import UTC, datetime
from urllib.parse import urlencode

import attrs
import pytest
from stripe._encode import _api_encode

from markethub.adapters.stripe import requests
from markethub.domain.errors import NotFound
from markethub.domain.ids import IntentId, PaymentId, ProviderCustomerId, RefundId
from markethub.domain.money import Money
from markethub.domain.operation import (
    CancelIntent,
    CaptureIntent,
    ConfirmIntent,
    CreateIntent,
    ProviderRequest,
    RefundIntent,
    UpdateIntent,
)
from markethub.domain.secret import Secret
from tests.support.stripe_params import problems

INTENT = IntentId("pi_1")
FIVE = Money.of(500, "usd")
CREATE = CreateIntent(
    payment_id=PaymentId("pay_1"),
    order_id="o-1",
    customer_id="c-1",
    amount=FIVE,
    manual_capture=False,
)
AT = datetime(2026, 11, 2, 9, 0, 0, 900_000, tzinfo=UTC)


def test_creating_an_intent_says_how_it_is_captured_and_whose_it_is() -> None:
    expected = ProviderRequest(
        method="POST",
        path="/v1/payment_intents",
        params={
            "amount": 500,
            "currency": "usd",
            "capture_method": "automatic",
            "automatic_payment_methods": {"enabled": True},
            "metadata": {
                "markethub_payment_id": "pay_1",
                "markethub_order_id": "o-1",
                "markethub_customer_id": "c-1",
            },
            "expand": ["latest_charge.balance_transaction"],
        },
    )

    assert expected == requests.render(CREATE)


@pytest.mark.parametrize(
    ("ours", "told"),
    [
        ("requested_by_customer", {"reason": "requested_by_customer"}),
        ("duplicate", {"reason": "duplicate"}),
        ("fraud_suspected", {}),
        ("item_unavailable", {}),
        ("goodwill", {}),
        ("other", {}),
    ],
)
def test_a_refund_never_calls_its_customer_fraudulent(ours: str, told: dict[str, str]) -> None:
    expected = ProviderRequest(
        method="POST",
        path="/v1/refunds",
        params={
            "payment_intent": "pi_1",
            "amount": 500,
            **told,
            "metadata": {
                "markethub_refund_id": "ref_1",
                "markethub_payment_id": "pay_1",
                "markethub_refund_reason": ours,
            },
            "expand": ["balance_transaction", "failure_balance_transaction"],
        },
    )
    asked = RefundIntent(
        intent_id=INTENT,
        refund_id=RefundId("ref_1"),
        payment_id=PaymentId("pay_1"),
        amount=FIVE,
        reason=ours,
    )

    assert expected == requests.render(asked)


def test_an_intent_for_a_saved_method_says_whose_it_is_and_that_no_browser_comes_back() -> None:
    request = requests.render(
        attrs.evolve(
            CREATE,
            provider_customer_id=ProviderCustomerId("cus_1"),
            method=Secret("pm_1"),
            saves_method=True,
            allows_redirects=False,
        )
    )

    assert {
        "customer": "cus_1",
        "payment_method": "pm_1",
        "setup_future_usage": "off_session",
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    }.items() <= request.params.items()


@pytest.mark.parametrize(("saves", "usage"), [(True, "off_session"), (False, "")])
def test_an_update_says_whether_the_method_is_saved(*, saves: bool, usage: str) -> None:
    update = UpdateIntent(intent_id=INTENT, amount=FIVE, saves_method=saves)

    assert usage == requests.render(update).params["setup_future_usage"]


@pytest.mark.parametrize(
    ("off_session", "how"), [(True, {"off_session": True}), (False, {"use_stripe_sdk": True})]
)
def test_a_confirmation_says_whether_the_customer_is_there(
    *, off_session: bool, how: dict[str, bool]
) -> None:
    confirm = ConfirmIntent(intent_id=INTENT, method=Secret("pm_1"), off_session=off_session)
    request = requests.render(confirm)

    assert "/v1/payment_intents/pi_1/confirm" == request.path
    assert {"payment_method": "pm_1", **how} == {
        name: value for name, value in request.params.items() if name != "expand"
    }


def test_a_token_in_a_request_is_not_printed() -> None:
    confirm = ConfirmIntent(intent_id=INTENT, method=Secret("pm_1"), off_session=True)

    assert "pm_1" not in f"{confirm!r}{requests.render(confirm)!r}"


def test_an_update_changes_the_amount_and_nothing_else() -> None:
    request = requests.render(UpdateIntent(intent_id=INTENT, amount=FIVE))

    assert request.path == "/v1/payment_intents/pi_1"
    assert set(request.params) - {"expand"} == {"amount"}


def test_a_cancelation_without_a_reason_sends_none() -> None:
    request = requests.render(CancelIntent(intent_id=INTENT))

    assert request.path == "/v1/payment_intents/pi_1/cancel"
    assert set(request.params) == {"expand"}


def test_a_list_begins_no_later_than_it_was_asked_to() -> None:
    request = requests.list_intents(created_from=AT)

    assert request.params["created"] == {"gte": int(AT.timestamp())}


@pytest.mark.parametrize("impossible", ["", "pi_1/capture", "../x", "pi_1?x=1", "pi 1", "pi_\n"])
def test_an_id_that_would_address_something_else_is_not_found(impossible: str) -> None:
    with pytest.raises(NotFound):
        requests.read_intent(IntentId(impossible))


@pytest.mark.parametrize(
    "request_",
    [
        requests.render(CREATE),
        requests.render(UpdateIntent(intent_id=INTENT, amount=FIVE)),
        requests.render(CaptureIntent(intent_id=INTENT, amount=FIVE)),
        requests.render(CancelIntent(intent_id=INTENT)),
        requests.render(CancelIntent(intent_id=INTENT, reason="abandoned")),
        requests.read_intent(INTENT),
        requests.list_intents(created_from=AT),
        requests.list_intents(created_from=AT, starting_after="pi_9"),
        requests.read_account(),
    ],
    ids=lambda request: f"{request.method} {request.path}",
)
def test_every_request_fits_stripes_own_types(request_: ProviderRequest) -> None:
    form = urlencode(list(_api_encode(request_.params)))

    assert [] == problems(request_.method, request_.path, form)


class TestTheWitness:
    """It must refuse what Stripe refuses, or its silence says nothing."""

    @pytest.mark.parametrize(
        ("path", "form", "complaint"),
        [
            ("", "amount=1&currency=usd&colour=red", "request.colour: unknown"),
            (
                "",
                "amount=1&currency=usd&automatic_payment_methods[enabled]=true&automatic_payment_methods[x]=1",
                "request.automatic_payment_methods.x: unknown",
            ),
            ("", "currency=usd", "request.amount: missing"),
            ("", "amount=ten&currency=usd", "request.amount: 'ten' is no int"),
            ("", "amount=1&currency=usd&payment_method_types[0]=card", "unknown"),
            ("", "amount=1&currency=usd&capture_method=later", "'later' is none of"),
            ("/pi_1/cancel", "cancellation_reason=boredom", "'boredom' is none of"),
            ("/pi_1/cancel", "expand=latest_charge", "request.expand: is no list"),
            ("/pi_1/explode", "", "is no method of Stripe's"),
        ],
    )
    def test_refuses_what_stripe_refuses(self, path: str, form: str, complaint: str) -> None:
        found = problems("POST", f"/v1/payment_intents{path}", form)

        assert len(found) == 1
        assert complaint in found[0]
