"""Customers and staff over HTTP: they lose their connection, ask again, and go on."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final

import attrs
import httpx
import msgspec

from markethub.entrypoints.setting_values import DEV_OPS_SECRET, DEV_STOREFRONT_SECRET

PATIENCE: Final = 60
"""How often somebody tries whom nobody answers."""
PAUSE_S: Final = 0.1
TIMEOUT_S: Final = 8.0
CARDS: Final = ("4242424242424242",) * 6 + ("4000000000000002",)
SHOP: Final = {"Authorization": f"Bearer {DEV_STOREFRONT_SECRET.reveal()}"}
STAFF: Final = {"Authorization": f"Bearer {DEV_OPS_SECRET.reveal()}"}
CURRENCIES: Final = ("usd", "eur", "jpy")


@attrs.define
class Memory:
    """What people remember of what they were told."""

    asked: int = 0
    """Requests that were answered in the end."""
    tries: int = 0
    """All that were sent, also those that nobody answered."""
    given_up: int = 0
    statuses: Counter[int] = attrs.field(factory=Counter)
    failed: dict[str, str] = attrs.field(factory=dict)
    """Payments that somebody was told to have failed for good, and how."""
    paid: dict[str, str] = attrs.field(factory=dict)
    """Payments that somebody was told to have succeeded."""
    refunds: dict[str, int] = attrs.field(factory=dict)
    """Refunds that staff were promised, and their amounts."""
    wrong: list[str] = attrs.field(factory=list)
    """Answers that must never be."""


class GaveUp(Exception):
    """Nobody answered for so long that somebody went away."""


class People:
    """Everybody who uses the shop. ``open_at`` says how many wait for an answer, of whom."""

    def __init__(self, servers: Sequence[str], stripe_url: str, *, dice: Random) -> None:
        """Use whichever of ``servers`` is there."""
        self.memory = Memory()
        self.open_at: Counter[str] = Counter()
        self._servers = servers
        self._stripe = stripe_url.removesuffix("/fake-stripe")
        self._dice = dice
        self._orders = itertools.count()
        self._keys = itertools.count()
        self.is_over = False

    async def live(self, http: httpx.AsyncClient) -> None:
        """Come, buy, and ask for the money back, until it is over."""
        while not self.is_over:
            try:
                await self._story(http)
            except GaveUp:
                self.memory.given_up += 1

    async def _story(self, http: httpx.AsyncClient) -> None:
        number = next(self._orders)
        order_id = f"order-{number}"
        lines = [{"sku": "tea", "title": "Tea", "unit_price": 500 + number % 97, "quantity": 2}]
        order = {
            "customer_id": f"c-{number % 5}",
            "currency": CURRENCIES[number % 3],
            "lines": lines,
        }
        await self._ask(http, "PUT", f"/api/orders/{order_id}/", body=order)
        charge = {"save_method": True} if self._dice.random() < 0.1 else {}
        clicks = 2 if self._dice.random() < 0.3 else 1
        answers = await asyncio.gather(
            *(
                self._ask(
                    http, "POST", f"/api/stripe/create-payment-intent/{order_id}/", body=charge
                )
                for _ in range(clicks)
            )
        )
        started = next((answer for answer in answers if answer is not None), None)
        if started is None or started.get("payment_intent_id") is None:
            return
        await self._pay(http, started)
        confirmation = {"payment_intent_id": started["payment_intent_id"]}
        confirmed = await self._ask(http, "POST", "/api/stripe/confirm-payment/", body=confirmation)
        if confirmed is None:
            return
        self._hear(started["payment_id"], confirmed["status"])
        if confirmed["status"] == "succeeded":
            for _ in range(self._dice.choice((0, 1, 2))):
                await self._refund(http, started["payment_id"], started["amount"])

    async def _pay(self, http: httpx.AsyncClient, started: Mapping[str, Any]) -> None:
        await http.post(
            f"{self._stripe}/v1/payment_intents/{started['payment_intent_id']}/confirm",
            headers={"Authorization": "Bearer pk_test_dev"},
            data={
                "client_secret": started["client_secret"],
                "payment_method_data[type]": "card",
                "payment_method_data[card][number]": self._dice.choice(CARDS),
                "payment_method_data[card][exp_month]": "12",
                "payment_method_data[card][exp_year]": "2034",
            },
        )

    async def _refund(self, http: httpx.AsyncClient, payment_id: str, total: int) -> None:
        amount = max(1, int(total * self._dice.random() * 0.8))
        key = f"key-{next(self._keys)}"
        refund = await self._ask(
            http,
            "POST",
            f"/api/payments/{payment_id}/refunds/",
            body={"amount": amount},
            key=key,
            headers=STAFF,
        )
        if refund is not None:
            self.memory.refunds[refund["id"]] = refund["amount"]

    def _hear(self, payment_id: str, status: str) -> None:
        if status == "succeeded":
            self.memory.paid[payment_id] = status
        elif status in ("canceled", "failed"):
            self.memory.failed[payment_id] = status

    async def _ask(
        self,
        http: httpx.AsyncClient,
        method: str,
        path: str,
        *,
        body: object,
        key: str | None = None,
        headers: Mapping[str, str] = SHOP,
    ) -> dict[str, Any] | None:
        """Ask until somebody answers for good; None for a refusal. Raises GaveUp."""
        content = msgspec.json.encode(body)
        sent = {**headers, "Content-Type": "application/json"}
        if key is not None:
            sent["Idempotency-Key"] = key
        answer = await self._answer(http, method, path, content, sent)
        if key is not None and answer.is_success and self._dice.random() < 0.5:
            again = await self._answer(http, method, path, content, sent)
            if (again.status_code, again.content) != (answer.status_code, answer.content):
                self.memory.wrong.append(
                    f"I10 key {key} was answered {answer.status_code} {answer.text}, and then "
                    f"{again.status_code} {again.text}"
                )
        if not answer.is_success:
            return None
        document: dict[str, Any] = answer.json()
        return document

    async def _answer(
        self,
        http: httpx.AsyncClient,
        method: str,
        path: str,
        content: bytes,
        headers: Mapping[str, str],
    ) -> httpx.Response:
        for _ in range(PATIENCE):
            server = self._dice.choice(self._servers)
            self.memory.tries += 1
            self.open_at[server] += 1
            try:
                answer = await http.request(
                    method, server + path, content=content, headers=headers, timeout=TIMEOUT_S
                )
            except httpx.HTTPError:
                answer = None
            finally:
                self.open_at[server] -= 1
            if answer is not None and not _is_passing(answer):
                self.memory.asked += 1
                self.memory.statuses[answer.status_code] += 1
                if answer.status_code >= 500:
                    self.memory.wrong.append(f"{method} {path}: {answer.status_code} {answer.text}")
                return answer
            await asyncio.sleep(PAUSE_S * (1 + self._dice.random()))
        raise GaveUp


def _is_passing(answer: httpx.Response) -> bool:
    """Tell whether one is to ask again: busy, in flight, or the gateway is out of reach."""
    if answer.status_code in (429, 502, 503, 504):
        return True
    return answer.status_code == 409 and "Retry-After" in answer.headers
