"""An account whose past can be gone back to: what a read showed when an event was sent."""

from collections.abc import Iterable, Mapping
from typing import Any

from markethub.adapters.fake.account import Account, AccountOptions, Response
from markethub.adapters.fake.store import DictStore, JsonObject

Moment = Mapping[str, Mapping[str, JsonObject]]


class TimeTravel(DictStore):
    """Remembers everything at each commit that made an event. Values are never mutated."""

    def __init__(self) -> None:
        super().__init__()
        self.moments: dict[str, Moment] = {}
        """What there was when an event had just been made, by the event's id."""

    def _merge(self, staged: Any) -> None:
        super()._merge(staged)
        if self._blocks:
            return
        made = [each for each in staged.get("event", ()) if each not in self.moments]
        if made:
            moment = self.now()
            self.moments |= dict.fromkeys(made, moment)

    def now(self) -> Moment:
        """Remember what there is now."""
        return {kind: dict(values) for kind, values in self._kinds.items()}

    def go_to(self, moment: Moment) -> None:
        """Be as at a moment."""
        self._kinds = {kind: dict(values) for kind, values in moment.items()}


class PastAccount(Account):
    """A simulated account that a test can put back into its past.

    But never before an answer that the core has had: nobody reads what was before their request.
    """

    def __init__(self) -> None:
        self.travel = TimeTravel()
        self._answered = self.travel.now()
        super().__init__(store=self.travel, options=AccountOptions(seed="test"))

    def request(self, **given: Any) -> Response:
        response = super().request(**given)
        if given.get("auth") == "sk_test_dev":
            self._answered = self.travel.now()
        return response

    def go_to_latest_of(self, event_ids: Iterable[str]) -> None:
        """Be where the latest of some events had just been made."""
        moments = [self._answered, *(self.travel.moments[each] for each in event_ids)]
        self.travel.go_to(max(moments, key=lambda moment: len(moment.get("event", ()))))
