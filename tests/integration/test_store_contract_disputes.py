"""What every store promises of disputes and of what is asked about them."""

from datetime import timedelta

import anyio
import attrs
import pytest

from markethub.domain.dispute import DUE_SOON, DisputeStatus
from markethub.domain.errors import StaleWrite, ValidationFailed
from markethub.domain.events import DisputeOpened
from markethub.domain.evidence import Evidence
from markethub.domain.facts import BalanceTransaction, FraudWarning
from markethub.domain.ids import (
    ChargeId,
    DisputeId,
    OrderId,
    PaymentId,
    ProviderDisputeId,
    ProviderFileId,
    SubmissionId,
    WarningId,
)
from markethub.domain.money import Money
from markethub.domain.operation import RETRY_AFTER, OperationStatus
from markethub.domain.ports.disputes import DisputeFilter
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.submission import SubmissionKind
from tests.support.stored_disputes import dispute, save, submission
from tests.support.stores import START, Store, later, order, payment, put, together

pytestmark = pytest.mark.anyio

PAY1, PAY2, DSP1 = PaymentId("pay_1"), PaymentId("pay_2"), DisputeId("dsp_1")


@pytest.fixture
async def paid(store: Store) -> Store:
    """A store with an order and its payment."""
    await put(store, order(), payment())
    return store


