"""Webhooks over real HTTP on loopback: signed, checked, and to the address that was checked."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest
from dependency_injector import providers
from standardwebhooks import Webhook, WebhookVerificationError

from markethub.adapters.outgoing import publisher as publishing
from markethub.adapters.outgoing.publisher import WebhookPublisher
from markethub.domain.delivery import Answer, Message
from markethub.domain.secret import Secret
from markethub.domain.target import IpAddress, Target
from markethub.entrypoints.cli.demo_world import World as DemoWorld
from markethub.entrypoints.container import build_container
from markethub.entrypoints.lifecycle import running
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from tests.support.certificates import Authority
from tests.support.storefront import Receiver, receiving, reply
from tests.support.world import World

pytestmark = pytest.mark.anyio

NEW = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def message(text: str = "ü☕", *, at: datetime | None = None) -> Message:
    body = json.dumps({"id": "msg_1_a", "text": text}, ensure_ascii=False)
    return Message(id="msg_1_a", type="order.paid", body=body, at=at or datetime.now(UTC))


@attrs.define
class Names:
    """A resolver that answers as a test says, each time with the next of ``answers``."""

    answers: list[Sequence[str]]
    asked: list[tuple[str, int]] = attrs.field(factory=list)

    async def __call__(self, host: str, port: int) -> Sequence[IpAddress]:
        self.asked.append((host, port))
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [ip_address(each) for each in found]


@asynccontextmanager
async def publishing_to(
    url: str, *, secrets: Sequence[str] = (NEW,), **options: Any
) -> AsyncIterator[WebhookPublisher]:
    publisher = WebhookPublisher(
        Target.parse(url, allow_loopback=True), [Secret(each) for each in secrets], **options
    )
    try:
        yield publisher
    finally:
        await publisher.close()


async def send(receiver: Receiver, *messages: Message, **options: Any) -> Sequence[Answer]:
    async with publishing_to(receiver.url, **options) as publisher:
        return await publisher.publish(messages or [message()])


# --- signed -----------------------------------------------------------------------------------


async def test_the_schemes_own_library_verifies_what_arrives() -> None:
    async with receiving() as receiver:
        [answer] = await send(receiver)
    [request] = receiver.received

    assert "ü☕" == Webhook(NEW).verify(request.body, request.headers)["text"]
    assert "msg_1_a" == request.headers["webhook-id"]
    assert 200 == answer.status


async def test_while_secrets_rotate_a_receiver_may_have_either() -> None:
    async with receiving() as receiver:
        await send(receiver, secrets=[NEW, OLD])
    [request] = receiver.received

    for secret in (NEW, OLD):
        Webhook(secret).verify(request.body, request.headers)
    newest = request.headers["webhook-signature"].split(" ")[0]
    only_newest = {**request.headers, "webhook-signature": newest}
    Webhook(NEW).verify(request.body, only_newest)
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(request.body, only_newest)


async def test_each_attempt_bears_its_own_time_and_the_same_id() -> None:
    async with receiving() as receiver:
        now = datetime.now(UTC)
        await send(receiver, message(at=now), message(at=now - timedelta(hours=1)))
    stamps = {request.headers["webhook-timestamp"] for request in receiver.received}
    ids = {request.headers["webhook-id"] for request in receiver.received}

    assert {str(int(now.timestamp())), str(int(now.timestamp()) - 3600)} == stamps
    assert {"msg_1_a"} == ids


# --- answered ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 204, 404, 410, 500])
async def test_the_answers_status_is_reported(status: int) -> None:
    async with receiving() as receiver:
        receiver.answers = [reply(status, body=b"")]
        [answer] = await send(receiver)

    assert (status, None) == (answer.status, answer.error)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_failure_and_is_never_followed(status: int) -> None:
    async with receiving() as receiver:
        receiver.answers = [reply(status, f"location: {receiver.url}/elsewhere")]
        [answer] = await send(receiver)

    assert (status, False) == (answer.status, answer.is_success)
    assert 1 == len(receiver.received)


async def test_a_long_answer_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "DRAIN_S_MAXIMUM", 60)
    async with receiving() as receiver:
        head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n"
        receiver.answers = [head + b"x" * 65_536]
        with anyio.fail_after(2):
            [answer] = await send(receiver)

    assert answer.is_success


async def test_an_answer_that_drips_counts_as_soon_as_its_status_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publishing, "DRAIN_S_MAXIMUM", 0.02)
    async with receiving() as receiver:
        receiver.answers = [b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nx"]
        [answer] = await send(receiver)

    assert answer.is_success


async def test_an_answer_whose_rest_comes_too_late_counts_all_the_same() -> None:
    async with receiving() as receiver:
        receiver.answers = [b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nx"]
        [answer] = await send(receiver, timeout_s=0.3)

    assert (200, None) == (answer.status, answer.error)


async def test_a_receiver_that_does_not_answer_is_not_waited_for() -> None:
    async with receiving() as receiver:
        receiver.answers = [b""]
        [answer] = await send(receiver, timeout_s=0.05)

    assert (None, "timeout") == (answer.status, answer.error)
    assert 40 <= answer.duration_ms < 2000


async def test_a_receiver_that_answers_drop_by_drop_is_not_waited_for_either() -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        with suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b"x-drop: 1\r\n")
                await writer.drain()
                await asyncio.sleep(0.01)
        writer.close()
        gone.set()

    gone = asyncio.Event()
    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    with anyio.fail_after(2):
        async with publishing_to(url, timeout_s=0.1) as publisher:
            [answer] = await publisher.publish([message()])
        await gone.wait()
    server.close()

    assert "timeout" == answer.error


async def test_an_answer_that_is_no_http_is_a_failure() -> None:
    async with receiving() as receiver:
        receiver.answers = [b"SSH-2.0-OpenSSH\r\n\r\n"]
        [answer] = await send(receiver)

    assert "protocol" == answer.error


async def test_nobody_at_home_is_a_failure() -> None:
    async with receiving() as receiver:
        pass
    [answer] = await send(receiver)

    assert "connect" == answer.error


async def test_one_failure_does_not_touch_the_others_of_a_batch() -> None:
    async with receiving() as receiver:
        receiver.answers = [reply(500)]
        answers = await send(receiver, *[message()] * 5)

    assert [200, 200, 200, 200, 500] == sorted(answer.status or 0 for answer in answers)


async def test_a_connection_is_used_again() -> None:
    async with receiving() as receiver, publishing_to(receiver.url) as publisher:
        for _ in range(3):
            await publisher.publish([message()])

    assert (3, 1) == (len(receiver.received), receiver.connections)


# --- to the address that was checked ----------------------------------------------------------


@pytest.mark.parametrize(
    "found",
    [
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["fd00:ec2::254"],
        ["::ffff:169.254.169.254"],
        ["64:ff9b::a9fe:a9fe"],
        ["93.184.216.34", "10.0.0.1"],
        [],
    ],
)
async def test_a_name_that_resolves_to_a_forbidden_address_is_not_connected_to(
    found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def connect(*_: object, **__: object) -> None:
        raise AssertionError("something was connected to")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", connect)
    names = Names([found])
    async with publishing_to("https://shop.example/hooks", resolve=names) as publisher:
        [answer] = await publisher.publish([message()])

    assert "forbidden_address" == answer.error


async def test_the_connection_goes_to_the_checked_address_under_the_hosts_name(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path)
    names = Names([["127.0.0.1"], ["169.254.169.254"]])
    async with receiving(authority.server("shop.example")) as receiver:
        url = f"https://shop.example:{receiver.port}/hooks?a=1"
        async with publishing_to(url, resolve=names, tls=authority.trusted()) as publisher:
            [answer] = await publisher.publish([message()])
    [request] = receiver.received

    assert 200 == answer.status
    assert [("shop.example", receiver.port)] == names.asked
    assert ["shop.example"] == receiver.names
    assert f"shop.example:{receiver.port}" == request.headers["host"]
    assert "POST /hooks?a=1 HTTP/1.1" == request.line


async def test_a_name_that_begins_to_resolve_elsewhere_is_checked_again(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    names = Names([["127.0.0.1"], ["169.254.169.254"]])
    async with receiving(authority.server("shop.example")) as receiver:
        url = f"https://shop.example:{receiver.port}/"
        async with publishing_to(url, resolve=names, tls=authority.trusted()) as publisher:
            answers = [(await publisher.publish([message()]))[0] for _ in range(2)]

    assert [None, "forbidden_address"] == [answer.error for answer in answers]
    assert 1 == len(receiver.received)


async def test_a_certificate_of_another_name_is_refused(tmp_path: Path) -> None:
    authority, names = Authority(tmp_path), Names([["127.0.0.1"]])
    async with receiving(authority.server("127.0.0.1.example")) as receiver:
        url = f"https://shop.example:{receiver.port}/"
        async with publishing_to(url, resolve=names, tls=authority.trusted()) as publisher:
            [answer] = await publisher.publish([message()])

    assert "tls" == answer.error
    assert [] == receiver.received


async def test_a_certificate_of_an_unknown_authority_is_refused(tmp_path: Path) -> None:
    names = Names([["127.0.0.1"]])
    async with receiving(Authority(tmp_path).server("shop.example")) as receiver:
        url = f"https://shop.example:{receiver.port}/"
        async with publishing_to(url, resolve=names) as publisher:
            [answer] = await publisher.publish([message()])

    assert "tls" == answer.error
    assert [] == receiver.received


@pytest.mark.parametrize("found", [["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "127.0.0.2"]])
async def test_the_next_of_a_hosts_addresses_is_tried_when_one_is_closed(found: list[str]) -> None:
    names = Names([found])
    async with receiving() as receiver:
        [answer] = await send(receiver, resolve=names)

    assert 200 == answer.status


async def test_a_name_that_does_not_resolve_is_a_failure() -> None:
    async def unknown(host: str, port: int) -> Sequence[IpAddress]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async with publishing_to("https://shop.example/", resolve=unknown) as publisher:
        [answer] = await publisher.publish([message()])

    assert "unresolved" == answer.error


async def test_this_machines_names_are_resolved_by_the_system() -> None:
    async with receiving() as receiver:
        url = f"http://localhost:{receiver.port}/"
        async with publishing_to(url) as publisher:
            [answer] = await publisher.publish([message()])

    assert 200 == answer.status


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with receiving() as receiver:
            await send(receiver)

    assert (0, 1) == (proxy.connections, len(receiver.received))


# --- from a charge to the storefront ----------------------------------------------------------


async def test_a_charged_order_reaches_the_storefront_once(world: World) -> None:
    paid = await world.paid("o-1", total=5000)
    async with receiving() as receiver, publishing_to(receiver.url) as publisher:
        world.container.publisher.override(providers.Object(publisher))
        relayed = [await world.container.relay_outbox()() for _ in range(2)]
    [request] = receiver.received
    body = json.loads(request.body)

    assert [1, 0] == [each.delivered for each in relayed]
    assert ("order.paid", request.headers["webhook-id"]) == (body["type"], body["id"])
    assert {
        "order_id": "o-1",
        "payment_id": paid.id,
        "amount": 5000,
        "currency": "usd",
    } == body["data"]


async def test_a_running_process_tells_a_storefront_that_trusts_its_signature(
    tmp_path: Path,
) -> None:
    async with receiving() as receiver:
        settings = Settings(
            database=Database(url=f"sqlite:///{tmp_path / 'shop.db'}"),
            out_webhook=Target.parse(receiver.url, allow_loopback=True),
            out_webhook_secrets=(Secret(NEW),),
        )
        container = build_container(settings)
        async with running(container, worker=True):
            demo = DemoWorld(container)
            await demo.register("o-1", 5000)
            started = await demo.charge("o-1")
            demo.pay(started, "4242424242424242")
            await demo.confirm(started)
            with anyio.fail_after(5):
                await receiver.arrived.wait()
    [request] = receiver.received
    told = Webhook(NEW).verify(request.body, request.headers)

    assert ("order.paid", "o-1") == (told["type"], told["data"]["order_id"])
