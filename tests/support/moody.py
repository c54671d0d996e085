"""A simulated account that has bad days, until it is told to have none."""

from random import Random
from typing import Any, Final

from markethub.adapters.fake.account import Account, AccountOptions, Fault, Response
from markethub.adapters.fake.store import AccountStore

BAD_LUCK: Final = 0.03
"""The share of requests that go wrong."""


class MoodyAccount(Account):
    """Goes wrong by the request, not by the clock: nothing piles up while nobody asks."""

    def __init__(self, dice: Random, *, store: AccountStore, options: AccountOptions) -> None:
        """Begin with one of them."""
        super().__init__(store=store, options=options)
        self._dice = dice
        self._is_calm = False

    def request(self, **asked: Any) -> Response:
        """Answer as an account does, or go wrong."""
        if not self._is_calm and self._dice.random() < BAD_LUCK:
            self.provoke(self._dice.choice(list(Fault)))
        return super().request(**asked)

    def become_calm(self) -> None:
        """Have no bad day any more."""
        self._is_calm = True
        self.calm()
