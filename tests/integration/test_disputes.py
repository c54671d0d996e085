"""Disputes: what is taken and given back, what it does to the payment, and how it is answered."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from markethub.domain.dispute import DisputeStatus
from markethub.domain.errors import (
    EvidencePastDue,
    GatewayRejected,
    GatewayUnavailable,
    InvalidTransition,
    KeyReused,
    NotFound,
    RequestInProgress,
    ValidationFailed,
)
from markethub.domain.events import DisputeDue, DisputeOpened
from markethub.domain.ids import DisputeId
from markethub.domain.ledger import Account as Book
from markethub.domain.money import Money
from markethub.domain.operation import KEY_LIFE
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.usecases.drive_submission import AskedOfDispute
from markethub.domain.usecases.settlement import lock
from tests.support.bank import DUE_BY, dispute_object, movement
from tests.support.disputed import PDF, Disputed
from tests.support.faults import Crash, Fault
from tests.support.world import World

pytestmark = pytest.mark.anyio

TAKEN = movement("txn_taken", -5000, fee=1500)
BACK = movement("txn_back", 5000, fee=-1500)
FEE = 175


@pytest.fixture
async def disputed(world: World) -> Disputed:
    """A paid order of 50.00 USD, on each store, and a bank that may dispute it."""
    disputed = Disputed(world)
    await disputed.pay()
    return disputed


class TestFunds:
    """Money moves only with funds withdrawn and reinstated."""

    async def test_a_dispute_moves_nothing_until_its_funds_are_withdrawn(
        self, disputed: Disputed
    ) -> None:
        await disputed.open()

        payment = await disputed.payment()
        assert (payment.disputed.minor, payment.chargeback_open) == (0, True)
        assert (Book.DISPUTE_LOSSES, "usd") not in await disputed.world.books()

    async def test_what_is_withdrawn_is_in_dispute_and_its_fee_is_booked(
        self, disputed: Disputed
    ) -> None:
        await disputed.open(balance_transactions=[TAKEN])

        payment = await disputed.payment()
        books = await disputed.world.books()
        assert (payment.disputed.minor, payment.amount_refundable.minor) == (5000, 0)
        assert books[Book.PROVIDER_BALANCE, "usd"] == 5000 - FEE - 5000 - 1500
        assert books[Book.DISPUTE_LOSSES, "usd"] == 5000
        assert books[Book.DISPUTE_FEES, "usd"] == 1500
        assert sum(books.values()) == 0

    async def test_what_is_reinstated_is_no_longer_in_dispute_and_a_fee_may_come_back(
        self, disputed: Disputed
    ) -> None:
        await disputed.open(balance_transactions=[TAKEN])

        disputed.bank.change(status="won", balance_transactions=[TAKEN, BACK])
        await disputed.tell("charge.dispute.funds_reinstated")

        payment = await disputed.payment()
        books = await disputed.world.books()
        assert (payment.disputed.minor, payment.amount_refundable.minor) == (0, 5000)
        assert (books[Book.DISPUTE_LOSSES, "usd"], books[Book.DISPUTE_FEES, "usd"]) == (0, 0)

    async def test_a_win_alone_gives_nothing_back(self, disputed: Disputed) -> None:
        await disputed.open(balance_transactions=[TAKEN])

        disputed.bank.change(status="won")
        await disputed.tell("charge.dispute.closed")

        payment = await disputed.payment()
        assert (payment.disputed.minor, payment.chargeback_open) == (5000, False)

    async def test_an_inquiry_takes_nothing_and_blocks_nothing(self, disputed: Disputed) -> None:
        inquiry = await disputed.open(status="warning_needs_response")

        payment = await disputed.payment()
        assert inquiry.is_inquiry
        assert (payment.disputed.minor, payment.chargeback_open) == (0, False)

    async def test_an_inquiry_may_escalate_to_a_chargeback(self, disputed: Disputed) -> None:
        await disputed.open(status="warning_needs_response")

        disputed.bank.change(status="needs_response", balance_transactions=[TAKEN])
        await disputed.tell("charge.dispute.updated")

        payment = await disputed.payment()
        outbox = await disputed.world.container.queries().outbox()
        opened = [each.is_inquiry for each in outbox if isinstance(each, DisputeOpened)]
        assert (payment.disputed.minor, payment.chargeback_open) == (5000, True)
        assert [True, False] == opened

    async def test_a_dispute_may_be_born_lost_and_won_late(self, disputed: Disputed) -> None:
        await disputed.open(status="lost", balance_transactions=[TAKEN])
        born = await disputed.payment()

        disputed.bank.change(status="won", balance_transactions=[TAKEN, BACK])
        await disputed.tell("charge.dispute.updated")

        payment = await disputed.payment()
        assert (born.disputed.minor, born.chargeback_open) == (5000, False)
        assert payment.disputed.minor == 0
        assert ["dispute.opened", "dispute.lost", "dispute.won"] == await disputed.told()

    async def test_a_prevented_dispute_leaves_the_payment_as_it_was(
        self, disputed: Disputed
    ) -> None:
        before = await disputed.payment()

        await disputed.open(status="prevented")

        assert before == await disputed.payment()

    async def test_a_lost_remainder_gives_back_what_was_not_refunded(
        self, disputed: Disputed
    ) -> None:
        back = movement("txn_back", 3000)
        await disputed.open(status="lost", balance_transactions=[TAKEN, back])

        assert (await disputed.payment()).disputed.minor == 2000

    async def test_several_disputes_of_one_charge_add_up(self, disputed: Disputed) -> None:
        first = movement("txn_1", -2000)
        await disputed.open(id="dp_1", amount=2000, balance_transactions=[first])
        await disputed.open(id="dp_2", amount=1000, balance_transactions=[movement("txn_2", -1000)])
        both = await disputed.payment()

        back = movement("txn_3", 2000)
        disputed.bank.change("dp_1", status="won", balance_transactions=[first, back])
        await disputed.tell("charge.dispute.closed", "dp_1")

        one = await disputed.payment()
        assert (both.disputed.minor, both.chargeback_open) == (3000, True)
        assert (one.disputed.minor, one.chargeback_open) == (1000, True)

    async def test_one_of_several_that_is_open_is_enough_whichever_it_is(
        self, disputed: Disputed
    ) -> None:
        await disputed.open(id="dp_1", amount=2000)
        await disputed.open(id="dp_2", amount=1000)

        disputed.bank.change("dp_2", status="lost")
        await disputed.tell("charge.dispute.closed", "dp_2")

        assert (await disputed.payment()).chargeback_open

    async def test_a_dispute_may_be_of_more_than_the_charge(self, disputed: Disputed) -> None:
        taken = movement("txn_taken", -6000)
        await disputed.open(amount=6000, balance_transactions=[taken])

        payment = await disputed.payment()
        assert (payment.disputed.minor, payment.amount_refundable.minor) == (6000, 0)

    async def test_a_dispute_of_another_currency_holds_the_whole_payment(
        self, disputed: Disputed
    ) -> None:
        taken = movement("txn_taken", -4300, currency="eur")
        await disputed.open(amount=4300, currency="eur", balance_transactions=[taken])

        assert (await disputed.payment()).disputed == Money.of(5000, "usd")

    async def test_funds_in_another_settlement_currency_pass_through_the_exchange(
        self, disputed: Disputed
    ) -> None:
        taken = movement("txn_taken", -4500, fee=1400, currency="eur")
        await disputed.open(balance_transactions=[taken])

        books = await disputed.world.books()
        assert (await disputed.payment()).disputed.minor == 5000
        assert books[Book.DISPUTE_LOSSES, "usd"] == 5000
        assert books[Book.FOREIGN_EXCHANGE, "usd"] == -5000
        assert books[Book.FOREIGN_EXCHANGE, "eur"] == 4500
        assert books[Book.PROVIDER_BALANCE, "eur"] == -4500 - 1400


class TestHearing:
    """Events are hints, whatever they carry; each is taken once."""

    async def test_a_dispute_is_found_by_its_charge_where_no_intent_is_told(
        self, disputed: Disputed
    ) -> None:
        dispute = await disputed.open(payment_intent=None)

        assert dispute.payment_id == (await disputed.payment()).id

    async def test_a_dispute_of_nobody_we_know_waits(self, disputed: Disputed) -> None:
        disputed.bank.put({**disputed_by_others(), "id": "dp_9"})
        await disputed.tell("charge.dispute.created", "dp_9")

        health = await disputed.world.container.queries().health()
        assert (1, []) == (health.waiting_events, await disputed.disputes())

    async def test_a_provider_that_is_down_is_asked_again(self, disputed: Disputed) -> None:
        disputed.bank.is_down = True
        payment = await disputed.payment()
        disputed.bank.put(disputed_by_others(charge=payment.charge_id))
        await disputed.tell("charge.dispute.created")
        missed = await disputed.disputes()

        disputed.bank.is_down = False
        disputed.world.clock.advance(hours=1)
        await disputed.process()

        assert (0, 1) == (len(missed), len(await disputed.disputes()))

    async def test_a_view_that_grew_old_on_its_way_is_read_again(self, disputed: Disputed) -> None:
        await disputed.open(balance_transactions=[TAKEN])
        disputed.bank.change(status="lost")

        async def late_win() -> None:
            disputed.bank.change(status="won", balance_transactions=[TAKEN, BACK])
            settlement = disputed.world.container.dispute_settlement()
            await settlement.refresh(await disputed.dispute())

        disputed.bank.after_read = late_win
        await disputed.tell("charge.dispute.closed")

        health = await disputed.world.container.queries().health()
        assert (await disputed.dispute()).status is DisputeStatus.WON
        assert ["dispute.opened", "dispute.won"] == await disputed.told()
        assert 0 == health.waiting_events

    async def test_an_early_fraud_warning_is_recorded_and_kept_up_to_date(
        self, disputed: Disputed
    ) -> None:
        payment = await disputed.payment()
        warning = {
            "id": "issfr_1",
            "object": "radar.early_fraud_warning",
            "actionable": True,
            "charge": payment.charge_id,
            "created": 1793610000,
            "fraud_type": "unauthorized_use_of_card",
            "livemode": False,
        }
        disputed.bank.warnings["issfr_1"] = warning
        for what in ("created", "created", "updated"):
            await disputed.deliver(f"radar.early_fraud_warning.{what}", warning)
        await disputed.process()
        [first] = (await disputed.payment()).fraud_warnings

        async def resolved() -> None:
            disputed.bank.warnings["issfr_1"] = {**warning, "actionable": False}
            await disputed.world.container.transactions().run(note_it)

        async def note_it(tx: Transaction) -> None:
            _, found = await lock(tx, payment.id)
            newer = attrs.evolve(first, is_actionable=False)
            await tx.payments.save(found.warn(newer, now=disputed.world.clock.now()))

        # Another reading overtakes this one, which shows the warning as it was before.
        disputed.bank.after_read = resolved
        await disputed.deliver("radar.early_fraud_warning.updated", warning)
        await disputed.process()

        [now] = (await disputed.payment()).fraud_warnings
        assert (True, False) == (first.is_actionable, now.is_actionable)
        assert now.fraud_type == "unauthorized_use_of_card"


def disputed_by_others(**changes: Any) -> dict[str, Any]:
    """Return a dispute that tells no intent; of a charge that is not ours, unless one is given."""
    return dispute_object(**{"charge": "ch_unknown", "payment_intent": None, **changes})


class TestEvidence:
    """Drafted here, submitted once, and not after its time."""

    async def test_a_draft_is_ours_alone_until_it_is_submitted(self, disputed: Disputed) -> None:
        dispute = await disputed.open()

        drafted = await disputed.draft(dispute.id, uncategorized_text="sent on Monday")

        assert {"uncategorized_text": "sent on Monday"} == drafted.draft.fields
        assert drafted.drafted_by == "ann"
        assert [] == disputed.bank.executed

    async def test_a_new_draft_replaces_the_texts_and_keeps_the_files(
        self, disputed: Disputed
    ) -> None:
        dispute = await disputed.open()
        await disputed.draft(dispute.id, uncategorized_text="first", customer_name="Ann")
        await disputed.attach(dispute.id)

        drafted = await disputed.draft(dispute.id, uncategorized_text="second")

        assert {"uncategorized_text": "second", "receipt": "file_1"} == drafted.draft.fields

    async def test_the_same_file_is_uploaded_once_whatever_became_of_the_answer(
        self, disputed: Disputed
    ) -> None:
        dispute = await disputed.open()
        disputed.bank.faults = [Fault.LOST_REPLY]
        with pytest.raises(GatewayUnavailable):
            await disputed.attach(dispute.id)

        attached = await disputed.attach(dispute.id)

        assert {"receipt": "file_1"} == attached.draft.files
        assert [PDF] == [file.content for file in disputed.bank.files.values()]

    async def test_a_file_that_the_provider_stumbled_over_can_be_attached_an_hour_later(
        self, disputed: Disputed
    ) -> None:
        dispute = await disputed.open()
        disputed.bank.stores_500 = True
        with pytest.raises(GatewayUnavailable):
            await disputed.attach(dispute.id)
        disputed.bank.stores_500 = False

        disputed.world.clock.advance(hours=1)
        attached = await disputed.attach(dispute.id)

        assert {"receipt": "file_1"} == attached.draft.files

    @pytest.mark.parametrize(
        ("content", "field"),
        [
            pytest.param(b"", "receipt", id="an empty file"),
            pytest.param(b"GIF89a", "receipt", id="another type"),
            pytest.param(b"%PDF-" + bytes(5 * 1024 * 1024), "receipt", id="too large"),
            pytest.param(PDF, "uncategorized_text", id="a text field"),
            pytest.param(PDF, "selfie", id="an unknown field"),
        ],
    )
    async def test_what_stripe_does_not_take_is_refused_and_not_uploaded(
        self, disputed: Disputed, content: bytes, field: str
    ) -> None:
        dispute = await disputed.open()

        with pytest.raises(ValidationFailed):
            await disputed.attach(dispute.id, content, field)

        assert {} == disputed.bank.files

    async def test_submitting_hands_over_the_draft_and_counts(self, disputed: Disputed) -> None:
        dispute = await disputed.open()
        await disputed.draft(dispute.id, uncategorized_text="winning_evidence")
        await disputed.attach(dispute.id)

        submitted = await disputed.submit(dispute.id)

        [(request, _)] = disputed.bank.executed
        evidence = {"uncategorized_text": "winning_evidence", "receipt": "file_1"}
        assert {"evidence": evidence, "submit": True} == request.params
        assert submitted.status is DisputeStatus.UNDER_REVIEW
        assert (1, True) == (submitted.submission_count, submitted.has_evidence)

    async def test_evidence_is_taken_once(self, disputed: Disputed) -> None:
        dispute = await disputed.open()
        await disputed.draft(dispute.id, uncategorized_text="once")
        await disputed.submit(dispute.id)

        with pytest.raises(InvalidTransition):
            await disputed.submit(dispute.id)
        with pytest.raises(InvalidTransition):
            await disputed.draft(dispute.id, uncategorized_text="twice")

        assert len(disputed.bank.executed) == 1

    async def test_an_inquiry_is_answered_likewise(self, disputed: Disputed) -> None:
        dispute = await disputed.open(status="warning_needs_response")
        await disputed.draft(dispute.id, uncategorized_text="it was sent")

        submitted = await disputed.submit(dispute.id)

        assert submitted.status is DisputeStatus.WARNING_UNDER_REVIEW

    async def test_of_many_who_change_one_draft_at_once_one_does_and_the_others_look_again(
        self, disputed: Disputed
    ) -> None:
        dispute = await disputed.open()
        seen = dispute.draft.fingerprint
        told = await asyncio.gather(
            *(
                disputed.draft(dispute.id, seen=seen, uncategorized_text=f"text {number}")
                for number in range(4)
            ),
            return_exceptions=True,
        )

        kept = [each for each in told if not isinstance(each, BaseException)]
        assert 3 == len([each for each in told if isinstance(each, InvalidTransition)])
        assert [(await disputed.dispute()).draft] == [each.draft for each in kept]

    async def test_what_was_not_seen_is_not_submitted(self, disputed: Disputed) -> None:
        dispute = await disputed.open()
        seen = (await disputed.draft(dispute.id, uncategorized_text="seen")).draft.fingerprint
        await disputed.attach(dispute.id)
        with pytest.raises(InvalidTransition):
            await disputed.submit(dispute.id, seen=seen)

        assert [] == disputed.bank.executed

    async def test_a_repetition_after_the_submission_asks_for_no_new_look(
        self, disputed: Disputed
    ) -> None:
        dispute = await disputed.open()
        seen = (await disputed.draft(dispute.id, uncategorized_text="seen")).draft.fingerprint
        first = await disputed.submit(dispute.id, origin="k", seen=seen)

        assert first.id == (await disputed.submit(dispute.id, origin="k", seen=seen)).id
        assert 1 == len(disputed.bank.executed)

    async def test_an_empty_draft_is_not_submitted(self, disputed: Disputed) -> None:
        dispute = await disputed.open()

        with pytest.raises(ValidationFailed):
            await disputed.submit(dispute.id)

        assert [] == disputed.bank.executed

    async def test_past_due_nothing_is_taken(self, disputed: Disputed) -> None:
        dispute = await disputed.open()
        await disputed.draft(dispute.id, uncategorized_text="too late")
        due_by = datetime.fromtimestamp(DUE_BY, UTC)
        disputed.world.clock.advance(
            seconds=(due_by - disputed.world.clock.now()).total_seconds() + 1
        )

        for late in (
            disputed.submit(dispute.id),
            disputed.draft(dispute.id, uncategorized_text="still"),
            disputed.attach(dispute.id),
        ):
            with pytest.raises(EvidencePastDue):
                await late

        assert ([], {}) == (disputed.bank.executed, disputed.bank.files)

    async def test_the_provider_may_say_past_due_first(self, disputed: Disputed) -> None:
        details = {"due_by": DUE_BY, "past_due": True, "submission_count": 0}
        dispute = await disputed.open(evidence_details=details)

        with pytest.raises(EvidencePastDue):
            await disputed.draft(dispute.id, uncategorized_text="late")

        assert dispute.is_past_due

    async def test_the_storefront_is_reminded_once_some_days_before(
        self, disputed: Disputed
    ) -> None:
        dispute = await disputed.open()
        remind = disputed.world.container.remind_of_disputes()
        assert dispute.evidence_due_by is not None
        early = await remind()

        until = dispute.evidence_due_by - timedelta(days=2) - disputed.world.clock.now()
        disputed.world.clock.advance(seconds=until.total_seconds())
        told = [await remind(), await remind()]

        outbox = await disputed.world.container.queries().outbox()
        due = [each for each in outbox if isinstance(each, DisputeDue)]
        assert (0, [1, 0]) == (early, told)
        assert [dispute.evidence_due_by.isoformat()] == [each.due_by for each in due]

    async def test_a_dispute_that_does_not_exist_is_not_found(self, disputed: Disputed) -> None:
        for asked in (
            disputed.draft(DisputeId("dsp_none"), uncategorized_text="x"),
            disputed.attach(DisputeId("dsp_none")),
            disputed.submit(DisputeId("dsp_none")),
            disputed.accept(DisputeId("dsp_none")),
        ):
            with pytest.raises(NotFound):
                await asked


class TestAccepting:
    """Conceding a chargeback, once and for all."""

    async def test_an_accepted_dispute_is_lost(self, disputed: Disputed) -> None:
        dispute = await disputed.open(balance_transactions=[TAKEN])

        accepted = await disputed.accept(dispute.id)

        assert accepted.status is DisputeStatus.LOST
        assert (await disputed.payment()).chargeback_open is False
        assert ["dispute.opened", "dispute.lost"] == await disputed.told()

    @pytest.mark.parametrize(
        "status", ["warning_needs_response", "under_review", "won", "lost", "prevented"]
    )
    async def test_only_a_chargeback_that_waits_for_us_can_be_accepted(
        self, disputed: Disputed, status: str
    ) -> None:
        dispute = await disputed.open(status=status)

        with pytest.raises(InvalidTransition):
            await disputed.accept(dispute.id)

        assert [] == disputed.bank.executed


class TestUnknownOutcomes:
    """Unknown is never failed: the same row is finished under the same key."""

    async def drafted(self, disputed: Disputed) -> DisputeId:
        dispute = await disputed.open()
        await disputed.draft(dispute.id, uncategorized_text="it was sent")
        return dispute.id

    @pytest.mark.parametrize("fault", [Fault.LOST_REQUEST, Fault.LOST_REPLY])
    async def test_a_lost_submission_is_finished_by_recovery(
        self, disputed: Disputed, fault: Fault
    ) -> None:
        dispute_id = await self.drafted(disputed)
        disputed.bank.faults = [fault]
        with pytest.raises(GatewayUnavailable):
            await disputed.submit(dispute_id)
        before = await disputed.dispute()

        await disputed.recover()

        after = await disputed.dispute()
        assert before.status is DisputeStatus.NEEDS_RESPONSE
        assert (DisputeStatus.UNDER_REVIEW, 1) == (after.status, after.submission_count)
        assert len(disputed.bank.executed) == 1

    @pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
    async def test_a_crash_is_survived_by_the_row(self, disputed: Disputed, fault: Fault) -> None:
        dispute_id = await self.drafted(disputed)
        disputed.bank.faults = [fault]
        with pytest.raises(Crash):
            await disputed.submit(dispute_id)

        await disputed.recover()

        assert (await disputed.dispute()).status is DisputeStatus.UNDER_REVIEW
        assert len(disputed.bank.executed) == 1

    async def test_what_stays_unknown_is_left_alone_for_a_while(self, disputed: Disputed) -> None:
        dispute_id = await self.drafted(disputed)
        disputed.bank.is_down = True
        with pytest.raises(GatewayUnavailable):
            await disputed.submit(dispute_id)
        reconcile = disputed.world.container.reconcile_disputes()
        disputed.world.clock.advance(seconds=30)

        first, again = await reconcile(), await reconcile()

        assert [1, 0] == [first.unresolved, again.unresolved]

    async def test_a_repetition_finishes_what_was_left(self, disputed: Disputed) -> None:
        dispute_id = await self.drafted(disputed)
        disputed.bank.faults = [Fault.LOST_REPLY]
        with pytest.raises(GatewayUnavailable):
            await disputed.submit(dispute_id)

        submitted = await disputed.submit(dispute_id)

        assert submitted.status is DisputeStatus.UNDER_REVIEW
        assert len(disputed.bank.executed) == 1

    async def test_meanwhile_nothing_else_is_begun(self, disputed: Disputed) -> None:
        dispute_id = await self.drafted(disputed)
        disputed.bank.faults = [Fault.LOST_REQUEST]
        with pytest.raises(GatewayUnavailable):
            await disputed.submit(dispute_id)

        for other in (
            disputed.accept(dispute_id),
            disputed.draft(dispute_id, uncategorized_text="other"),
            disputed.attach(dispute_id),
        ):
            with pytest.raises(RequestInProgress):
                await other

    async def test_ten_submissions_at_once_are_one(self, disputed: Disputed) -> None:
        dispute_id = await self.drafted(disputed)

        answers = await asyncio.gather(
            *(disputed.submit(dispute_id) for _ in range(10)), return_exceptions=True
        )

        assert len(disputed.bank.executed) == 1
        assert (await disputed.dispute()).submission_count == 1
        assert any(not isinstance(each, BaseException) for each in answers)

    async def test_whoever_asks_before_the_dispute_shows_it_asks_for_the_same(
        self, disputed: Disputed
    ) -> None:
        dispute_id = await self.drafted(disputed)
        disputed.bank.faults = [Fault.LOST_REPLY]
        with pytest.raises(GatewayUnavailable):
            await disputed.submit(dispute_id)

        async def somebody_else() -> None:
            await disputed.submit(dispute_id)

        # The repetition is answered with a replay, so the dispute has to be read.
        disputed.bank.after_read = somebody_else
        submitted = await disputed.submit(dispute_id)

        assert submitted.status is DisputeStatus.UNDER_REVIEW
        assert len(disputed.bank.executed) == 1

    async def test_what_is_done_and_cannot_be_read_stays_unresolved(
        self, disputed: Disputed
    ) -> None:
        dispute_id = await self.drafted(disputed)
        disputed.bank.faults = [Fault.LOST_REPLY]
        with pytest.raises(GatewayUnavailable):
            await disputed.submit(dispute_id)
        disputed.bank.fails_reads = True
        with pytest.raises(GatewayUnavailable):
            await disputed.submit(dispute_id)

        disputed.bank.fails_reads = False
        await disputed.recover()

        assert (await disputed.dispute()).status is DisputeStatus.UNDER_REVIEW
        assert len(disputed.bank.executed) == 1

    async def test_a_refusal_is_told_and_the_dispute_read(self, disputed: Disputed) -> None:
        dispute_id = await self.drafted(disputed)
        disputed.bank.declines_with = "dispute_closed"
        disputed.bank.change(status="lost")

        with pytest.raises(GatewayRejected):
            await disputed.submit(dispute_id)

        assert (await disputed.dispute()).status is DisputeStatus.LOST
        assert [] == disputed.bank.executed

    async def test_a_key_stands_for_one_request(self, disputed: Disputed) -> None:
        dispute_id = await self.drafted(disputed)
        first = await disputed.submit(dispute_id, origin="ops|submit|k1")

        again = await disputed.submit(dispute_id, origin="ops|submit|k1")

        assert first == again
        with pytest.raises(KeyReused):
            await disputed.accept(dispute_id, origin="ops|submit|k1")

    async def test_a_stored_500_without_effect_gets_another_key(self, disputed: Disputed) -> None:
        dispute_id = await self.drafted(disputed)
        disputed.bank.stores_500 = True
        with pytest.raises(GatewayUnavailable):
            await disputed.submit(dispute_id)

        disputed.bank.stores_500 = False
        await disputed.recover()

        [(_, key)] = disputed.bank.executed
        assert key.endswith(":2")
        assert (await disputed.dispute()).status is DisputeStatus.UNDER_REVIEW

    async def test_a_stored_500_that_two_look_behind_gets_one_further_key(
        self, disputed: Disputed
    ) -> None:
        dispute_id = await self.drafted(disputed)
        disputed.bank.stores_500 = True
        with pytest.raises(GatewayUnavailable):
            await disputed.submit(dispute_id)
        container, dispute = disputed.world.container, await disputed.dispute()
        run = container.transactions().run
        second = await run(lambda tx: tx.submissions.unresolved(dispute_id))
        assert second is not None
        first = attrs.evolve(second, attempt=second.attempt - 1)
        with pytest.raises(GatewayUnavailable):
            await container.drive_submission()(AskedOfDispute(submission=first, dispute=dispute))

        after = await run(lambda tx: tx.submissions.unresolved(dispute_id))
        assert after is not None
        assert after.attempt == second.attempt

    @pytest.mark.parametrize("happened", [True, False])
    async def test_after_the_keys_life_only_a_read_tells(
        self, disputed: Disputed, *, happened: bool
    ) -> None:
        dispute_id = await self.drafted(disputed)
        disputed.bank.faults = [Fault.LOST_REPLY if happened else Fault.LOST_REQUEST]
        with pytest.raises(GatewayUnavailable):
            await disputed.submit(dispute_id)
        disputed.world.clock.advance(seconds=KEY_LIFE.total_seconds())

        await disputed.recover()

        dispute = await disputed.dispute()
        expected = DisputeStatus.UNDER_REVIEW if happened else DisputeStatus.NEEDS_RESPONSE
        assert (expected, int(happened)) == (dispute.status, len(disputed.bank.executed))
        if not happened:
            assert (await disputed.submit(dispute_id)).status is DisputeStatus.UNDER_REVIEW

    async def test_a_submission_busy_elsewhere_is_waited_for_a_while(
        self, disputed: Disputed
    ) -> None:
        dispute_id = await self.drafted(disputed)
        disputed.bank.faults = [Fault.BUSY, Fault.BUSY]

        submitted = await disputed.submit(dispute_id)

        assert submitted.status is DisputeStatus.UNDER_REVIEW


async def test_two_workers_at_once_make_one_dispute(disputed: Disputed) -> None:
    payment = await disputed.payment()
    disputed.bank.put(disputed_by_others(charge=payment.charge_id, balance_transactions=[TAKEN]))
    for what in ("created", "funds_withdrawn"):
        await disputed.deliver(f"charge.dispute.{what}", disputed.bank.disputes["dp_1"])

    await asyncio.gather(*(disputed.process() for _ in range(4)))
    disputed.world.clock.advance(hours=1)
    await disputed.process()

    books = await disputed.world.books()
    assert 1 == len(await disputed.disputes())
    assert (5000, 1500) == (books[Book.DISPUTE_LOSSES, "usd"], books[Book.DISPUTE_FEES, "usd"])
    assert ["dispute.opened"] == await disputed.told()


async def test_the_worker_finishes_submissions_and_reminds(disputed: Disputed) -> None:
    dispute = await disputed.open()
    await disputed.draft(dispute.id, uncategorized_text="it was sent")
    other = await disputed.open(id="dp_2")
    disputed.bank.faults = [Fault.LOST_REPLY]
    with pytest.raises(GatewayUnavailable):
        await disputed.submit(dispute.id)
    disputed.world.clock.advance(days=5)

    done = await disputed.world.container.recover()()

    assert (1, 1, 1) == (done.resolved, done.reminded, len(disputed.bank.executed))
    assert (await disputed.dispute()).status is DisputeStatus.UNDER_REVIEW
    reminded = await disputed.dispute("dp_2")
    assert (other.id, True) == (reminded.id, reminded.reminded_at is not None)


async def test_the_draft_survives_what_the_provider_says(disputed: Disputed) -> None:
    dispute = await disputed.open()
    drafted = await disputed.draft(dispute.id, uncategorized_text="kept")

    disputed.bank.change(balance_transactions=[TAKEN])
    await disputed.tell("charge.dispute.funds_withdrawn")

    assert drafted.draft == (await disputed.dispute()).draft
