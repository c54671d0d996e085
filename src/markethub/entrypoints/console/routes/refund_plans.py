"""Many refunds together: looked at, confirmed by their sum, and told one by one.

The plan is the form's: what was looked at comes back with its hash, so that exactly that is done.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import attrs
import structlog
from litestar import Request, post
from litestar.response import Template

from markethub.domain.ids import PaymentId
from markethub.domain.ports.system import Clock
from markethub.domain.refund import RefundReason
from markethub.domain.refund_plan import PlannedRefund, RefundPlan, totals_of
from markethub.domain.usecases.apply_refund_plan import (
    AppliedLine,
    ApplyRefundPlan,
    ApplyRefundPlanCommand,
    Outcome,
)
from markethub.domain.usecases.plan_refunds import (
    Planned,
    PlanRefunds,
    PlanRefundsCommand,
)
from markethub.entrypoints.console.acts import act_of
from markethub.entrypoints.console.forms import KEY, Form, origin_of
from markethub.entrypoints.console.lists import PAGE, looked_up
from markethub.entrypoints.console.pages import render
from markethub.entrypoints.console.problems import sentence
from markethub.entrypoints.console.staff import ROLE, Staff
from markethub.entrypoints.http.errors import invalid
from markethub.entrypoints.http.injected import Injected
from markethub.entrypoints.http.json_body import decode
from markethub.entrypoints.setting_values import Role

_NAV: Final = "payments"
AT_ONCE: Final = PAGE
"""Payments of one plan: what can be ticked on one page of the list, and looked through by a person.

With a provider that takes 400 ms they are refunded in about four seconds.
"""
SIDE_BY_SIDE: Final = 5
"""Refunds under way at a time: few beside what customers do meanwhile, of the provider's limit of
requests and of the database's connections."""
BEGUN_WITHIN: Final = timedelta(seconds=20)
"""After that no further refund is begun, so that a slow provider does not hold the answer back for
as long as proxies wait, which is a minute mostly. The page says what is left, and goes on with it.
"""

_log = structlog.get_logger(__name__)


@attrs.frozen(kw_only=True)
class _Told:
    """A line of the page that says what was done. ``tone`` colours ``word``, if that has none."""

    line: PlannedRefund
    tone: str | None
    word: str
    text: str


@post("/refund-plans/preview", status_code=200, opt={ROLE: Role.REFUNDER})
async def preview(
    *,
    request: Request[Any, Any, Any],
    plan_refunds: Injected[PlanRefunds],
    staff: Injected[Staff],
    form: Injected[Form],
) -> Template:
    """Say what refunding the chosen payments would do, and ask: nothing is written."""
    ids = [PaymentId(looked_up(text, "payment")) for text in dict.fromkeys(form.texts("id"))]
    _require_few(ids, "id")
    planned = await plan_refunds(
        PlanRefundsCommand(
            payment_ids=ids,
            act=act_of(staff),
            reason=_reason(form),
            note=form.text("note") or None,
        )
    )
    return render(
        request,
        "refund_plan.html",
        nav=_NAV,
        plan=planned.plan,
        document=json.dumps(planned.plan.document()),
        lines=planned.lines,
        left_out=[(each.payment_id, sentence(each.error)) for each in planned.left_out],
        asking=_asking(planned.lines),
    )


@post("/refund-plans/apply", status_code=200, opt={ROLE: Role.REFUNDER})
async def apply(
    *,
    request: Request[Any, Any, Any],
    apply_refund_plan: Injected[ApplyRefundPlan],
    clock: Injected[Clock],
    staff: Injected[Staff],
    form: Injected[Form],
) -> Template:
    """Make the refunds of the plan that was looked at, and say what became of each.

    May be sent again: what was made is found, and the rest is gone on with.
    """
    plan = _plan(form.needed("plan"))
    _require_few(plan.lines, "plan")
    command = ApplyRefundPlanCommand(
        plan=plan, act=act_of(staff), origin=origin_of(request, staff, form)
    )
    _log.info("refunds.apply_asked", actor=staff.name, plan=plan.hash, lines=len(plan.lines))
    await apply_refund_plan.begin(command)
    applied = await _carry_out(apply_refund_plan, command, clock)
    told = [_told(line, applied.get(number)) for number, line in enumerate(plan.lines)]
    return render(
        request,
        "refund_plan_applied.html",
        nav=_NAV,
        plan=plan,
        document=json.dumps(plan.document()),
        key=form.needed(KEY),
        told=told,
        made=[each.line for each in applied.values() if each.outcome is Outcome.MADE],
        said=amounts,
        goes_on=len(applied) < len(plan.lines) or any(each.is_unknown for each in applied.values()),
    )


