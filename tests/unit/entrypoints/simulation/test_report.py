"""What a campaign tells people."""

from collections import Counter

from markethub.entrypoints.simulation import report
from markethub.entrypoints.simulation.campaign import KEPT_FAILURES, Tally
from markethub.entrypoints.simulation.faults import Fault, Strike
from markethub.entrypoints.simulation.outcome import History, Violation
from markethub.entrypoints.simulation.plan import Click, Paths, Plan
from markethub.entrypoints.simulation.scenarios import SCENARIOS

STRIKES = (
    Strike("tx.commit", 4, Fault.COMMIT_LOST),
    Strike("gateway POST /v1/refunds", 1, Fault.SLOW_REPLY, 25.0),
)


def lived(seed: int = 7, *, wrong: tuple[str, ...] = (), deed: str = "pay") -> History:
    return History(
        plan=Plan(seed=seed, paths=Paths.WEBHOOKS, bug="fee_twice", clicks=(Click(1.5, deed, 1),)),
        strikes=STRIKES,
        violations=tuple(Violation(invariant, "a sum is off", 12.25) for invariant in wrong),
        struck=Counter(strike.fault for strike in STRIKES),
        calls={"tx.commit": 4, "orders.lock": 2},
        clicks=1,
        digest="d16e57",
        trace=("     1.500  > pay",),
    )


def test_a_tally_counts_histories_by_what_they_broke() -> None:
    total = Tally()
    for history in (lived(1), lived(2, wrong=("I4", "I4", "I5")), lived(3, wrong=("I4",))):
        total += Tally.of(history)

    assert (3, 3, 6) == (total.histories, total.clicks, total.faults)
    assert {"I4": 2, "I5": 1} == total.violations
    assert [2, 3] == [history.plan.seed for history in total.failed]
    assert {"tx.commit", "orders.lock"} == total.sites
    assert not total.is_clean


def test_a_tally_keeps_the_first_failures_only() -> None:
    total = Tally()
    for seed in range(KEPT_FAILURES + 5):
        total += Tally.of(lived(seed, wrong=("I1",)))

    assert [*range(KEPT_FAILURES)] == [history.plan.seed for history in total.failed]
    assert {"I1": KEPT_FAILURES + 5} == total.violations


def test_the_summary_says_how_fast_it_went_what_struck_and_what_held() -> None:
    text = "\n".join(report.summary(Tally.of(lived()), seconds=0.5))

    assert "1 histories in 0.5 s, 2 a second: 1.0 clicks and 2.0 faults each, 2 sites" in text
    assert "2 kinds of fault struck:" in text
    assert "commit_lost                        1" in text
    assert "night                          never" in text
    assert text.endswith("0 violations")


def test_the_summary_names_what_did_not_hold_and_every_history_in_which() -> None:
    total = Tally.of(lived(7, wrong=("I4", "I2"))) + Tally.of(lived(9, wrong=("I4",)))
    lines = [*report.summary(total, seconds=0.5)]

    assert lines[-5:] == [
        "I2 did not hold in 1 histories",
        "I4 did not hold in 2 histories",
        "the first 2 of them:",
        "  I2, I4: markethub simulate --seed 7 --only webhooks --bug fee_twice",
        "  I4: markethub simulate --seed 9 --only webhooks --bug fee_twice",
    ]
    assert "0 violations" not in lines


def test_the_summary_names_a_fixed_story_by_what_was_done_to_it() -> None:
    act = next(iter(SCENARIOS.values())).plan().clicks[0].deed
    last = [*report.summary(Tally.of(lived(wrong=("I4",), deed=act)), seconds=0.5)][-1]

    assert last == (
        f"  I4: {act}, commit_lost at call 4 of tx.commit,"
        " slow_reply (25 s) at call 1 of gateway POST /v1/refunds"
    )


def test_a_drawn_history_is_seen_again_by_its_seed() -> None:
    assert report.again(lived()) == "markethub simulate --seed 7 --only webhooks --bug fee_twice"


def test_a_scripted_history_is_seen_again_by_its_plan() -> None:
    act = next(iter(SCENARIOS.values())).plan().clicks[0].deed

    assert "--plan" in report.again(lived(deed=act))


def test_a_story_tells_who_did_what_and_what_came_of_it() -> None:
    told = [*report.story(lived(wrong=("I4",)))]

    assert told == [
        "seed 7, webhooks, memory, digest d16e57",
        "clicks:",
        "      1.500 s  pay",
        "faults:",
        "  commit_lost at call 4 of tx.commit",
        "  slow_reply (25 s) at call 1 of gateway POST /v1/refunds",
        "I4 at 12.250 s: a sum is off",
        "trace:",
        "     1.500  > pay",
    ]
