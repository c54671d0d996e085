"""How a mistake is planted: by overriding a provider of the production container.

Production code knows nothing of it. A planted container is used like any other.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import attrs
from dependency_injector import providers

from markethub.domain.ledger import Entry
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.entrypoints.container import Container
from markethub.entrypoints.simulation.plan import Paths

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Bug:
    """A mistake, and where it shows."""

    name: str
    what: str
    """The mistake in one sentence."""
    paths: Paths
    """The configuration in which it has to be found: other paths may heal what it breaks."""
    plant: Callable[[Container], None]
    """Overrides providers of a container over simulated ports."""


def swap(provider: Any, made: type) -> None:
    """Let a provider make a subclass of what it makes, from the same parts."""
    provider.override(providers.Factory(made, *provider.args, **provider.kwargs))


def stand_before(provider: Any, wrapper: Callable[..., Any], **more: object) -> None:
    """Let what a provider makes be used through ``wrapper``, which is given it first."""
    inner = provider.last_overriding or providers.Factory(
        provider.provides, *provider.args, **provider.kwargs
    )
    provider.override(providers.Factory(wrapper, inner, **more))


def alter_transactions(container: Container, alter: Callable[[Any], Any]) -> None:
    """Let every transaction be seen through ``alter``."""
    inner = container.transactions.last_overriding or container.store.provided.transactions
    container.transactions.override(
        providers.Factory(_AlteredTransactions, inner=inner, alter=alter)
    )


@attrs.frozen(kw_only=True)
class _AlteredTransactions:
    inner: Transactions
    alter: Callable[[Any], Any]

    async def run(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        return await self.inner.run(lambda tx: work(self.alter(tx)))


class Instead:
    """Everything but what is given is the original's."""

    def __init__(self, inner: object, **instead: object) -> None:
        """Stand before ``inner``."""
        self._inner = inner
        self.__dict__.update(instead)

    def __getattr__(self, name: str) -> Any:
        """Return what the original has."""
        return getattr(self._inner, name)


def post_instead(tx: Any, entries: Callable[[Entry], Iterable[Entry]]) -> Any:
    """Return the transaction with a ledger that is told other entries than are posted."""

    async def post(entry: Entry) -> bool:
        return any([await tx.ledger.post(each) for each in entries(entry)])

    return Instead(tx, ledger=Instead(tx.ledger, post=post))
