"""``markethub refund`` and ``markethub refunds``, on SQLite."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from markethub.domain.payment import Payment
from markethub.domain.ports.gateway import Declined
from markethub.entrypoints.cli.demo_world import World
from tests.support.faults import Crash, Fault
from tests.support.shell import Ran, Shell, log_restored

GOOD_CARD = "4242424242424242"


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    with log_restored():
        yield Shell.in_folder(tmp_path, capsys)


def paid(shell: Shell, order_id: str = "o-1") -> Payment:
    async def story(world: World) -> Payment:
        await world.register(order_id, 50_00)
        started = await world.charge(order_id)
        world.pay(started, GOOD_CARD)
        return (await world.confirm(started)).payment

    return shell.happens(story)


def refund(shell: Shell, payment: Payment, *words: str) -> Ran:
    return shell.markethub("--json", "refund", "--payment-id", payment.id, *words)


def document(ran: Ran) -> Any:
    return json.loads(ran.out)


def of(shell: Shell, payment: Payment) -> list[dict[str, Any]]:
    listed = shell.markethub("--json", "refunds", "list", "--payment", payment.id)
    items: list[dict[str, Any]] = document(listed)["items"]
    return items


class TestARefund:
    def test_by_payment_id_gives_back_an_amount_in_major_units(self, shell: Shell) -> None:
        payment = paid(shell)

        ran = refund(shell, payment, "--amount", "20.00", "--reason", "goodwill", "--actor", "ada")

        made = document(ran)
        assert (0, 2000, "succeeded", "goodwill", "ada") == (
            ran.code,
            made["amount"],
            made["status"],
            made["reason"],
            made["actor"],
        )
        assert [made] == of(shell, payment)
        assert made == document(shell.markethub("--json", "refunds", "show", made["id"]))

    def test_by_intent_id_gives_back_all_that_is_left(self, shell: Shell) -> None:
        payment = paid(shell)

        ran = shell.markethub("refund", "--payment-intent-id", str(payment.intent_id))

        assert 0 == ran.code
        assert "50.00 USD" in ran.out
        assert "succeeded" in ran.out

    def test_that_is_only_tried_changes_nothing(self, shell: Shell) -> None:
        payment = paid(shell)

        ran = refund(shell, payment, "--amount", "20", "--dry-run")

        assert (0, 2000, 3000) == (
            ran.code,
            document(ran)["amount"],
            document(ran)["amount_refundable_after"],
        )
        assert [] == of(shell, payment)

    @pytest.mark.parametrize("amount", ["20.001", "-1", "1e3", "", "twenty"])
    def test_of_what_is_no_amount_is_wrong_usage(self, shell: Shell, amount: str) -> None:
        assert 2 == refund(shell, paid(shell), "--amount", amount).code

    def test_of_more_than_is_left_is_refused(self, shell: Shell) -> None:
        ran = refund(shell, paid(shell), "--amount", "50.01")

        assert (1, "refund_exceeds_captured") == (ran.code, document(ran)["error"]["code"])

    def test_needs_exactly_one_payment(self, shell: Shell) -> None:
        payment = paid(shell)

        assert 2 == shell.markethub("refund").code
        assert 2 == refund(shell, payment, "--payment-intent-id", "pi_1").code
        assert 3 == shell.markethub("refund", "--payment-id", "pay_none").code
        assert 3 == shell.markethub("refund", "--payment-intent-id", "pi_none").code

    def test_with_a_card_number_in_its_note_is_wrong_usage(self, shell: Shell) -> None:
        assert 2 == refund(shell, paid(shell), "--note", GOOD_CARD).code

    def test_of_an_unknown_outcome_prints_its_id_and_is_not_made_again(self, shell: Shell) -> None:
        payment = paid(shell)
        shell.faults[:] = [Fault.LOST_REPLY]

        unknown = refund(shell, payment, "--amount", "20.00")
        twice = refund(shell, payment, "--amount", "20.00")

        assert (4, "pending") == (unknown.code, document(unknown)["status"])
        assert (1, "refund_unresolved") == (twice.code, document(twice)["error"]["code"])
        assert document(unknown)["id"] in document(twice)["error"]["message"]
        assert 1 == len(of(shell, payment))


class TestAPlan:
    def plan(self, shell: Shell, folder: Path, *words: str) -> Path:
        path = folder / "plan.json"
        path.unlink(missing_ok=True)
        ran = shell.markethub("refunds", "plan", *words, "-o", str(path))
        assert 0 == ran.code, ran.err
        return path

    def apply(self, shell: Shell, path: Path) -> tuple[int, list[str]]:
        ran = shell.markethub("--json", "refunds", "apply", str(path), "--yes")
        return ran.code, [item["state"] for item in document(ran)["items"]]

    def test_is_looked_at_before_anything_is_refunded(self, shell: Shell, tmp_path: Path) -> None:
        one, other = paid(shell, "o-1"), paid(shell, "o-2")
        refund(shell, one, "--amount", "20")

        ran = shell.markethub(
            "refunds", "plan", "--status", "succeeded", "-o", str(tmp_path / "plan.json")
        )

        written = json.loads((tmp_path / "plan.json").read_text())
        assert (0, {"usd": 8000}) == (ran.code, written["totals"])
        assert {(one.id, 3000), (other.id, 5000)} == {
            (line["payment_id"], line["amount"]) for line in written["lines"]
        }
        assert "80.00 USD" in ran.out
        assert [] == of(shell, other)

    def test_is_applied_once_however_often_it_is_applied(
        self, shell: Shell, tmp_path: Path
    ) -> None:
        payments = [paid(shell, f"o-{n}") for n in range(3)]
        path = self.plan(shell, tmp_path, "--status", "succeeded")

        first = self.apply(shell, path)
        second = self.apply(shell, path)

        assert (0, ["succeeded"] * 3) == first == second
        assert [[5000]] * 3 == [
            [each["amount"] for each in of(shell, payment)] for payment in payments
        ]

    def test_that_was_interrupted_is_resumed(self, shell: Shell, tmp_path: Path) -> None:
        payments = [paid(shell, f"o-{n}") for n in range(3)]
        path = self.plan(shell, tmp_path, "--status", "succeeded")
        shell.faults[:] = [Fault.CRASH_AFTER]
        with pytest.raises(Crash):
            shell.markethub("refunds", "apply", str(path), "--yes")

        assert (0, ["succeeded"] * 3) == self.apply(shell, path)
        assert [1] * 3 == [len(of(shell, payment)) for payment in payments]

    def test_of_named_payments_says_what_it_leaves_out(self, shell: Shell, tmp_path: Path) -> None:
        one, other = paid(shell, "o-1"), paid(shell, "o-2")
        refund(shell, other)
        ids = tmp_path / "ids"
        ids.write_text(f"{one.id}\n\n{one.id}\n{other.id}\n")

        ran = shell.markethub(
            "--json", "refunds", "plan", "--ids", str(ids), "-o", str(tmp_path / "p")
        )

        assert [one.id] == [line["payment_id"] for line in document(ran)["lines"]]
        assert [{"payment_id": other.id, "reason": "payment_not_refundable"}] == (
            document(ran)["left_out"]
        )

    def test_that_was_changed_is_refused(self, shell: Shell, tmp_path: Path) -> None:
        payment = paid(shell)
        path = self.plan(shell, tmp_path, "--order", "o-1")
        changed = json.loads(path.read_text())
        changed["lines"][0]["amount"] = 1
        path.write_text(json.dumps(changed))

        ran = shell.markethub("--json", "refunds", "apply", str(path), "--yes")

        assert (1, "plan_changed") == (ran.code, document(ran)["error"]["code"])
        assert [] == of(shell, payment)

    def test_whose_payment_has_changed_leaves_that_one_alone(
        self, shell: Shell, tmp_path: Path
    ) -> None:
        one = paid(shell, "o-1")
        paid(shell, "o-2")
        path = self.plan(shell, tmp_path, "--status", "succeeded")
        refund(shell, one, "--amount", "10")

        code, states = self.apply(shell, path)

        assert (1, {"plan_outdated", "succeeded"}) == (code, set(states))
        assert [1000] == [each["amount"] for each in of(shell, one)]

    def test_whose_refund_was_refused_is_not_called_carried_out(
        self, shell: Shell, tmp_path: Path
    ) -> None:
        payment = paid(shell)
        path = self.plan(shell, tmp_path, "--order", "o-1")
        shell.answers[:] = [Declined(code="insufficient_funds")]

        first = self.apply(shell, path)
        second = self.apply(shell, path)

        assert [(1, ["gateway_rejected"]), (1, ["failed"])] == [first, second]
        assert ["failed"] == [each["status"] for each in of(shell, payment)]

    def test_asks_before_it_refunds_and_is_never_written_over(
        self, shell: Shell, tmp_path: Path
    ) -> None:
        paid(shell)
        path = self.plan(shell, tmp_path, "--order", "o-1")

        unasked = shell.markethub("refunds", "apply", str(path))
        again = shell.markethub("refunds", "plan", "--order", "o-1", "-o", str(path))
        aimless = shell.markethub("refunds", "plan", "-o", str(tmp_path / "other"))

        assert [2, 2, 2] == [unasked.code, again.code, aimless.code]

    def test_must_be_one(self, shell: Shell, tmp_path: Path) -> None:
        for content in ("", "[]", "{}", '{"lines": 3}'):
            path = tmp_path / "no-plan"
            path.write_text(content)

            assert 2 == shell.markethub("refunds", "apply", str(path), "--yes").code
