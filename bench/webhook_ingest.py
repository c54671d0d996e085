"""Webhook accepts per second on PostgreSQL, as a share of the same insert in pgbench.

One run measures both, by turns, on the same server with fsync on, at 1, 8, 32 and 128 connections:
pgbench sends a prepared INSERT of an event of 2.6 KB and commits; our server verifies the
signature, stores the event and answers 2xx once it is committed. Load generator, server and
database share the machine. Afterwards every acknowledged event must be in the table, once.
"""

import asyncio
import hashlib
import hmac
import json
import os
import re
import secrets
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import attrs

sys.path.insert(0, str(Path(__file__).parents[1]))

from markethub.adapters.crypto import AesGcmCipher
from markethub.adapters.sqlalchemy.store import SqlStore
from markethub.domain.secret import Secret
from tests.support.postgres import binaries_folder, running_postgres
from tests.support.processes import announced, started_markethub

CONNECTIONS = (1, 8, 32, 128)
SECONDS = 3
ROUNDS = 3
PAYLOAD_BYTES = 2600

_INSERT = r"""
\set number random(1, 1000000000000000)
INSERT INTO inbox ({columns}) VALUES ({values}) ON CONFLICT DO NOTHING;
"""
_VALUES = {
    "id": "'evt_floor_' || :client_id || '_' || :number",
    "type": "'payment_intent.succeeded'",
    "livemode": "false",
    "api_version": "'2026-10-28.endive'",
    "payload": ":payload",
    "subject": "'pi_' || :number",
    "status": "'pending'",
    "attempts": "0",
    "created_at": "now()",
    "next_attempt_at": "now()",
    "received_at": "now()",
    "updated_at": "now()",
}


@attrs.frozen(kw_only=True)
class Measured:
    """What one way of storing did: events per second, and seconds for each."""

    rate: float
    latencies: Sequence[float]
    cpu_s: float
    """Seconds of CPU of our server for each event."""

    def percentile_ms(self, share: float) -> float:
        """Return the milliseconds that a share of the events took at most."""
        return sorted(self.latencies)[int(len(self.latencies) * share)] * 1000


def event_text(number: int) -> str:
    """Return a unique event of about 2.6 KB, with what Stripe's have that costs time."""
    return _TEMPLATE.replace(_NUMBER, f"{number:014d}")


_NUMBER = "<number>"


