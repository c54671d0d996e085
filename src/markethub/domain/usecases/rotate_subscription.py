"""Give an endpoint another secret, while the present one stays good.

The provider's API cannot roll a secret. So a second endpoint with the same address is made, whose
secret is new; once our settings name both, the older endpoint is removed. Until then every event
comes by both, under one id, and is stored once.
"""

from collections.abc import Sequence

import attrs

from markethub.domain.errors import InvalidTransition, NotFound, ValidationFailed
from markethub.domain.ids import EndpointId
from markethub.domain.ports.subscriptions import Subscriptions
from markethub.domain.subscription import Comparison, EndpointUrl, Finding, Problem, secret_mark
from markethub.domain.usecases.apply_subscription import MadeEndpoint, MakeEndpoint
from markethub.domain.usecases.plan_subscription import PlanSubscription


@attrs.frozen(kw_only=True)
class Finishable:
    """The endpoint that stays, and those that it supersedes: none, if there is nothing to do."""

    staying: Finding
    going: Sequence[Finding]


@attrs.frozen(kw_only=True)
class RotateSubscription:
    """Begins a change of secrets, and finishes it."""

    plan: PlanSubscription
    make: MakeEndpoint
    subscriptions: Subscriptions

    async def begin(self, url: EndpointUrl | None = None, *, restart: bool = False) -> MadeEndpoint:
        """Make the second endpoint.

        Raises InvalidTransition while a change is under way. With ``restart`` its new endpoint is
        removed, for its secret is lost, and another is made; unless our settings name that secret.
        Raises NotFound without any endpoint, and ValidationFailed where there are several
        addresses and none is given.
        """
        staying, *going = _at_one_address(await self.plan(url))
        if going and not restart:
            raise InvalidTransition(
                "a change of secrets is under way: finish it, or restart it if the new secret is "
                "lost"
            )
        if going:
            if self._is_accepted(staying):
                raise InvalidTransition("the new secret is in the settings: finish the change")
            await self.subscriptions.delete(staying.endpoint.id)
        return await self.make(EndpointUrl(staying.endpoint.url))

    async def finishable(
        self, url: EndpointUrl | None = None, *, unverified: bool = False
    ) -> Finishable:
        """Say what finishing would do. Changes nothing.

        Raises InvalidTransition if the endpoint to stay does not work yet: it is not as it should
        be, or our settings do not name its secret. Where nobody noted down which secret it has,
        that can only be taken on trust (``unverified``). Raises else as ``begin``.
        """
        staying, *going = _at_one_address(await self.plan(url))
        if going:
            if not staying.endpoint.is_verifiable and not unverified:
                raise InvalidTransition(
                    "nobody noted down which secret the newer endpoint has, so that it cannot be "
                    "checked against the settings"
                )
            passable = {Problem.EXTRA_TYPES}
            if not staying.endpoint.is_verifiable:
                passable.add(Problem.UNKNOWN_SECRET)
            wrong = [problem for problem in staying.problems if problem not in passable]
            if wrong:
                raise InvalidTransition(
                    f"the newer endpoint cannot take over yet ({', '.join(wrong)})"
                )
        return Finishable(staying=staying, going=going)

    async def finish(self, finishable: Finishable) -> Sequence[EndpointId]:
        """Remove what is superseded; return the ids. Repeated, it finds nothing to do.

        Raises GatewayUnavailable where nobody knows what became of it: a plan tells.
        """
        for finding in finishable.going:
            await self.subscriptions.delete(finding.endpoint.id)
        return [finding.endpoint.id for finding in finishable.going]

    def _is_accepted(self, finding: Finding) -> bool:
        return finding.endpoint.secret_mark in {secret_mark(each) for each in self.plan.accepted}


def _at_one_address(comparison: Comparison) -> Sequence[Finding]:
    findings = comparison.findings
    if not findings:
        raise NotFound("there is no endpoint of ours at the provider")
    address = EndpointUrl(findings[0].endpoint.url)
    if not all(address.is_at(finding.endpoint.url) for finding in findings):
        raise ValidationFailed("url", "there are endpoints at several addresses: say which")
    return findings
