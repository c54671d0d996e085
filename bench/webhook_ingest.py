"""Webhook accepts per second on PostgreSQL, as a share of the same insert in pgbench.

One run measures both, by turns, on the same server with fsync on, with 32 connections each:
pgbench sends a prepared INSERT of an event of 2.6 KB and commits; our server verifies the
signature, stores the event and answers 2xx once it is committed. Load generator, server and
database share the machine. Afterwards every acknowledged event must be in the table, once.
"""

import asyncio
import hashlib
import hmac
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

sys.path.insert(0, str(Path(__file__).parents[1]))

from markethub.adapters.crypto import AesGcmCipher
from markethub.adapters.sqlalchemy.store import SqlStore
from markethub.domain.secret import Secret
from tests.support.postgres import binaries_folder, running_postgres
from tests.support.processes import announced, started_markethub

CONNECTIONS = 32
EVENTS = 6000
FLOOR_S = 5
ROUNDS = 3
PAYLOAD_BYTES = 2600

_INSERT = r"""
\set number random(1, 1000000000000000)
INSERT INTO inbox (id, type, livemode, created_at, api_version, payload, status, reason, attempts,
                   next_attempt_at, received_at, updated_at)
VALUES ('evt_floor_' || :client_id || '_' || :number, 'charge.updated', false, now(),
        '2026-10-28.endive', '{payload}', 'pending', NULL, 0, now(), now(), now())
ON CONFLICT DO NOTHING;
"""


def event_body(number: int) -> bytes:
    """Return a unique event of about 2.6 KB."""
    charge = {"id": f"ch_{number}", "object": "charge", "description": ""}
    event = {
        "id": f"evt_bench_{number:08d}",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": 1_790_000_000,
        "livemode": False,
        "type": "charge.updated",
        "data": {"object": charge},
    }
    charge["description"] = "x" * (PAYLOAD_BYTES - len(json.dumps(event)))
    return json.dumps(event).encode()


def request(body: bytes, *, at: int) -> bytes:
    """Return the whole HTTP request, signed."""
    digest = hmac.new(b"whsec_dev", f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    head = (
        "POST /api/stripe/webhook/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"Stripe-Signature: t={at},v1={digest}\r\n\r\n"
    )
    return head.encode() + body


async def send_all(url: str, requests: Sequence[bytes]) -> tuple[float, list[float]]:
    """Send over 32 connections; return seconds in all and per request. Every answer is a 200."""
    waiting = iter(requests)
    latencies: list[float] = []

    async def client() -> None:
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        for each in waiting:
            begun = time.perf_counter()
            writer.write(each)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = re.search(rb"content-length: (\d+)", head)
            assert length is not None
            await reader.readexactly(int(length[1]))
            latencies.append(time.perf_counter() - begun)
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
    return time.perf_counter() - begun, latencies


def floor(url: str, script: Path) -> float:
    """Return inserts per second of pgbench."""
    parts = urlsplit(url)
    done = subprocess.run(  # noqa: S603 - pgbench of the wheel, with our own arguments
        [
            *(str(binaries_folder() / "pgbench"), "--no-vacuum", "--protocol=prepared"),
            *("-h", str(parts.hostname), "-p", str(parts.port), "-U", str(parts.username)),
            *("-c", str(CONNECTIONS), "-j", "2", "-T", str(FLOOR_S), "-f", str(script)),
            parts.path.lstrip("/"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    rate = re.search(r"tps = ([\d.]+)", done.stdout)
    assert rate is not None, done.stdout
    return float(rate[1])


async def count(url: str, prefix: str) -> int:
    """Count the stored events whose id begins so."""
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetchval(
            "SELECT count(*) FROM inbox WHERE id LIKE $1", f"{prefix}%"
        )
    finally:
        await connection.close()
    return int(found)


async def migrate(url: str) -> None:
    """Make the tables."""
    store = SqlStore(url, cipher=AesGcmCipher([Secret("x" * 32)]))
    await store.upgrade()
    await store.close()


def main() -> None:
    """Measure by turns and print the best of each, and their ratio."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_postgres(fsync=True) as server,
        server.database() as name,
    ):
        url = server.url_of(name)
        asyncio.run(migrate(url))
        script = Path(folder) / "insert.sql"
        script.write_text(_INSERT.replace("{payload}", "x" * PAYLOAD_BYTES))
        settings = {
            "DATABASE_URL": url,
            "MARKETHUB_PORT": "0",
            "MARKETHUB_EMBEDDED_WORKER": "false",
            "MARKETHUB_LOG_LEVEL": "WARNING",
        }
        floors, rates, latencies, sent = [], [], [], 0
        with started_markethub(
            "--json", "serve", folder=Path(folder), settings=settings
        ) as process:
            address = announced(process)["url"]
            for _ in range(ROUNDS):
                floors.append(floor(url, script))
                at = int(time.time())  # noqa: TID251 - the server compares it with its own clock
                batch = [request(event_body(sent + n), at=at) for n in range(EVENTS)]
                seconds, each = asyncio.run(send_all(address, batch))
                sent += EVENTS
                rates.append(EVENTS / seconds)
                latencies += each
        stored = asyncio.run(count(url, "evt_bench_"))
        assert stored == sent, f"{sent} acknowledged, {stored} stored"
    latencies.sort()
    p99 = latencies[int(len(latencies) * 0.99)] * 1000
    best_floor, best = max(floors), max(rates)
    print("| what | per second | share of pgbench |")
    print("|---|---|---|")
    print(
        f"| pgbench, prepared insert of 2.6 KB, {CONNECTIONS} clients | {best_floor:.0f} | 1.00 |"
    )
    print(
        f"| webhook over HTTP, {CONNECTIONS} connections, p99 {p99:.0f} ms | {best:.0f} "
        f"| {best / best_floor:.2f} |"
    )
    print(f"\n{sent} events acknowledged, {stored} stored, each once.")


if __name__ == "__main__":
    main()
