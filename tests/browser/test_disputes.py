"""A dispute answered in a real browser, from the front page to the bank."""

import time
from collections.abc import Callable
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from markethub.domain.dispute import Dispute, DisputeStatus
from markethub.domain.ids import CustomerId, DisputeId, OrderId
from markethub.domain.money import Currency
from markethub.domain.order import Cart, Line
from markethub.domain.ports.disputes import DisputeFilter
from markethub.domain.usecases.charge_order import ChargeOrderCommand
from markethub.domain.usecases.register_order import RegisterOrderCommand
from markethub.entrypoints.setting_values import Role
from tests.browser.server import OPS_SECRETS, Server

DISPUTED_CARD: Final = "4000000000000259"
PDF: Final = b"%PDF-1.7 a receipt"
HEARD_S_MAXIMUM: Final = 20.0


async def pay(server: Server) -> None:
    """Let a customer pay an order with the card that is disputed at once."""
    container = server.container
    line = Line(sku="tea", title="Tea", unit_price=5000, quantity=1)
    cart = Cart(customer_id=CustomerId("c-1"), currency=Currency.of("usd"), lines=(line,))
    await container.register_order()(RegisterOrderCommand(order_id=OrderId("o-1"), cart=cart))
    started = await container.charge_order()(ChargeOrderCommand(order_id=OrderId("o-1")))
    card = {"number": DISPUTED_CARD, "exp_month": 12, "exp_year": 2030, "cvc": "123"}
    answer = container.account().request(
        method="POST",
        path=f"/v1/payment_intents/{started.payment.intent_id}/confirm",
        params={
            "client_secret": started.client_secret.reveal(),
            "payment_method_data": {"type": "card", "card": card},
        },
        auth=server.container.settings().stripe_publishable_key,
    )
    assert 200 == answer.status


def disputes(server: Server) -> list[Dispute]:
    queries = server.container.dispute_queries()
    return list(server.run(queries.disputes(DisputeFilter())).items)


@pytest.fixture
def dispute(server: Server) -> Dispute:
    """A dispute that the worker has heard of."""
    server.run(pay(server))
    give_up_at = time.monotonic() + HEARD_S_MAXIMUM
    while not disputes(server):
        assert time.monotonic() < give_up_at, "nobody heard of the dispute"
        time.sleep(0.05)
    return disputes(server)[0]


def now(server: Server, id: DisputeId) -> Dispute:
    [found] = [each for each in disputes(server) if each.id == id]
    return found


def sign_in(page: Page, role: Role, path: str) -> None:
    page.goto(f"/ops/sign-in?next={path}")
    page.get_by_label("Your ops key").fill(OPS_SECRETS[role])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**{path}")


def test_a_dispute_is_answered_from_the_front_page_to_the_bank(
    page: Page,
    server: Server,
    dispute: Dispute,
) -> None:
    sign_in(page, Role.SUPPORT, "/ops")
    page.get_by_role("link", name="1 dispute needs a response").click()
    page.get_by_role("table").get_by_role("link", name="dsp_").click()

    told = page.get_by_label("Anything else the bank should know")
    told.fill("Delivered and signed for.")
    expect(page.locator("[data-count-all]")).to_have_text("25")
    page.get_by_role("button", name="Keep the texts").click()
    expect(page.get_by_role("status")).to_contain_text("The texts are kept.")

    page.get_by_label("What it shows").select_option("Receipt")
    file = {"name": "receipt.pdf", "mimeType": "application/pdf", "buffer": PDF}
    page.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]  # a FilePayload
    page.get_by_role("button", name="Attach").click()
    expect(page.get_by_role("status")).to_contain_text("The file is uploaded")

    page.get_by_role("link", name="Submit the evidence…").click()
    expect(page.get_by_text("Delivered and signed for.")).to_be_visible()
    page.get_by_role("button", name="Submit it, for good").dblclick()
    expect(page.get_by_role("status")).to_contain_text("The evidence is submitted.")
    page.reload()

    answered = now(server, dispute.id)
    assert 1 == answered.submission_count
    assert answered.status in (DisputeStatus.UNDER_REVIEW, DisputeStatus.WON, DisputeStatus.LOST)
    expect(page.get_by_role("button", name="Keep the texts")).to_have_count(0)


def test_who_may_concede_is_asked_first_and_loses_the_money(
    page: Page,
    server: Server,
    dispute: Dispute,
) -> None:
    sign_in(page, Role.REFUNDER, f"/ops/disputes/{dispute.id}")
    page.get_by_role("link", name="Accept the dispute…").click()
    expect(page.get_by_text("This concedes the money, for good.")).to_be_visible()
    page.get_by_role("button", name="Concede 50.00 USD").click()

    expect(page.get_by_role("status")).to_contain_text("The dispute is conceded.")
    assert DisputeStatus.LOST is now(server, dispute.id).status


def test_a_viewer_reads_a_dispute_and_is_offered_nothing(
    page: Page, dispute: Dispute, axe: Callable[[Page], None]
) -> None:
    sign_in(page, Role.VIEWER, f"/ops/disputes/{dispute.id}")
    axe(page)

    expect(page.get_by_role("heading", name="Its story")).to_be_visible()
    expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)
