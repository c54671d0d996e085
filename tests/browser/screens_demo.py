"""Pictures of the demo shop."""

from typing import Final

from playwright.sync_api import expect

from markethub.domain.ids import CustomerId, OrderId
from markethub.entrypoints.demo.router import PREFIX
from markethub.entrypoints.demo.session import COOKIE, Session, SessionSeal
from tests.browser.checkout import Customer
from tests.browser.screens import PHONE, Screen, Stage


def _known(stage: Stage) -> Customer:
    """Be a customer whose order has a number of its own, and not a drawn one."""
    seal = SessionSeal(stage.server.container.settings().encryption_keys[0])
    session = Session(
        customer_id=CustomerId("demo-ada"), order_id=OrderId("demo-1042"), cart={"sencha": 2}
    )
    stage.page.context.add_cookies(
        [{"name": COOKIE, "value": seal.close(session), "domain": "127.0.0.1", "path": PREFIX}]
    )
    return Customer(stage.page, stage.server, total="$105.90")


def _shop(stage: Stage) -> None:
    _known(stage)
    stage.page.goto("/demo/")


def _checkout(stage: Stage) -> None:
    customer = _known(stage)
    customer.go_to_checkout()
    customer.choose("Visa")


def _declined(stage: Stage) -> None:
    customer = _known(stage)
    customer.go_to_checkout()
    customer.pay_with("Insufficient funds")
    expect(customer.alert).to_be_visible()


def _challenge(stage: Stage) -> None:
    customer = _known(stage)
    customer.go_to_checkout()
    customer.pay_with("3-D Secure")
    expect(customer.challenge.get_by_role("button", name="Complete")).to_be_enabled()
    frame = stage.page.locator("dialog iframe")
    expect(frame).not_to_have_css("height", "380px")  # which it has before it was measured


def _paid(stage: Stage) -> None:
    customer = _known(stage)
    customer.go_to_checkout()
    customer.pay_with("Visa")
    customer.expect_paid("You have paid $105.90")


SCREENS: Final = (
    Screen(name="demo-shop", show=_shop),
    Screen(name="demo-checkout", show=_checkout),
    Screen(name="demo-checkout-phone", show=_declined, size=PHONE),
    Screen(name="demo-challenge-dark", show=_challenge, dark=True),
    Screen(name="demo-paid", show=_paid),
)
