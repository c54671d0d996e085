"""A world with a paid order and a bank that disputes its charge."""

from collections.abc import Mapping
from typing import Any

from dependency_injector import providers

from markethub.domain.audit import Act
from markethub.domain.dispute import Dispute
from markethub.domain.ids import DisputeId
from markethub.domain.payment import Payment
from markethub.domain.ports.disputes import DisputeFilter
from markethub.domain.usecases.accept_dispute import AcceptDisputeCommand
from markethub.domain.usecases.attach_file import AttachFileCommand
from markethub.domain.usecases.draft_evidence import DraftEvidenceCommand
from markethub.domain.usecases.submit_evidence import SubmitEvidenceCommand
from tests.support.bank import Bank, dispute_object
from tests.support.stripe_objects import event
from tests.support.world import World

PDF = b"%PDF-1.7 a receipt"


class Disputed:
    """What a test does with a disputed payment of 50.00 USD."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.bank = Bank()
        world.container.dispute_desk.override(providers.Object(self.bank))
        self._events = 0

    async def pay(self, order_id: str = "o-1", *, total: int = 5000) -> Payment:
        """Let a customer pay an order; the bank may then dispute it."""
        await self.world.register(order_id, total=total)
        started = await self.world.charge(order_id)
        self.world.pay(started)
        await self.world.work()
        [payment] = await self.world.payments(order_id)
        return payment

    async def payment(self) -> Payment:
        [payment] = await self.world.payments()
        return payment

    async def open(self, **changes: Any) -> Dispute:
        """Let the bank dispute the charge of order o-1, and us hear of it."""
        payment = await self.payment()
        about = {"charge": payment.charge_id, "payment_intent": payment.intent_id}
        obj = dispute_object(**{**about, **changes})
        self.bank.put(obj)
        await self.tell("charge.dispute.created", obj["id"])
        return await self.dispute(obj["id"])

    async def tell(self, type: str, id: str = "dp_1", **changes: Any) -> None:
        """Deliver an event about a dispute as the bank has it now, and process it."""
        await self.deliver(type, self.bank.disputes[id], **changes)
        await self.process()

    async def deliver(self, type: str, obj: Mapping[str, Any], **changes: Any) -> None:
        self._events += 1
        body = event(dict(obj), type, id=f"evt_dispute_{self._events}", **changes)
        await self.world.deliver(body)

    async def process(self) -> None:
        await self.world.container.process_inbox()()

    async def disputes(self) -> list[Dispute]:
        """Return all disputes, oldest first."""
        page = await self.world.container.dispute_queries().disputes(DisputeFilter())
        return list(reversed(page.items))

    async def dispute(self, provider_id: str = "dp_1") -> Dispute:
        [found] = [each for each in await self.disputes() if each.provider_id == provider_id]
        return found

    async def told(self) -> list[str]:
        """Name what the storefront is told about disputes, in order."""
        outbox = await self.world.container.queries().outbox()
        return [each.type for each in outbox if each.type.startswith("dispute.")]

    # --- staff ----------------------------------------------------------------------------------

    async def draft(self, id: DisputeId, *, seen: str | None = None, **texts: str) -> Dispute:
        command = DraftEvidenceCommand(dispute_id=id, texts=texts, act=Act(actor="ann"), seen=seen)
        return await self.world.container.draft_evidence()(command)

    async def attach(self, id: DisputeId, content: bytes = PDF, field: str = "receipt") -> Dispute:
        command = AttachFileCommand(
            dispute_id=id, field=field, content=content, act=Act(actor="ann")
        )
        return await self.world.container.attach_file()(command)

    async def submit(
        self, id: DisputeId, *, origin: str | None = None, seen: str | None = None
    ) -> Dispute:
        act = Act(actor="ann")
        command = SubmitEvidenceCommand(dispute_id=id, act=act, origin=origin, seen=seen)
        return await self.world.container.submit_evidence()(command)

    async def accept(self, id: DisputeId, *, origin: str | None = None) -> Dispute:
        command = AcceptDisputeCommand(dispute_id=id, act=Act(actor="ann"), origin=origin)
        return await self.world.container.accept_dispute()(command)

    async def recover(self) -> None:
        """Let an unknown submission become due, and recover."""
        self.world.clock.advance(seconds=30)
        await self.world.container.reconcile_disputes()()
