"""What we want the provider to tell us, and where, compared with what it is set to tell.

Two endpoints at one address are a change of secrets under way: the newer one is to stay. Every
event comes by both then, under one id, and is stored once.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final, Self
from urllib.parse import urlsplit

import attrs

from markethub.domain.errors import ValidationFailed
from markethub.domain.ids import EndpointId
from markethub.domain.secret import Secret

EVERY_TYPE: Final = "*"
"""What the provider lists for an endpoint that is told of everything."""
WEBHOOK_PATH: Final = "/api/stripe/webhook"
"""Where we listen: by this an endpoint of ours is known where no address is given."""
NOT_NOTED: Final = "unknown"
"""Stands in a mark's place until the mark is noted: it fits no secret."""
_URL_LENGTH_MAXIMUM: Final = 2048


@attrs.frozen
class EndpointUrl:
    """An address that the provider can deliver to."""

    value: str

    @classmethod
    def read(cls, text: str, *, livemode: bool) -> Self:
        """Take an address as people type it. Raises ValidationFailed.

        Plain http is for test mode: the provider refuses it in live mode.
        """
        try:
            parts = urlsplit(text)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise ValidationFailed("url", "is no address") from None
        schemes = ("https",) if livemode else ("https", "http")
        if parts.scheme not in schemes or not host or not text.isascii() or not text.isprintable():
            raise ValidationFailed("url", f"must be an address of {' or '.join(schemes)}")
        if parts.username is not None or parts.fragment or " " in text:
            raise ValidationFailed("url", "must have neither credentials nor a fragment")
        if len(text) > _URL_LENGTH_MAXIMUM:
            raise ValidationFailed("url", f"has more than {_URL_LENGTH_MAXIMUM} characters")
        return cls(text)

    def is_at(self, other: str) -> bool:
        """Tell whether another address leads to the same place; a slash at the end is none."""
        return _place(self.value) == _place(other)


def _place(url: str) -> tuple[str, str, str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", "", url, ""
    return parts.scheme, parts.netloc.lower(), parts.path.rstrip("/"), parts.query


@attrs.frozen(kw_only=True)
class ProviderEndpoint:
    """An endpoint as the provider has it."""

    id: EndpointId
    url: str
    types: frozenset[str]
    api_version: str | None
    """None is the account's own version, whichever that is one day."""
    is_enabled: bool
    livemode: bool
    created_at: datetime
    secret_mark: str | None = None
    """What tells its secret from others (``secret_mark``); None where nobody noted it down."""

    @property
    def is_verifiable(self) -> bool:
        """Tell whether it can be found out if a secret is this endpoint's."""
        return self.secret_mark not in (None, NOT_NOTED)

    @property
    def is_ours(self) -> bool:
        """Tell whether it leads to where we listen, on whichever host."""
        return _place(self.url)[2].endswith(WEBHOOK_PATH)


@attrs.frozen(kw_only=True)
class Wanted:
    """What our handlers need, in the shape that they read."""

    types: frozenset[str]
    api_version: str
    livemode: bool


class Problem(StrEnum):
    """What is wrong with an endpoint."""

    DISABLED = "disabled"
    MISSING_TYPES = "missing_types"
    EXTRA_TYPES = "extra_types"
    WRONG_API_VERSION = "wrong_api_version"
    WRONG_MODE = "wrong_mode"
    UNKNOWN_SECRET = "unknown_secret"  # noqa: S105 - a word about secrets
    """None of the secrets that we accept is this endpoint's."""
    SUPERSEDED = "superseded"
    """A newer endpoint has the same address: the change of secrets is to be finished."""


@attrs.frozen(kw_only=True)
class Finding:
    """An endpoint of ours, and what is wrong with it: nothing, if all is well."""

    endpoint: ProviderEndpoint
    problems: Sequence[Problem]
    missing: Sequence[str] = ()
    extra: Sequence[str] = ()

    @property
    def must_be_replaced(self) -> bool:
        """Tell whether no update can help: the provider fixes a version for good."""
        return Problem.WRONG_API_VERSION in self.problems

    @property
    def is_updatable(self) -> bool:
        """Tell whether an update makes it right, or less wrong."""
        return any(problem in self.problems for problem in _UPDATABLE)


_UPDATABLE: Final = (Problem.DISABLED, Problem.MISSING_TYPES, Problem.EXTRA_TYPES)


@attrs.frozen(kw_only=True)
class Comparison:
    """Every endpoint of ours, and what we want."""

    wanted: Wanted
    findings: Sequence[Finding]
    """Newest first at each address: the first is the one to stay."""
    elsewhere: Sequence[ProviderEndpoint] = ()
    """Those that lead elsewhere: somebody else's, or ours of another host. Never touched."""

    @property
    def is_equal(self) -> bool:
        """Tell whether there is an endpoint, and nothing is wrong with any."""
        return bool(self.findings) and not any(finding.problems for finding in self.findings)


def secret_mark(secret: Secret) -> str:
    """Return what may be noted down of a secret: it tells secrets apart, and gives none away.

    A secret of the provider's has some 190 random bits: nobody finds it by trying.
    """
    return sha256(secret.reveal().encode()).hexdigest()[:32]


def compare(
    wanted: Wanted,
    endpoints: Sequence[ProviderEndpoint],
    *,
    url: EndpointUrl | None,
    accepted: Sequence[Secret],
) -> Comparison:
    """Compare what is with what should be, at an address or, without one, wherever we listen.

    ``endpoints`` are as the provider lists them, newest first; ``accepted`` are the secrets that
    our settings name.
    """
    ours = [each for each in endpoints if (url.is_at(each.url) if url else each.is_ours)]
    # The newest first; of one second, as they were listed.
    ours.sort(key=lambda each: (each.is_enabled, each.created_at), reverse=True)
    marks = frozenset(map(secret_mark, accepted))
    findings: list[Finding] = []
    places: set[tuple[str, ...]] = set()
    for endpoint in ours:
        place = _place(endpoint.url)
        findings.append(_judged(wanted, endpoint, marks, is_superseded=place in places))
        places.add(place)
    return Comparison(
        wanted=wanted,
        findings=findings,
        elsewhere=[each for each in endpoints if each not in ours],
    )


def _judged(
    wanted: Wanted, endpoint: ProviderEndpoint, marks: frozenset[str], *, is_superseded: bool
) -> Finding:
    if is_superseded:
        # It goes: what else is wrong with it does not matter any more.
        return Finding(endpoint=endpoint, problems=(Problem.SUPERSEDED,))
    hears_all = EVERY_TYPE in endpoint.types
    missing = () if hears_all else sorted(wanted.types - endpoint.types)
    extra = sorted(endpoint.types - wanted.types)
    is_unknown = endpoint.secret_mark is not None and endpoint.secret_mark not in marks
    wrong = {
        Problem.DISABLED: not endpoint.is_enabled,
        Problem.MISSING_TYPES: bool(missing),
        Problem.EXTRA_TYPES: bool(extra),
        Problem.WRONG_API_VERSION: endpoint.api_version != wanted.api_version,
        Problem.WRONG_MODE: endpoint.livemode is not wanted.livemode,
        Problem.UNKNOWN_SECRET: is_unknown,
    }
    return Finding(
        endpoint=endpoint,
        problems=[problem for problem, is_so in wrong.items() if is_so],
        missing=missing,
        extra=extra,
    )