def _template() -> str:
    intent = {
        "id": f"pi_{_NUMBER}",
        "object": "payment_intent",
        "amount": 5000,
        "amount_received": 5000,
        "automatic_payment_methods": {"allow_redirects": "always", "enabled": True},
        "client_secret": f"pi_{_NUMBER}_secret_{secrets.token_hex(12)}",
        "created": 1_790_000_000,
        "currency": "usd",
        "customer": f"cus_{_NUMBER}",
        "last_payment_error": None,
        "latest_charge": f"ch_{_NUMBER}",
        "livemode": False,
        "metadata": {"order_id": f"order-{_NUMBER}", "payment_id": f"pay_{_NUMBER}"},
        "next_action": None,
        "payment_method": f"pm_{_NUMBER}",
        "payment_method_options": {"card": {"installments": None, "request_three_d_secure": "any"}},
        "payment_method_types": ["card", "link"],
        "status": "succeeded",
        "transfer_data": None,
    }
    event = {
        "id": f"evt_bench_{_NUMBER}",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": 1_790_000_000,
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": f"req_{_NUMBER}", "idempotency_key": secrets.token_hex(16)},
        "type": "payment_intent.succeeded",
        "data": {"object": intent},
    }
    # The rest are random words, as hard to compress as ids are.
    shipping: dict[str, str] = {}
    intent["shipping"] = shipping
    while (size := len(json.dumps(event, indent=2))) < PAYLOAD_BYTES:
        letters = min(24, max(1, (PAYLOAD_BYTES - size) // 2 - 16))
        shipping[secrets.token_hex(8)] = secrets.token_hex(letters)
    return json.dumps(event, indent=2)


_TEMPLATE = _template()


def request(body: bytes, *, at: int) -> bytes:
    """Return the whole HTTP request, signed."""
    digest = hmac.new(b"whsec_dev", f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    head = (
        "POST /api/stripe/webhook/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        "User-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\nAccept: */*\r\n"
        f"Content-Type: application/json; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        f"Stripe-Signature: t={at},v1={digest}\r\n\r\n"
    )
    return head.encode() + body


def send_all(
    address: str, requests: Sequence[bytes], connections: int
) -> tuple[float, list[float]]:
    """Send each, by turns over the connections; return seconds in all and for each request.

    A loop over readiness and nothing else: what the generator takes, the server does not get.
    """
    parts = urlsplit(address)
    waiting = iter(requests)
    latencies: list[float] = []
    begun_at: dict[socket.socket, float] = {}
    clock = time.perf_counter
    with selectors.DefaultSelector() as selector:
        sockets = [
            socket.create_connection((str(parts.hostname), int(parts.port or 80)))
            for _ in range(connections)
        ]

        def send_next(client: socket.socket) -> None:
            each = next(waiting, None)
            if each is None:
                selector.unregister(client)
                client.close()
                del begun_at[client]
                return
            begun_at[client] = clock()
            client.sendall(each)

        begun = clock()
        for client in sockets:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            begun_at[client] = 0
            selector.register(client, selectors.EVENT_READ)
            send_next(client)
        while begun_at:
            for key, _ in selector.select():
                client = key.fileobj  # type: ignore[assignment] # only sockets are registered
                answer = client.recv(65536)
                while not answer.endswith(b'{"received":true}'):
                    assert answer.startswith(b"HTTP/1.1 200"), answer
                    answer += client.recv(65536)
                latencies.append(clock() - begun_at[client])
                send_next(client)
        return clock() - begun, latencies


@contextmanager
def pgbench_script(folder: Path, columns: Sequence[str]) -> Iterator[Path]:
    """Write the script of the floor: the same row, in the columns that the table has."""
    script = folder / "insert.sql"
    known = [name for name in columns if name in _VALUES]
    script.write_text(
        _INSERT.format(columns=", ".join(known), values=", ".join(_VALUES[name] for name in known))
    )
    yield script


def floor(url: str, script: Path, clients: int) -> Measured:
    """Return what pgbench does with as many clients."""
    parts = urlsplit(url)
    done = subprocess.run(  # noqa: S603 - pgbench of the wheel, with our own arguments
        [
            *(str(binaries_folder() / "pgbench"), "--no-vacuum", "--protocol=prepared"),
            *("-h", str(parts.hostname), "-p", str(parts.port), "-U", str(parts.username)),
            *("-c", str(clients), "-j", str(min(2, clients)), "-T", str(SECONDS)),
            *("-f", str(script), "-D", f"payload={event_text(0)}"),
            parts.path.lstrip("/"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    rate = re.search(r"tps = ([\d.]+)", done.stdout)
    latency = re.search(r"latency average = ([\d.]+)", done.stdout)
    assert rate is not None, done.stdout
    assert latency is not None, done.stdout
    return Measured(rate=float(rate[1]), latencies=[float(latency[1]) / 1000], cpu_s=0)


def cpu_of(pid: int) -> float:
    """Return the seconds of CPU of a process and the children it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def in_database(url: str, sql: str) -> list[tuple[object, ...]]:
    """Return the rows of a statement."""
    connection = await asyncpg.connect(url)
    try:
        return [tuple(record) for record in await connection.fetch(sql)]
    finally:
        await connection.close()


async def migrate(url: str) -> None:
    """Make the tables."""
    store = SqlStore(url, cipher=AesGcmCipher([Secret("x" * 32)]))
    await store.upgrade()
    await store.close()


class Server:
    """Our server, and the events that it has acknowledged."""

    def __init__(self, url: str, folder: Path, *, processes: int) -> None:
        """Serve ``url`` with so many processes."""
        self._settings = {
            "DATABASE_URL": url,
            "MARKETHUB_PORT": "0",
            "MARKETHUB_WORKERS": str(processes),
            "MARKETHUB_EMBEDDED_WORKER": "false",
        }
        self._folder = folder
        self.sent = 0

    @contextmanager
    def running(self, sent_before: int) -> Iterator["Server"]:
        """Serve for as long as the body runs; events are numbered from ``sent_before`` on."""
        self.sent = sent_before
        with started_markethub(
            "--json", "serve", folder=self._folder, settings=self._settings
        ) as process:
            self._address, self._pid = announced(process)["url"], process.pid
            yield self

    def measure(self, connections: int, events: int) -> Measured:
        """Send new events over so many connections."""
        at = int(time.time())  # noqa: TID251 - the server compares it with its own clock
        numbers = range(self.sent, self.sent + events)
        batch = [request(event_text(number).encode(), at=at) for number in numbers]
        cpu_s = cpu_of(self._pid)
        seconds, latencies = send_all(self._address, batch, connections)
        self.sent += events
        return Measured(
            rate=events / seconds,
            latencies=latencies,
            cpu_s=(cpu_of(self._pid) - cpu_s) / events,
        )


def best(measured: Sequence[Measured]) -> Measured:
    """Return the fastest: the others met somebody else's work."""
    return max(measured, key=lambda each: each.rate)


def main() -> None:
    """Measure by turns and print the best of each, and their ratio."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_postgres(fsync=True) as server,
        server.database() as name,
    ):
        url = server.url_of(name)
        asyncio.run(migrate(url))
        names = asyncio.run(
            in_database(
                url,
                "SELECT column_name::text FROM information_schema.columns "
                "WHERE table_name = 'inbox'",
            )
        )
        with pgbench_script(Path(folder), [str(name) for (name,) in names]) as script:
            sent = report(url, Path(folder), script)
        [(stored, distinct)] = asyncio.run(
            in_database(
                url,
                "SELECT count(*), count(DISTINCT id) FROM inbox "
                "WHERE starts_with(id, 'evt_bench_')",
            )
        )
    assert sent == stored == distinct, f"{sent} acknowledged, {stored} stored"
    print(f"\n{sent} events acknowledged, {stored} stored, each once.")


def report(url: str, folder: Path, script: Path) -> int:
    """Print a line for each number of connections; return how many events were acknowledged."""
    print("| connections | pgbench /s | webhook /s | share | p50 ms | p99 ms | us of CPU each |")
    print("|---|---|---|---|---|---|---|")
    slower = 0.0
    with Server(url, folder, processes=1).running(0) as one:
        one.measure(32, 2000)  # connections opened, statements prepared
        for connections in CONNECTIONS:
            floors, ours = [], []
            for _ in range(ROUNDS):
                floors.append(floor(url, script, connections))
                ours.append(one.measure(connections, 1500 if connections == 1 else 10_000))
            print(line(str(connections), best(floors), best(ours)))
            if connections == 1:
                slower = best(ours).percentile_ms(0.5) / best(floors).percentile_ms(0)
        sent = one.sent
    with Server(url, folder, processes=2).running(sent) as two:
        floors, ours = [], []
        for _ in range(ROUNDS):
            floors.append(floor(url, script, 32))
            ours.append(two.measure(32, 10_000))
        print(line("32, two processes", best(floors), best(ours)))
        sent = two.sent
    print(f"\nAlone, an event takes {slower:.1f} times one insert of pgbench.")
    return sent


def line(what: str, floor: Measured, ours: Measured) -> str:
    """Return one line of the table."""
    # Of several processes the parent, which does nothing, is the one that is measured.
    cpu = f"{ours.cpu_s * 1e6:.0f}" if ours.cpu_s > 1e-5 else "-"
    return (
        f"| {what} | {floor.rate:.0f} | {ours.rate:.0f} | {ours.rate / floor.rate:.2f} "
        f"| {ours.percentile_ms(0.5):.1f} | {ours.percentile_ms(0.99):.1f} | {cpu} |"
    )


if __name__ == "__main__":
    main()
