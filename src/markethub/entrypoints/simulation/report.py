"""What a campaign tells people."""

from collections.abc import Iterator

from markethub.entrypoints.simulation.campaign import Tally
from markethub.entrypoints.simulation.faults import Fault, Strike
from markethub.entrypoints.simulation.outcome import History
from markethub.entrypoints.simulation.plan import Plan, StoreKind
from markethub.entrypoints.simulation.scenarios import is_scripted


def summary(tally: Tally, *, seconds: float) -> Iterator[str]:
    """Say how much was lived through, what struck, and what did not hold."""
    count = max(tally.histories, 1)
    yield (
        f"{tally.histories} histories in {seconds:.1f} s, {tally.histories / seconds:.0f} a second:"
        f" {tally.clicks / count:.1f} clicks and {tally.faults / count:.1f} faults each,"
        f" {len(tally.sites)} sites"
    )
    yield ""
    yield f"{sum(1 for fault in Fault if tally.struck[fault])} kinds of fault struck:"
    for fault in Fault:
        yield f"  {fault:<26} {tally.struck[fault] or 'never':>9}"
    yield ""
    if tally.is_clean:
        yield "0 violations"
    for invariant, histories in sorted(tally.violations.items()):
        yield f"{invariant} did not hold in {histories} histories"
    if tally.failed:
        yield f"the first {len(tally.failed)} of them:"
    for history in tally.failed:
        broken = sorted({violation.invariant for violation in history.violations})
        yield f"  {', '.join(broken)}: {_named(history)}"


def _named(history: History) -> str:
    """Tell a history from the others by what to run, or by what was done to a fixed story."""
    if not _is_fixed(history.plan):
        return again(history)
    return ", ".join([history.plan.clicks[0].deed, *map(_struck, history.strikes)])


def _is_fixed(plan: Plan) -> bool:
    return any(is_scripted(click.deed) for click in plan.clicks)


def _struck(strike: Strike) -> str:
    lasting = f" ({strike.amount:g} s)" if strike.amount else ""
    return f"{strike.fault}{lasting} at call {strike.nth} of {strike.site}"


def again(history: History) -> str:
    """Say what to run to see a history again."""
    plan = history.plan
    if _is_fixed(plan):
        return "markethub simulate --plan, with the file below"
    words = ["markethub", "simulate", "--seed", str(plan.seed)]
    words += ["--only", plan.paths if plan.store is StoreKind.MEMORY else plan.store]
    if plan.bug is not None:
        words += ["--bug", plan.bug]
    return " ".join(words)


def story(history: History) -> Iterator[str]:
    """Tell a history: who did what, what struck, what did not hold, and how it came to that."""
    plan = history.plan
    yield f"seed {plan.seed}, {plan.paths}, {plan.store}, digest {history.digest}"
    yield "clicks:"
    for click in plan.clicks:
        yield f"  {click.at_s:9.3f} s  {click.deed}"
    yield "faults:"
    for strike in history.strikes:
        yield f"  {_struck(strike)}"
    for violation in history.violations:
        yield f"{violation.invariant} at {violation.at_s:.3f} s: {violation.what}"
    if history.trace:
        yield "trace:"
        yield from history.trace
