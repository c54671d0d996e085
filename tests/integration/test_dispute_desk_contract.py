"""What both desks promise: the simulated account in this process, and Stripe's SDK at its door."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest

from markethub.adapters.fake.account import Account
from markethub.adapters.stripe.dispute_desk import ApiDisputeDesk
from markethub.domain.errors import NotFound
from markethub.domain.evidence import EvidenceFile
from markethub.domain.facts import ProviderDispute, ProviderDisputeStatus
from markethub.domain.ids import ProviderDisputeId, ProviderFileId, WarningId
from markethub.domain.money import Money
from markethub.domain.ports.dispute_desk import DeskOutcome, DisputeDesk, DisputeDone
from markethub.domain.ports.gateway import Declined
from markethub.domain.submission import CloseDispute, DisputeCommand, SubmitEvidence
from tests.support.carriers import to_account, to_address
from tests.support.door import Passed, door_of
from tests.support.gateway_rig import new_account
from tests.support.stripe_params import problems
from tests.unit.adapters.fake.shop import Shop

pytestmark = pytest.mark.anyio

DISPUTED = "4000000000000259"
INQUIRED = "4000000000001976"
WARNED = "4000000000005423"
PDF = EvidenceFile.of(b"%PDF-1.7\x00\xff\r\n a receipt")
S = ProviderDisputeStatus


@attrs.frozen(kw_only=True)
class Rig:
    """A desk, and the account at its other end."""

    desk: DisputeDesk
    account: Account
    passed: list[Passed]

    def disputed(self, card: str = DISPUTED) -> ProviderDisputeId:
        """Let a card be charged and its issuer dispute that."""
        Shop(self.account).charge(card)
        self.later()
        [dispute] = Shop(self.account).read("disputes")["data"]
        return ProviderDisputeId(dispute["id"])

    def later(self) -> None:
        self.account.advance(self.account.now + 10)

    async def send(self, command: DisputeCommand, *, key: str = "submit:1") -> DeskOutcome:
        return await self.desk.send(self.desk.render(command), idempotency_key=key)

    async def submit(
        self, dispute_id: ProviderDisputeId, text: str, **files: ProviderFileId
    ) -> ProviderDispute:
        evidence = {"uncategorized_text": text, **files}
        outcome = await self.send(SubmitEvidence(dispute_id=dispute_id, evidence=evidence))
        assert isinstance(outcome, DisputeDone), outcome
        return outcome.dispute


@asynccontextmanager
async def rig_of(kind: str, account: Account) -> AsyncIterator[Rig]:
    if kind == "fake":
        yield Rig(desk=ApiDisputeDesk(to_account(account)), account=account, passed=[])
        return
    async with door_of(account) as door:
        desk = ApiDisputeDesk(to_address(door.url))
        yield Rig(desk=desk, account=account, passed=door.passed)
        await desk.close()
        assert [] == [
            found
            for each in door.passed
            if each.path != "/v1/files"  # multipart, which the SDK itself writes
            for found in problems(each.method, each.path, each.form)
        ]


@pytest.fixture(params=["fake", "stripe"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    async with rig_of(request.param, new_account()) as rig:
        yield rig


async def test_a_chargeback_is_read_with_the_funds_that_it_took(rig: Rig) -> None:
    read = await rig.desk.read_dispute(rig.disputed())

    [taken] = read.movements
    assert (S.NEEDS_RESPONSE, "fraudulent") == (read.status, read.reason)
    assert (Money.of(-1000, "usd"), Money.of(1500, "usd")) == (taken.amount, taken.fee)
    assert read.evidence_due_by is not None


async def test_an_inquiry_takes_nothing(rig: Rig) -> None:
    read = await rig.desk.read_dispute(rig.disputed(INQUIRED))

    assert (S.WARNING_NEEDS_RESPONSE, ()) == (read.status, read.movements)


async def test_winning_evidence_wins_and_gives_the_funds_back(rig: Rig) -> None:
    dispute_id = rig.disputed()

    submitted = await rig.submit(dispute_id, "winning_evidence")
    rig.later()
    decided = await rig.desk.read_dispute(dispute_id)

    assert (S.UNDER_REVIEW, 1, True) == (
        submitted.status,
        submitted.submission_count,
        submitted.has_evidence,
    )
    assert (S.WON, [-1000, 1000]) == (
        decided.status,
        [each.amount.minor for each in decided.movements],
    )


async def test_losing_evidence_loses(rig: Rig) -> None:
    dispute_id = rig.disputed()

    await rig.submit(dispute_id, "losing_evidence")
    rig.later()

    decided = await rig.desk.read_dispute(dispute_id)
    assert (S.LOST, 1) == (decided.status, len(decided.movements))


async def test_an_inquiry_escalates_by_its_magic_evidence(rig: Rig) -> None:
    dispute_id = rig.disputed(INQUIRED)

    submitted = await rig.submit(dispute_id, "escalate_inquiry_evidence")
    rig.later()

    escalated = await rig.desk.read_dispute(dispute_id)
    assert S.WARNING_UNDER_REVIEW is submitted.status
    assert (S.NEEDS_RESPONSE, 1) == (escalated.status, len(escalated.movements))


async def test_the_same_submission_is_executed_once(rig: Rig) -> None:
    dispute_id = rig.disputed()
    await rig.submit(dispute_id, "sent")

    command = SubmitEvidence(dispute_id=dispute_id, evidence={"uncategorized_text": "sent"})
    again = await rig.send(command)

    assert isinstance(again, DisputeDone)
    assert again.replayed
    assert 1 == (await rig.desk.read_dispute(dispute_id)).submission_count


async def test_more_evidence_is_counted_while_the_bank_decides(rig: Rig) -> None:
    dispute_id = rig.disputed()
    await rig.submit(dispute_id, "sent")

    command = SubmitEvidence(dispute_id=dispute_id, evidence={"uncategorized_text": "more"})
    outcome = await rig.send(command, key="submit:2")

    assert isinstance(outcome, DisputeDone)
    assert 2 == outcome.dispute.submission_count


async def test_late_evidence_is_said_to_be_past_due(rig: Rig) -> None:
    dispute_id = rig.disputed()
    due_by = (await rig.desk.read_dispute(dispute_id)).evidence_due_by
    assert due_by is not None
    rig.account.advance(int(due_by.timestamp()) + 60)

    await rig.submit(dispute_id, "late")

    assert (await rig.desk.read_dispute(dispute_id)).is_past_due


async def test_a_chargeback_that_nobody_answers_is_lost_and_takes_no_evidence(rig: Rig) -> None:
    dispute_id = rig.disputed()
    rig.account.advance(rig.account.now + 30 * 86_400)

    command = SubmitEvidence(dispute_id=dispute_id, evidence={"uncategorized_text": "late"})

    assert isinstance(await rig.send(command), Declined)
    assert S.LOST is (await rig.desk.read_dispute(dispute_id)).status


async def test_what_is_closed_is_lost(rig: Rig) -> None:
    dispute_id = rig.disputed()

    outcome = await rig.send(CloseDispute(dispute_id=dispute_id))

    assert isinstance(outcome, DisputeDone)
    assert S.LOST is outcome.dispute.status
    assert isinstance(await rig.send(CloseDispute(dispute_id=dispute_id), key="2"), Declined)


async def test_a_file_is_uploaded_once_per_key_and_becomes_evidence(rig: Rig) -> None:
    dispute_id = rig.disputed()

    file_id = await rig.desk.upload(PDF, idempotency_key="k")
    again = await rig.desk.upload(PDF, idempotency_key="k")
    await rig.submit(dispute_id, "sent", receipt=file_id)

    stored = Shop(rig.account).read(f"files/{file_id}")
    shown = Shop(rig.account).read(f"disputes/{dispute_id}")
    assert file_id == again == shown["evidence"]["receipt"]
    assert ("dispute_evidence", "pdf", len(PDF.content)) == tuple(
        stored[name] for name in ("purpose", "type", "size")
    )


async def test_a_file_that_was_never_uploaded_is_no_evidence(rig: Rig) -> None:
    evidence = {"receipt": "file_missing"}

    outcome = await rig.send(SubmitEvidence(dispute_id=rig.disputed(), evidence=evidence))

    assert Declined(code="resource_missing") == outcome


async def test_an_early_fraud_warning_is_read(rig: Rig) -> None:
    Shop(rig.account).charge(WARNED)
    rig.later()
    [listed] = Shop(rig.account).read("radar/early_fraud_warnings")["data"]

    read = await rig.desk.read_warning(WarningId(listed["id"]))

    assert (listed["id"], True, listed["charge"]) == (
        read.warning.id,
        read.warning.is_actionable,
        read.charge_id,
    )


@pytest.mark.parametrize("kind", ["dispute", "warning"])
async def test_what_is_missing_is_not_found(rig: Rig, kind: str) -> None:
    reads: dict[str, Any] = {
        "dispute": lambda: rig.desk.read_dispute(ProviderDisputeId("du_missing")),
        "warning": lambda: rig.desk.read_warning(WarningId("issfr_missing")),
    }

    with pytest.raises(NotFound):
        await reads[kind]()
