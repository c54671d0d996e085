"""The simulated Stripe in a process of its own: ``python -m tests.kills.provider``.

Nobody kills it. It keeps its books in a file of its own, is reached through its door alone, and
brings its events to our servers by HTTP, each until it is acknowledged. It ends when its standard
input does.
"""

import asyncio
import json
import logging
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from random import Random
from typing import Any, Final

import attrs
import httpx
import msgspec
from litestar import get
from litestar import post as posted

from markethub.adapters.fake.account import Account, AccountOptions
from markethub.adapters.fake.signing import signature_header
from markethub.adapters.fake_store import SqliteAccountStore
from markethub.entrypoints.setting_values import DEV_WEBHOOK_SECRET
from tests.support.door import open_door
from tests.support.moody import MoodyAccount
from tests.support.processes import speaking

POST: Final = "/kills/post"
"""Beside Stripe's API: how its deliveries stand."""
CALM: Final = "/kills/calm"
"""Ends its bad days: what heals is looked at without them."""
HANDS: Final = 8
"""So many deliveries are under way at a time."""
TICK_S: Final = 0.02
LEASE_S: Final = 2
"""What is not acknowledged by then is brought again, maybe to another server."""
TWICE: Final = 0.1
"""How many events are brought twice."""


@attrs.define
class _Mailman:
    """Brings events to whichever server is there."""

    account: Account
    servers: Sequence[str]
    dice: Random
    acknowledged: dict[str, None] = attrs.field(factory=dict)
    under_way: int = 0

    async def work(self, http: httpx.AsyncClient) -> None:
        """Bring what is there, for as long as the process lives."""
        while True:
            claimed = self.account.claim_undelivered(1, lease_s=LEASE_S)
            if not claimed:
                await asyncio.sleep(TICK_S)
                continue
            self.under_way += 1
            try:
                for event in claimed:
                    await self._bring(http, event)
            finally:
                self.under_way -= 1

    async def _bring(self, http: httpx.AsyncClient, event: Any) -> None:
        body = msgspec.json.encode(event)
        for _ in range(2 if self.dice.random() < TWICE else 1):
            header = signature_header(body, secret=DEV_WEBHOOK_SECRET, at=int(time.time()))
            with suppress(httpx.HTTPError):
                answer = await http.post(
                    f"{self.dice.choice(self.servers)}/api/stripe/webhook/",
                    content=body,
                    headers={"Stripe-Signature": header, "Content-Type": "application/json"},
                )
                if answer.is_success:
                    self.acknowledged[event["id"]] = None
                    self.account.mark_delivered(event["id"])


async def serve(books: Path, servers: Sequence[str]) -> None:
    """Serve until standard input ends; the address is the first line of standard output."""
    dice = Random("provider")  # noqa: S311 - dice, not secrets
    account = MoodyAccount(
        dice,
        store=SqliteAccountStore(books),
        options=AccountOptions(seed="kills", start=int(time.time()) - 1, delay_s=0),
    )
    mailman = _Mailman(account, servers, dice)

    @get(POST, sync_to_thread=False)
    def post() -> dict[str, Any]:
        return {
            "acknowledged": list(mailman.acknowledged),
            "waiting": len(account.undelivered(1)) + mailman.under_way,
        }

    @posted(CALM, sync_to_thread=False)
    def become_calm() -> None:
        account.become_calm()

    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ended.set)
    async with open_door(account, post, become_calm) as url, httpx.AsyncClient(timeout=10) as http:
        hands = [asyncio.create_task(mailman.work(http)) for _ in range(HANDS)]
        sys.stdout.write(json.dumps(url) + "\n")
        sys.stdout.flush()
        while not ended.is_set():
            account.advance(int(time.time()))
            await asyncio.sleep(TICK_S)
        for hand in hands:
            hand.cancel()


def running_provider(books: Path, servers: Sequence[str]) -> AbstractContextManager[str]:
    """Start the process, yield its address as ``stripe_api_base`` wants it, and end it."""
    return speaking("tests.kills.provider", str(books), *servers)


if __name__ == "__main__":
    logging.disable(logging.INFO)
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2:]))
