"""Merge what the provider says of a method into what we keep of it: the one way in.

A setup, a charge that saves, an event and a read all end here, under the lock of the customer;
the second arrival of the same news changes nothing.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import attrs

from markethub.domain.customer import Customer
from markethub.domain.errors import NotFound, RequestInProgress
from markethub.domain.facts import ProviderMethod
from markethub.domain.ids import IdPrefix, MethodId
from markethub.domain.payment_method import PaymentMethod
from markethub.domain.ports.system import Clock, Ids
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.ports.vault import Vault
from markethub.domain.secret import Secret
from markethub.domain.usecases.remove_method import drop

READS_MAXIMUM: Final = 5
"""How often a view that grew old while it was fetched is fetched again."""


@attrs.frozen(kw_only=True)
class SaveMethod:
    """Reads a method and keeps it, if it is saved to a customer of ours."""

    transactions: Transactions
    vault: Vault
    clock: Clock
    ids: Ids

    async def __call__(self, token: Secret) -> bool:
        """Keep the method as it is at the provider now. Say whether it is one of ours.

        Raises GatewayUnavailable, GatewayRejected; RequestInProgress if it never stands still.
        """
        for _ in range(READS_MAXIMUM):
            version = await self.transactions.run(lambda tx: seen_version(tx, token))
            work = await self.fetch(token, version)
            is_ours = await self.transactions.run(work)
            if is_ours is not None:
                return is_ours
        raise RequestInProgress("the payment method is being changed by others")

    async def fetch(
        self, token: Secret, version: int
    ) -> Callable[[Transaction], Awaitable[bool | None]]:
        """Read the method, outside of any transaction; return what to do inside the next.

        That returns None if the method has changed since ``version``: then read again.
        """
        seen: ProviderMethod | None
        try:
            seen = await self.vault.read_method(token)
        except NotFound:
            seen = None

        async def work(tx: Transaction) -> bool | None:
            if seen is None or seen.customer_id is None:
                return await self.forget(tx, token)
            if await seen_version(tx, token) != version:
                return None
            return await self._keep(tx, seen)

        return work

    async def forget(self, tx: Transaction, token: Secret) -> bool:
        """Note that the provider has detached a method, which is for good."""
        method = await tx.methods.find_by_token(token)
        if method is None:
            return False
        await tx.customers.lock(method.customer_id)
        method = await tx.methods.find_by_token(token)
        if method is None:
            return False
        now = self.clock.now()
        if not method.is_removed:
            await drop(tx, method, now=now, detach=False)
        elif method.detach_due_at is not None:
            await tx.methods.save(method.detached(now=now))
        return True

    async def _keep(self, tx: Transaction, seen: ProviderMethod) -> bool:
        customer = await _owner(tx, seen)
        if customer is None:
            return False
        known = await tx.methods.find_by_token(seen.token)
        if known is not None and known.is_removed:
            return True  # the provider is being told
        if seen.card is None or seen.fingerprint is None:
            return known is not None
        others = [
            method
            for method in await tx.methods.of_customer(customer.id)
            if method.fingerprint == seen.fingerprint and method.token != seen.token
        ]
        if known is not None:
            await self._update(tx, known, seen, others)
        elif others:
            await self._merge(tx, others[0], seen)
        else:
            await self._add(tx, customer, seen)
        return True

    async def _add(self, tx: Transaction, customer: Customer, seen: ProviderMethod) -> None:
        now = self.clock.now()
        method_id = MethodId(self.ids.new(IdPrefix.METHOD))
        method = PaymentMethod.save(seen, id=method_id, customer_id=customer.id, now=now)
        await self._save_active(tx, method)

    async def _save_active(self, tx: Transaction, method: PaymentMethod) -> None:
        """Save it, as the default if the customer has none."""
        if not any(known.is_default for known in await tx.methods.of_customer(method.customer_id)):
            method = method.make_default(now=self.clock.now())
        await tx.methods.save(method)

    async def _merge(self, tx: Transaction, known: PaymentMethod, seen: ProviderMethod) -> None:
        """Let one token of a card stay, the newer one; the provider is to forget the other."""
        now = self.clock.now()
        tombstone_id = MethodId(self.ids.new(IdPrefix.METHOD))
        if not known.is_active:
            await self._save_active(tx, known.adopt(seen, now=now))
            return  # its own token went with the customer's record
        if (seen.created_at, seen.token.reveal()) < (known.issued_at, known.token.reveal()):
            stale, issued_at = seen.token, seen.created_at
        else:
            stale, issued_at = known.token, known.issued_at
            known = await tx.methods.save(known.adopt(seen, now=now))
        await tx.methods.save(
            known.tombstone(id=tombstone_id, token=stale, issued_at=issued_at, now=now)
        )

    async def _update(
        self,
        tx: Transaction,
        known: PaymentMethod,
        seen: ProviderMethod,
        others: Sequence[PaymentMethod],
    ) -> None:
        """Take over a change of a known token; where that makes it another's card, one stays."""
        now = self.clock.now()
        changed = known.observe(seen, now=now) if known.is_active else known.adopt(seen, now=now)
        for other in others:
            await tx.methods.save(other.remove(now=now, detach=other.is_active))
        if changed is not known:
            await self._save_active(tx, changed)


async def _owner(tx: Transaction, seen: ProviderMethod) -> Customer | None:
    """Return the customer it is saved to, holding the row; None for a stranger's."""
    if seen.customer_id is None:
        return None
    found = await tx.customers.find_by_provider(seen.customer_id)
    held = await tx.customers.lock(found.id) if found else None
    # The record may have been deleted, and another begun, just before the row was held.
    return held if held is not None and held.provider_id == seen.customer_id else None


async def seen_version(tx: Transaction, token: Secret) -> int:
    """Return the version that a method has before it is read; 0 for one not known."""
    method = await tx.methods.find_by_token(token)
    return 0 if method is None else method.version