class TestDisputes:
    """Disputes."""

    async def test_a_dispute_is_found_as_it_was_saved_with_every_field(self, paid: Store) -> None:
        full = dispute(
            amount=Money.of(99_999_999, "kwd"),
            movements=(
                BalanceTransaction(
                    id="txn_1", amount=Money.of(-4516, "eur"), fee=Money.of(2000, "eur")
                ),
                BalanceTransaction(
                    id="txn_2", amount=Money.of(4516, "eur"), fee=Money.of(-2000, "eur")
                ),
            ),
            has_evidence=True,
            submission_count=2,
            is_past_due=True,
            draft=Evidence(
                texts={"customer_name": "Tée ☕"}, files={"receipt": ProviderFileId("file_1")}
            ),
            drafted_by="ann",
            reminded_at=later(days=4),
            updated_at=later(microseconds=1),
        )
        await save(paid, full)

        stored = attrs.evolve(full, version=1)
        provider_id = full.provider_id
        found = paid.transactions.run(lambda tx: tx.disputes.find_by_provider_id(provider_id))
        assert stored == await paid.transactions.run(lambda tx: tx.disputes.find(DSP1))
        assert stored == await found
        assert stored == await paid.transactions.run(lambda tx: tx.disputes.lock(DSP1))
        assert stored == await paid.dispute_queries.dispute(DSP1)

    async def test_what_does_not_exist_is_not_found(self, store: Store) -> None:
        none = ProviderDisputeId("dp_none")
        found = store.transactions.run(lambda tx: tx.disputes.find_by_provider_id(none))

        assert await store.transactions.run(lambda tx: tx.disputes.find(DSP1)) is None
        assert await store.transactions.run(lambda tx: tx.disputes.lock(DSP1)) is None
        assert await found is None
        assert await store.dispute_queries.dispute(DSP1) is None

    async def test_saving_stages_what_is_to_be_told(self, paid: Store) -> None:
        told = DisputeOpened(
            dispute_id=DSP1,
            payment_id=PAY1,
            order_id=OrderId("o-1"),
            amount_minor=5000,
            currency="usd",
            reason="fraudulent",
            is_inquiry=False,
            occurred_at=START,
        )

        await save(paid, dispute(events=(told,)))

        assert [told] == list(await paid.queries.outbox())

    async def test_of_two_who_read_the_same_one_saves(self, paid: Store) -> None:
        await save(paid, dispute())
        stored = dispute(version=1)
        await save(paid, attrs.evolve(stored, reason="general"))

        with pytest.raises(StaleWrite):
            await save(paid, attrs.evolve(stored, reason="duplicate"))

    async def test_a_dispute_of_the_provider_has_one_row(self, paid: Store) -> None:
        await save(paid, dispute())

        with pytest.raises(StaleWrite):
            await save(paid, dispute("dsp_2", provider_id=dispute().provider_id))

    async def test_disputes_of_a_payment_come_oldest_first(self, paid: Store) -> None:
        other = order("o-2")
        await put(paid, other, payment("pay_2", of=other))
        second, first = dispute("dsp_2", created_at=later(seconds=1)), dispute("dsp_3")
        theirs = dispute("dsp_4", payment_id=PAY2, order_id=OrderId("o-2"))
        await save(paid, second, first, theirs)

        found = await paid.transactions.run(lambda tx: tx.disputes.of_payment(PAY1))

        assert ["dsp_3", "dsp_2"] == [each.id for each in found]

    async def test_those_to_be_reminded_of_come_soonest_first(self, paid: Store) -> None:
        now = later(days=1)
        await save(
            paid,
            dispute("dsp_late", evidence_due_by=now + DUE_SOON),
            dispute("dsp_soon", evidence_due_by=now, status=DisputeStatus.WARNING_NEEDS_RESPONSE),
            dispute("dsp_over", evidence_due_by=now - timedelta(microseconds=1)),
            dispute("dsp_far", evidence_due_by=now + DUE_SOON + timedelta(microseconds=1)),
            dispute("dsp_done", evidence_due_by=now, status=DisputeStatus.UNDER_REVIEW),
            dispute("dsp_told", evidence_due_by=now, reminded_at=START),
            dispute("dsp_open", evidence_due_by=None),
        )

        both = await paid.transactions.run(lambda tx: tx.disputes.due(now=now, limit=10))
        one = await paid.transactions.run(lambda tx: tx.disputes.due(now=now, limit=1))

        assert (["dsp_soon", "dsp_late"], ["dsp_soon"]) == (list(both), list(one))

    async def test_who_locks_a_dispute_keeps_others_from_it(self, paid: Store) -> None:
        await save(paid, dispute())

        async def count(tx: Transaction) -> None:
            found = await tx.disputes.lock(DSP1)
            assert found is not None
            await anyio.lowlevel.checkpoint()
            counted = attrs.evolve(found, submission_count=found.submission_count + 1)
            await tx.disputes.save(counted)

        await together(paid, count, times=10)

        found = await paid.dispute_queries.dispute(DSP1)
        assert found is not None
        assert 10 == found.submission_count

    async def test_they_are_listed_newest_first_in_pages_and_by_filter(self, paid: Store) -> None:
        status = [DisputeStatus.WON, DisputeStatus.LOST, DisputeStatus.WON]
        rows = [
            dispute(f"dsp_{number}", created_at=later(seconds=number // 2), status=status[number])
            for number in range(3)
        ]
        await save(paid, *rows)
        listed = paid.dispute_queries.disputes

        first = await listed(DisputeFilter(), limit=2)
        second = await listed(DisputeFilter(), cursor=first.next_cursor, limit=2)
        won = await listed(DisputeFilter(status=DisputeStatus.WON, payment_id=PAY1))
        others = await listed(DisputeFilter(payment_id=PAY2))

        assert ["dsp_2", "dsp_1"] == [each.id for each in first.items]
        assert (["dsp_0"], None) == ([each.id for each in second.items], second.next_cursor)
        assert ["dsp_2", "dsp_0"] == [each.id for each in won.items]
        assert [] == list(others.items)

    async def test_a_cursor_that_is_not_ours_is_refused(self, store: Store) -> None:
        with pytest.raises(ValidationFailed):
            await store.dispute_queries.disputes(DisputeFilter(), cursor="nonsense")


class TestSubmissions:
    """What we asked about disputes."""

    async def test_a_submission_is_found_as_it_was_saved_with_every_field(
        self, paid: Store
    ) -> None:
        full = attrs.evolve(
            submission(origin="ops:ann|POST /x|k"),
            kind=SubmissionKind.ACCEPT,
            attempt=3,
            status=OperationStatus.REFUSED,
            error_code="dispute_closed",
        )
        await save(paid, dispute(), full)

        stored = attrs.evolve(full, version=1)
        by_id = paid.transactions.run(lambda tx: tx.submissions.find(full.id))
        by_origin = paid.transactions.run(
            lambda tx: tx.submissions.find_by_origin("ops:ann|POST /x|k")
        )
        assert (stored, stored) == (await by_id, await by_origin)

    async def test_a_dispute_has_one_unresolved_submission_at_a_time(self, paid: Store) -> None:
        await save(paid, dispute(), submission())
        with pytest.raises(StaleWrite):
            await save(paid, submission("sub_2"))

        await save(paid, attrs.evolve(submission(), version=1).done(now=START))
        await save(paid, submission("sub_2"))

        unresolved = await paid.transactions.run(lambda tx: tx.submissions.unresolved(DSP1))
        assert unresolved is not None
        assert "sub_2" == unresolved.id

    async def test_an_origin_makes_one_submission(self, paid: Store) -> None:
        done = submission(origin="o").done(now=START)
        await save(paid, dispute(), done)

        with pytest.raises(StaleWrite):
            await save(paid, submission("sub_2", origin="o"))

    async def test_those_due_are_the_unresolved_whose_time_has_come(self, paid: Store) -> None:
        await save(
            paid,
            dispute(),
            dispute("dsp_2"),
            dispute("dsp_3"),
            submission("sub_1").postpone(now=START + RETRY_AFTER),
            submission("sub_2", of="dsp_2"),
            submission("sub_3", of="dsp_3").done(now=START),
        )

        async def due(seconds: float) -> list[SubmissionId]:
            now = START + RETRY_AFTER + timedelta(seconds=seconds)
            found = await paid.transactions.run(lambda tx: tx.submissions.due(now=now, limit=9))
            return list(found)

        assert [] == await due(-1)
        assert ["sub_2"] == await due(0)
        assert ["sub_2", "sub_1"] == await due(RETRY_AFTER.total_seconds())


async def test_a_payment_is_found_by_its_charge(store: Store) -> None:
    await put(store, order(), attrs.evolve(payment(), charge_id=ChargeId("ch_1")))

    found = await store.transactions.run(lambda tx: tx.payments.find_by_charge(ChargeId("ch_1")))
    missing = await store.transactions.run(lambda tx: tx.payments.find_by_charge(ChargeId("ch_2")))

    assert found is not None
    assert (PAY1, None) == (found.id, missing)


async def test_a_payment_keeps_what_disputes_and_warnings_say_of_it(store: Store) -> None:
    warning = FraudWarning(
        id=WarningId("issfr_1"),
        fraud_type="misc",
        is_actionable=True,
        created_at=later(microseconds=5),
    )
    warned = attrs.evolve(payment(), chargeback_open=True, fraud_warnings=(warning,))
    await put(store, order(), warned)

    found = await store.transactions.run(lambda tx: tx.payments.find(PAY1))

    assert attrs.evolve(warned, version=1) == found
