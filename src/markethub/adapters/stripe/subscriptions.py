"""Webhook endpoints at Stripe, however its requests are carried.

Source: Stripe's API reference, "Webhook endpoints". A version is given when an endpoint is made
and never changes; the secret is in the answer to that request, and in no other.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from markethub.adapters.stripe import reading
from markethub.adapters.stripe.carrier import Carrier
from markethub.adapters.stripe.requests import PAGE_SIZE
from markethub.adapters.stripe.saved_methods import value
from markethub.domain.errors import NotFound, ValidationFailed
from markethub.domain.ids import EndpointId
from markethub.domain.operation import ProviderRequest
from markethub.domain.ports.subscriptions import NewEndpoint, Subscriptions
from markethub.domain.secret import Secret
from markethub.domain.subscription import NOT_NOTED, EndpointUrl, ProviderEndpoint, Wanted

SECRET_MARK: Final = "markethub_secret"  # noqa: S105 - the name of a key, not a secret
"""The key of ``metadata`` under which a hash of the endpoint's secret is noted."""

_PATH: Final = "/v1/webhook_endpoints"


class ApiSubscriptions:
    """Implements ``Subscriptions`` in Stripe's words, for both gateways."""

    def __init__(self, api: Carrier) -> None:
        """Take what carries the requests."""
        self._api = api

    async def endpoints(self) -> Sequence[ProviderEndpoint]:
        """List every endpoint of the account, all pages."""
        found: list[ProviderEndpoint] = []
        after: str | None = None
        while True:
            more = {} if after is None else {"starting_after": after}
            request = _request("GET", _PATH, limit=PAGE_SIZE, **more)
            page = value(await self._api.call(request), _page)
            found += page.endpoints
            if not page.has_more:
                return found
            after = page.endpoints[-1].id

    async def create(
        self, wanted: Wanted, *, url: EndpointUrl, idempotency_key: str
    ) -> NewEndpoint:
        """Make an enabled endpoint."""
        request = _request(
            "POST",
            _PATH,
            url=url.value,
            enabled_events=sorted(wanted.types),
            api_version=wanted.api_version,
            # Until it is noted: if this answer is lost, nobody ever knows the secret.
            metadata={SECRET_MARK: NOT_NOTED},
        )
        return value(await self._api.call(request, idempotency_key=idempotency_key), _new)

    async def update(
        self, id: EndpointId, wanted: Wanted, *, idempotency_key: str
    ) -> ProviderEndpoint:
        """Enable an endpoint, and have it told of what is wanted, no more."""
        types = sorted(wanted.types)
        request = _request("POST", _of(id), enabled_events=types, disabled=False)
        return value(await self._api.call(request, idempotency_key=idempotency_key), _endpoint)

    async def note_secret(self, id: EndpointId, mark: str, *, idempotency_key: str) -> None:
        """Note down at an endpoint which secret it has."""
        request = _request("POST", _of(id), metadata={SECRET_MARK: mark})
        value(await self._api.call(request, idempotency_key=idempotency_key), _endpoint)

    async def delete(self, id: EndpointId) -> None:
        """Remove an endpoint for good; one that is gone stays so."""
        try:
            value(await self._api.call(_request("DELETE", _of(id))), _deleted)
        except NotFound:
            return

    async def close(self) -> None:
        """Release connections."""
        await self._api.close()


def _request(method: str, path: str, **params: object) -> ProviderRequest:
    return ProviderRequest(method=method, path=path, params=params)


def _of(id: EndpointId) -> str:
    # An empty id would address the list, and a slash something else altogether.
    if not reading.STRIPE_ID.fullmatch(id):
        raise NotFound("no such webhook endpoint")
    return f"{_PATH}/{id}"


@attrs.frozen(kw_only=True)
class _Page:
    endpoints: Sequence[ProviderEndpoint]
    has_more: bool


def _page(obj: object) -> _Page:
    fields = reading.of_kind(obj, "list")
    objects = reading.items(fields.get("data"))
    has_more = fields.get("has_more") is True
    if objects is None or (has_more and not objects):
        raise ValidationFailed("data", "must be a list")
    return _Page(endpoints=[_endpoint(each) for each in objects], has_more=has_more)


def _endpoint(obj: object) -> ProviderEndpoint:
    """Read an endpoint. Raises ValidationFailed for an unreadable one."""
    fields = reading.of_kind(obj, "webhook_endpoint")
    url, types = fields.get("url"), reading.items(fields.get("enabled_events"))
    if not isinstance(url, str) or types is None:
        raise ValidationFailed("", "is no webhook endpoint")
    metadata = reading.mapping(fields.get("metadata")) or {}
    return ProviderEndpoint(
        id=EndpointId(reading.id_of(fields, "webhook endpoint")),
        url=url,
        types=frozenset(each for each in types if isinstance(each, str)),
        api_version=reading.word(fields.get("api_version")),
        is_enabled=fields.get("status") == "enabled",
        livemode=fields.get("livemode") is True,
        created_at=reading.moment(fields.get("created"), "created"),
        secret_mark=reading.word(metadata.get(SECRET_MARK)),
    )


def _new(obj: object) -> NewEndpoint:
    endpoint = _endpoint(obj)
    secret = obj.get("secret") if isinstance(obj, Mapping) else None
    if not isinstance(secret, str) or not secret:
        raise ValidationFailed("secret", "is missing")
    return NewEndpoint(endpoint=endpoint, secret=Secret(secret))


def _deleted(obj: object) -> None:
    if reading.of_kind(obj, "webhook_endpoint").get("deleted") is not True:
        raise ValidationFailed("deleted", "must be true")


def _conforms(subscriptions: ApiSubscriptions) -> Subscriptions:
    """Let the type checker prove that the adapter fits its port."""
    return subscriptions
