"""Make the provider's endpoint what our handlers need."""

import attrs

from markethub.domain.errors import GatewayUnavailable, PaymentsError
from markethub.domain.ids import IdPrefix
from markethub.domain.ports.subscriptions import NewEndpoint, Subscriptions
from markethub.domain.ports.system import Ids
from markethub.domain.subscription import (
    Comparison,
    EndpointUrl,
    ProviderEndpoint,
    Wanted,
    secret_mark,
)
from markethub.domain.usecases.plan_subscription import PlanSubscription


@attrs.frozen(kw_only=True)
class MadeEndpoint:
    """An endpoint just made, with its secret: whoever asked must put that into our settings."""

    new: NewEndpoint
    is_noted: bool
    """Whether the provider's record tells which secret it is, so that others can be told apart."""


@attrs.frozen(kw_only=True)
class MakeEndpoint:
    """Makes an endpoint and notes down which secret it has."""

    subscriptions: Subscriptions
    wanted: Wanted
    ids: Ids

    async def __call__(self, url: EndpointUrl) -> MadeEndpoint:
        """Make it. Raises GatewayUnavailable where nobody knows whether it was made.

        Its secret is lost then: a plan tells of the endpoint, and a rotation gives another.
        """
        key = self.ids.new(IdPrefix.ENDPOINT)
        try:
            new = await self.subscriptions.create(self.wanted, url=url, idempotency_key=key)
        except GatewayUnavailable as error:
            raise GatewayUnavailable(
                f"{error}; whether an endpoint was made is not known: a plan tells"
            ) from error
        try:
            await self.subscriptions.note_secret(
                new.endpoint.id, secret_mark(new.secret), idempotency_key=f"{key}:note"
            )
        except PaymentsError:
            # Nothing may keep the secret from whoever asked: it is not shown again.
            return MadeEndpoint(new=new, is_noted=False)
        return MadeEndpoint(new=new, is_noted=True)


@attrs.frozen(kw_only=True)
class Applied:
    """What was done: an endpoint made, one updated, or nothing."""

    made: MadeEndpoint | None = None
    updated: ProviderEndpoint | None = None
    after: Comparison
    """How things are now. What is left is for somebody else to do: see the problems."""


@attrs.frozen(kw_only=True)
class ApplySubscription:
    """Makes what is missing and changes what differs. Repeated, it finds nothing to do."""

    plan: PlanSubscription
    make: MakeEndpoint
    subscriptions: Subscriptions
    ids: Ids

    async def __call__(self, url: EndpointUrl) -> Applied:
        """Apply the difference at an address. Endpoints of other addresses are left alone.

        An endpoint of another API version cannot be changed: a second one is made beside it, and
        the change of secrets is finished like any other. Raises GatewayRejected, and
        GatewayUnavailable where nobody knows what became of it: a plan tells.
        """
        before = await self.plan(url)
        current = next(iter(before.findings), None)
        if current is None or current.must_be_replaced:
            made = await self.make(url)
            return Applied(made=made, after=await self.plan(url))
        if not current.is_updatable:
            return Applied(after=before)
        updated = await self.subscriptions.update(
            current.endpoint.id,
            before.wanted,
            idempotency_key=self.ids.new(IdPrefix.ENDPOINT),
        )
        return Applied(updated=updated, after=await self.plan(url))
