"""What a customer does in the demo shop, in the browser."""

from typing import Any

import attrs
from playwright.sync_api import Locator, Page, expect

from tests.browser.server import Server

_REMEMBER = """() => {
  if (window !== window.top) return;
  const said = JSON.parse(sessionStorage.getItem("said") ?? "[]");
  const look = () => {
    for (const place of document.querySelectorAll("#status, #error")) {
      if (place.hidden || !place.textContent || said.at(-1) === place.textContent) continue;
      said.push(place.textContent);
      sessionStorage.setItem("said", JSON.stringify(said));
    }
  };
  new MutationObserver(look).observe(document, {
    subtree: true, childList: true, characterData: true, attributes: true,
  });
}"""


@attrs.define(slots=False)
class Customer:
    """Somebody who buys a teapot (64.00 and shipping: 68.90 USD)."""

    page: Page
    server: Server
    total: str = "$68.90"
    _earlier: set[str] = attrs.field(factory=set, init=False)

    def __attrs_post_init__(self) -> None:
        self.page.add_init_script(f"({_REMEMBER})()")
        self._earlier = {charge["id"] for charge in self._charges()}

    def shop(self) -> None:
        """Put a teapot into the cart, order, and wait for the card fields."""
        self.page.goto("/demo/")
        self.page.get_by_role("button", name="Add to cart: Stoneware teapot").click()
        self.page.get_by_role("button", name="Check out").click()
        expect(self.pay_button).to_be_visible()

    def go_to_checkout(self) -> None:
        """Be at the checkout as after ``shop``, without the pages before it."""
        self.page.request.post("/demo/cart", form={"sku": "teapot"})
        ordered = self.page.request.post("/demo/order", max_redirects=0)
        self.page.goto(ordered.headers["location"])
        expect(self.pay_button).to_be_visible()

    @property
    def pay_button(self) -> Locator:
        return self.page.get_by_role("button", name=f"Pay {self.total}")

    @property
    def alert(self) -> Locator:
        return self.page.get_by_role("alert")

    @property
    def status(self) -> Locator:
        return self.page.locator("#status")

    def field(self, label: str) -> Locator:
        return self.page.frame_locator("#card-fields iframe").get_by_label(label)

    def choose(self, card: str) -> None:
        """Click a test card, and wait for its number."""
        button = self.page.locator("#test-cards button").filter(
            has=self.page.locator("span").get_by_text(card, exact=True)
        )
        button.click()
        number = button.locator("code").inner_text()
        expect(self.field("Card number")).to_have_value(number)

    def pay_with(self, card: str) -> None:
        """Click a test card, and pay."""
        self.choose(card)
        self.pay_button.click()

    def save(self, card: str) -> None:
        """Save a test card without paying, and wait until it is listed."""
        self.page.goto("/demo/cards")
        saves = self.page.get_by_role("button", name="Save card")
        expect(saves).to_be_visible()
        self.choose(card)
        saves.click()
        expect(self.page.locator("#saved li")).to_have_count(1)

    def answer_bank(self, name: str) -> None:
        """Press a button of the challenge."""
        self.challenge.get_by_role("button", name=name).click()

    @property
    def challenge(self) -> Any:
        return self.page.frame_locator("dialog iframe")

    @property
    def thanks(self) -> Locator:
        return self.page.get_by_role("heading", name="Thank you, it is paid")

    def expect_paid(self, text: str = "You have paid $68.90") -> None:
        """Wait for the confirmation page."""
        expect(self.thanks).to_be_visible()
        expect(self.page.get_by_text(text)).to_be_visible()

    def read(self) -> list[str]:
        """Return all that the checkout has said so far."""
        said: list[str] = self.page.evaluate("JSON.parse(sessionStorage.getItem('said') ?? '[]')")
        return said

    def charges(self) -> list[tuple[int, bool]]:
        """Return the amount of each charge since they came, and whether it was paid."""
        return [
            (charge["amount"], charge["paid"])
            for charge in self._charges()
            if charge["id"] not in self._earlier
        ]

    def _charges(self) -> list[dict[str, Any]]:
        answer = self.server.container.account().request(
            method="GET", path="/v1/charges", params={"limit": "100"}, auth="sk_test_dev"
        )
        charges: list[dict[str, Any]] = answer.body["data"]
        return charges
