"""What is done at the console stands in the audit log, and is shown there."""

from collections.abc import Mapping

import pytest

from markethub.domain.audit import Act, AuditAction, Channel
from markethub.domain.ports.audit import AuditFilter
from markethub.entrypoints.setting_values import Role
from tests.support.console import Desk
from tests.support.stores import event, receive

pytestmark = pytest.mark.anyio


async def log(desk: Desk) -> list[tuple[str, Channel, AuditAction, str | None, str | None]]:
    """Return the lines of the log, oldest first."""
    page = await desk.world.container.audit_queries().entries(AuditFilter())
    return [
        (entry.actor, entry.channel, entry.action, entry.subject, entry.reason)
        for entry in reversed(page.items)
    ]


async def note(desk: Desk, actor: str, subject: str, reason: str = "because") -> None:
    """Write a line of the log."""
    await desk.world.container.record_audit()(
        Act(actor=actor, reason=reason), AuditAction.PAYMENT_CANCEL, subject=subject
    )


def shown(page: str) -> list[bool]:
    return [f"pay_{name}" in page for name in ("one", "two")]


async def test_who_comes_and_goes_is_written_down(desk: Desk) -> None:
    await desk.sign_in(key="guessed")
    await desk.sign_in(Role.VIEWER)
    await desk.send("/ops/sign-out", at="/ops/events")

    console = Channel.CONSOLE
    assert [
        ("(unknown)", console, AuditAction.CONSOLE_SIGN_IN_REFUSED, None, None),
        ("viewer", console, AuditAction.CONSOLE_SIGN_IN, None, None),
        ("viewer", console, AuditAction.CONSOLE_SIGN_OUT, None, None),
    ] == await log(desk)


async def test_who_asks_for_what_they_may_not_is_written_down(desk: Desk) -> None:
    await desk.sign_in(Role.VIEWER)

    await desk.send("/ops/events/evt_1/replay")

    page = await desk.world.container.audit_queries().entries(AuditFilter(actor="viewer"))
    denied = page.items[0]
    assert (AuditAction.CONSOLE_DENIED, "POST /ops/events/{event_id}/replay") == (
        denied.action,
        denied.detail["asked_for"],
    )


async def test_a_refused_key_is_not_written_down(desk: Desk) -> None:
    await desk.sign_in(key="a-key-with-one-letter-wrong")

    page = await desk.world.container.audit_queries().entries(AuditFilter())

    assert "a-key-with-one-letter-wrong" not in repr(page)


async def test_what_is_done_is_written_down_once_with_its_reason(desk: Desk) -> None:
    await receive(desk.world.container.store(), [event("evt_1")])
    method = await desk.world.save_card()
    other = await desk.world.save_card("5555555555554444")
    await desk.sign_in(Role.SUPPORT)
    methods = "/ops/customers/c-1/methods"

    await desk.send(f"{methods}/{other.id}/default", {"reason": "asked by phone"})
    await desk.send(f"{methods}/{method.id}/remove", {"reason": " lost card "})
    await desk.send(f"{methods}/{method.id}/remove", {"reason": "again"})
    await desk.send("/ops/events/evt_1/replay")

    console = Channel.CONSOLE
    assert [
        ("support", console, AuditAction.METHOD_DEFAULT, other.id, "asked by phone"),
        ("support", console, AuditAction.METHOD_REMOVE, method.id, "lost card"),
        ("support", console, AuditAction.EVENT_REPLAY, "evt_1", None),
    ] == (await log(desk))[1:]


@pytest.mark.parametrize(
    ("page", "path", "fields"),
    [
        ("/ops/events/evt_1", "/ops/events/evt_1/replay", {}),
        ("/ops/events", "/ops/events/replay", {"id": ["evt_1"]}),
    ],
)
async def test_a_replay_asks_why(
    desk: Desk, page: str, path: str, fields: Mapping[str, object]
) -> None:
    await receive(desk.world.container.store(), [event("evt_1")])
    await desk.sign_in(Role.SUPPORT)
    shown = await desk.get(page)
    await desk.send(path, {**fields, "reason": "the worker was down"}, at=page)

    assert 'name="reason"' in shown.text
    assert [("support", AuditAction.EVENT_REPLAY, "evt_1", "the worker was down")] == [
        (actor, action, subject, reason) for actor, _, action, subject, reason in await log(desk)
    ][1:]


async def test_a_reason_of_pages_is_refused_and_nothing_is_done(desk: Desk) -> None:
    method = await desk.world.save_card()
    await desk.sign_in(Role.SUPPORT)

    answer = await desk.send(
        f"/ops/customers/c-1/methods/{method.id}/remove", {"reason": "x" * 501}
    )

    assert (400, 1) == (answer.status_code, len(await log(desk)))
    assert method.id in answer.text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [True, True]),
        ("?actor=mara", [True, False]),
        ("?subject=pay_two", [False, True]),
        ("?action=payment.cancel", [True, True]),
        ("?action=refund.request", [False, False]),
        ("?since=2026-11-03", [False, True]),
        ("?until=2026-11-02", [True, False]),
        ("?since=2026-11-02&until=2026-11-03", [True, True]),
        ("?since=9999-12-31&until=9999-12-31", [False, False]),
    ],
)
async def test_the_log_shows_what_is_asked_for(
    desk: Desk, query: str, expected: list[bool]
) -> None:
    await note(desk, "mara", "pay_one")
    desk.world.clock.advance(hours=15)  # It was the 2nd at nine, and is the 3rd from now on.
    await note(desk, "jo", "pay_two")
    await desk.sign_in()

    page = await desk.get(f"/ops/audit{query}")

    rows = page.text.partition("<tbody>")[2]
    assert expected == shown(rows)


@pytest.mark.parametrize("query", ["since=yesterday", "until=2026-02-30", "action=none"])
async def test_a_filter_that_means_nothing_is_refused(desk: Desk, query: str) -> None:
    await desk.sign_in()

    assert 400 == (await desk.get(f"/ops/audit?{query}")).status_code


async def test_a_reason_is_shown_as_text(desk: Desk) -> None:
    await note(desk, "mara", "pay_one", "<img src=x onerror=alert(1)>")
    await desk.sign_in()

    page = await desk.get("/ops/audit")

    assert "<img src=x" not in page.text
    assert "&lt;img src=x onerror=alert(1)&gt;" in page.text


async def test_a_long_log_is_read_page_by_page(desk: Desk) -> None:
    for number in range(50):
        await note(desk, "mara", f"pay_{number}")
    await desk.sign_in()

    first = await desk.get("/ops/audit?actor=mara")
    await note(desk, "mara", "pay_51")
    again = await desk.get("/ops/audit?actor=mara")

    assert [False, True] == ['rel="next"' in page.text for page in (first, again)]
