"""The simulated Stripe in a process of its own: ``python -m tests.storm.provider``.

It keeps its books where none of ours can reach them but through its door. Now and then it does
what Stripe does on bad days. It ends when its standard input does.
"""

import asyncio
import json
import logging
import sys
import time
from contextlib import AbstractContextManager
from random import Random
from typing import Final

from litestar import get, post

from markethub.adapters.fake.account import AccountOptions
from markethub.adapters.fake.store import DictStore, JsonObject
from tests.support.door import open_door
from tests.support.moody import MoodyAccount
from tests.support.processes import speaking

DOOR: Final = "/fake-stripe"
"""Where Stripe's API begins."""
UNDELIVERED: Final = "/storm/undelivered"
"""Beside Stripe's API: takes events that nobody delivered yet, as Stripe's own sender would."""
CALM: Final = "/storm/calm"
"""Ends the bad days."""
LEASE_S: Final = 3600
"""Whoever takes an event delivers it, or it is fetched in the end."""
TICK_S: Final = 0.05


async def serve() -> None:
    """Serve until standard input ends; the address is the first line of standard output."""
    account = MoodyAccount(
        Random("storm"),  # noqa: S311 - dice, not secrets
        store=DictStore(),
        options=AccountOptions(seed="storm", start=int(time.time()) - 1, delay_s=0),
    )

    @get(UNDELIVERED, sync_to_thread=False)
    def undelivered(limit: int) -> list[JsonObject]:
        claimed = account.claim_undelivered(limit, lease_s=LEASE_S)
        for event in claimed:
            account.mark_delivered(event["id"])
        return list(claimed)

    @post(CALM, sync_to_thread=False)
    def become_calm() -> None:
        account.become_calm()

    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ended.set)
    async with open_door(account, undelivered, become_calm) as url:
        sys.stdout.write(json.dumps(url) + "\n")
        sys.stdout.flush()
        while not ended.is_set():
            account.advance(int(time.time()))
            await asyncio.sleep(TICK_S)


def running_provider() -> AbstractContextManager[str]:
    """Start the process, yield its address as ``stripe_api_base`` wants it, and end it."""
    return speaking("tests.storm.provider")


if __name__ == "__main__":
    logging.disable()
    asyncio.run(serve())
