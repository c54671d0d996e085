"""Give the events of saved methods, and of customers deleted at the provider, their effect."""

import attrs

from markethub.domain.facts import (
    CustomerDeleted,
    IntentReported,
    IntentStatus,
    MethodReported,
    ProviderFact,
)
from markethub.domain.ports.system import Clock
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.secret import Secret
from markethub.domain.usecases.ensure_customer import lose
from markethub.domain.usecases.inbox_handler import (
    Applied,
    FactHandler,
    Ignored,
    Look,
    Step,
    Work,
)
from markethub.domain.usecases.save_method import SaveMethod, seen_version

_UNKNOWN = Ignored(reason="unknown_method")


@attrs.frozen(kw_only=True)
class MethodEvents:
    """Takes ``MethodReported`` and ``CustomerDeleted``."""

    save: SaveMethod
    clock: Clock

    async def __call__(self, tx: Transaction, fact: ProviderFact) -> Step:
        """Apply what is for good at once; take anything else as a hint to read the method."""
        match fact:
            case MethodReported(token=token, is_detached=True):
                return Applied() if await self.save.forget(tx, token) else _UNKNOWN
            case MethodReported(token=token):
                return await self._look(tx, token)
            case CustomerDeleted(customer_id=provider_id):
                customer = await tx.customers.find_by_provider(provider_id)
                held = await tx.customers.lock(customer.id) if customer else None
                if held is None or held.provider_id != provider_id:
                    return Ignored(reason="unknown_customer")
                await lose(tx, held, clock=self.clock)
                return Applied()
            case _:
                raise TypeError(f"not about a method: {type(fact).__name__}")

    async def _look(self, tx: Transaction, token: Secret) -> Look:
        version = await seen_version(tx, token)

        async def fetch() -> Work:
            keep = await self.save.fetch(token, version)

            async def work(tx: Transaction) -> Step:
                match await keep(tx):
                    case True:
                        return Applied()
                    case False:
                        return _UNKNOWN
                    case None:
                        return await self._look(tx, token)

            return work

        return Look(fetch=fetch)


@attrs.frozen(kw_only=True)
class SavingIntentEvents:
    """Takes ``IntentReported`` for another handler; a success that saves keeps the method, too."""

    intents: FactHandler
    save: SaveMethod

    async def __call__(self, tx: Transaction, fact: ProviderFact) -> Step:
        """Apply the event as the other handler does, then look at the method.

        Each in a transaction of its own: a success is money, and counts also while its method
        cannot be read.
        """
        step = await self.intents(tx, fact)
        if not isinstance(fact, IntentReported):
            return step
        intent = fact.intent
        if not intent.saves_method or intent.status is not IntentStatus.SUCCEEDED:
            return step
        return step if intent.method is None else await self._keep_after(tx, step, intent.method)

    async def _keep_after(self, tx: Transaction, step: Step, token: Secret) -> Look:
        if isinstance(step, Look):
            return self._later(step, token)
        version = await seen_version(tx, token)

        async def fetch() -> Work:
            keep = await self.save.fetch(token, version)

            async def work(tx: Transaction) -> Step:
                # Where others changed the method meanwhile, they have seen it saved.
                await keep(tx)
                return step

            return work

        return Look(fetch=fetch)

    def _later(self, look: Look, token: Secret) -> Look:
        async def fetch() -> Work:
            settle = await look.fetch()

            async def work(tx: Transaction) -> Step:
                return await self._keep_after(tx, await settle(tx), token)

            return work

        return Look(fetch=fetch)