async def _carry_out(
    apply_refund_plan: ApplyRefundPlan, command: ApplyRefundPlanCommand, clock: Clock
) -> Mapping[int, AppliedLine]:
    """Carry out the lines, a few side by side; what is not begun in time is not in the answer."""
    applied: dict[int, AppliedLine] = {}
    left = iter(range(len(command.plan.lines)))  # of all: whoever is free takes the next
    until = clock.now() + BEGUN_WITHIN

    async def work() -> None:
        for number in left:
            if clock.now() >= until:
                return
            applied[number] = await apply_refund_plan(command, number)

    # None is abandoned in the middle because another met a bug of ours: that is raised afterwards.
    ended = await asyncio.gather(*(work() for _ in range(SIDE_BY_SIDE)), return_exceptions=True)
    for each in ended:
        if each is not None:
            raise each
    return applied


def amounts(lines: Iterable[PlannedRefund]) -> str:
    """Return the sums of some lines as people say them: ``120.00 USD and 45.00 EUR``."""
    *most, last = [str(total) for total in totals_of(lines).values()] or ["nothing"]
    return f"{', '.join(most)} and {last}" if most else last


def _asking(lines: Sequence[Planned]) -> str:
    """Return what the button says: how many payments, and how much."""
    alone = [each.line for each in lines if not each.needs_approval]
    awaiting = [each.line for each in lines if each.needs_approval]
    refund = f"Refund {_payments(alone)}: {amounts(alone)}"
    if not awaiting:
        return refund
    if not alone:
        return f"Ask for refunds of {_payments(awaiting)}: {amounts(awaiting)}"
    return f"{refund}; ask for {len(awaiting)} more: {amounts(awaiting)}"


def _payments(lines: Sequence[PlannedRefund]) -> str:
    return f"{len(lines)} payment{'' if len(lines) == 1 else 's'}"


def _told(line: PlannedRefund, applied: AppliedLine | None) -> _Told:
    if applied is None:
        return _Told(line=line, tone="warn", word="not begun", text="The time was over before it.")
    tone, word, text = _WORDS[applied.outcome]
    if applied.refund is not None and applied.outcome is not Outcome.UNKNOWN:
        word = applied.refund.status.value
        text = _STANDS.get(word, "")
    if applied.outcome is Outcome.REFUSED:
        text = _why(applied)
    return _Told(line=line, tone=tone, word=word, text=text)


def _why(applied: AppliedLine) -> str:
    if applied.error is not None:
        return sentence(applied.error)
    assert applied.refund is not None, "a line has one or the other"
    reason = (applied.refund.failure_reason or applied.refund.status.value).replace("_", " ")
    return f"The customer does not have the money: {reason}."


_WORDS: Final = {
    Outcome.MADE: (None, "made", ""),
    Outcome.AWAITS_APPROVAL: (
        "warn",
        "awaits approval",
        "It is too much for one person: somebody else has to approve it.",
    ),
    Outcome.POSTPONED: (
        "warn",
        "not begun",
        "Another request on the payment is under way.",
    ),
    Outcome.REFUSED: ("bad", "refused", ""),
    Outcome.UNKNOWN: (
        "warn",
        "unknown",
        "Nobody knows the outcome yet. It is asked for until it is known.",
    ),
}
"""The colour, the word and the sentence of each outcome."""
assert set(_WORDS) == set(Outcome), "each outcome is told"
_STANDS: Final = {
    "pending": "It is on its way.",
    "requires_action": "It waits for the customer to say where it should go.",
}


def _reason(form: Form) -> RefundReason:
    try:
        return RefundReason(form.needed("why"))
    except ValueError:
        raise invalid("why", "is none of the choices") from None


def _plan(text: str) -> RefundPlan:
    """Read the plan that a page of ours showed. Raises HttpProblem, and PlanChanged."""
    # As strictly as a body: what JSON spells by escapes, the form has not seen.
    return RefundPlan.read(decode(text.encode(), dict[str, object]))


def _require_few(chosen: Sequence[object], field: str) -> None:
    if not 1 <= len(chosen) <= AT_ONCE:
        raise invalid(field, f"must name 1 to {AT_ONCE} payments")


HANDLERS: Final = (preview, apply)
