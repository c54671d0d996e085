"""Who is calling, and what callers may do.

A bearer token is a storefront key, an operations key, or a customer's JWT. Ownership is not
decided here: ``Caller.customer_id`` is a condition of the queries.
"""

from collections.abc import Sequence
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Any, Final

import attrs
import jwt

from markethub.domain.audit import Act, Channel
from markethub.domain.errors import ValidationFailed
from markethub.domain.ids import CustomerId, customer_id
from markethub.domain.ports.system import Clock
from markethub.domain.secret import Secret
from markethub.entrypoints.http.errors import HttpProblem
from markethub.entrypoints.setting_values import OpsKey, Role, StorefrontKey

AUDIENCE: Final = "markethub"
TOKEN_LIFE_MAXIMUM_S: Final = 24 * 3600
"""A stolen token is worth little tomorrow."""
_TOKEN_CHARACTERS_MAXIMUM: Final = 4096
_RANK: Final = {role: rank for rank, role in enumerate(Role)}


class CallerKind(StrEnum):
    """The three sides that call us."""

    STOREFRONT = "storefront"
    OPS = "ops"
    CUSTOMER = "customer"


@attrs.frozen(kw_only=True)
class Caller:
    """Who is calling. ``name`` is the key's name or the customer's id."""

    kind: CallerKind
    name: str
    role: Role | None = None
    reason: str | None = None
    """Why they ask, where they say so: for the audit log."""

    @property
    def scope(self) -> str:
        """Whose idempotency keys are looked at. All storefront keys are one shop's."""
        if self.kind is CallerKind.STOREFRONT:
            return self.kind.value
        return f"{self.kind}:{self.name}"

    @property
    def act(self) -> Act | None:
        """What they do here, for the audit log; None for customers, who are not of the staff."""
        if self.kind is CallerKind.CUSTOMER:
            return None
        return Act(actor=self.name, channel=Channel.API, reason=self.reason)

    @property
    def customer_id(self) -> CustomerId | None:
        """Whose objects alone may be seen; None for a caller who may see all."""
        return CustomerId(self.name) if self.kind is CallerKind.CUSTOMER else None


@attrs.frozen(kw_only=True)
class Access:
    """Who may call a route. ``ops`` names the least role, None keeps all of them out."""

    storefront: bool = False
    customer: bool = False
    ops: Role | None = None

    def allows(self, caller: Caller) -> bool:
        """Tell whether the route is the caller's to use at all."""
        match caller.kind:
            case CallerKind.STOREFRONT:
                return self.storefront
            case CallerKind.CUSTOMER:
                return self.customer
            case CallerKind.OPS:
                if self.ops is None or caller.role is None:
                    return False
                return _RANK[caller.role] >= _RANK[self.ops]


def unauthorized() -> HttpProblem:
    """Return the one answer to every token that opens nothing: it does not say why."""
    return HttpProblem(
        401,
        "unauthorized",
        "A valid bearer token is needed.",
        headers={"WWW-Authenticate": 'Bearer realm="markethub"'},
    )


def forbidden(detail: str = "This is not yours to do.") -> HttpProblem:
    """Return the answer to a known caller who may not do this."""
    return HttpProblem(403, "forbidden", detail)


def _digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


class Authenticator:
    """Knows every key, as its digest, and the secret of the customers' tokens."""

    def __init__(
        self,
        *,
        storefront_keys: Sequence[StorefrontKey],
        ops_keys: Sequence[OpsKey],
        customer_token_secret: Secret | None,
        clock: Clock,
    ) -> None:
        """Take the keys; without a ``customer_token_secret`` there are no customers."""
        self._keys = [
            *(
                (_digest(key.secret.reveal()), Caller(kind=CallerKind.STOREFRONT, name=key.name))
                for key in storefront_keys
            ),
            *(
                (
                    _digest(key.secret.reveal()),
                    Caller(kind=CallerKind.OPS, name=key.name, role=key.role),
                )
                for key in ops_keys
            ),
        ]
        self._token_secret = customer_token_secret
        self._clock = clock

    def identify(self, authorization: str | None) -> Caller | None:
        """Return whose ``Authorization`` header this is, or None."""
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not 0 < len(token) <= _TOKEN_CHARACTERS_MAXIMUM:
            return None
        return self._by_key(token) or self._by_token(token)

    def operator(self, key: str) -> Caller | None:
        """Return whose operations key this is, or None: for who signs in with it."""
        caller = self._by_key(key) if 0 < len(key) <= _TOKEN_CHARACTERS_MAXIMUM else None
        return caller if caller is not None and caller.kind is CallerKind.OPS else None

    def vouch(self, name: str, text: str) -> tuple[Caller, str] | None:
        """Return the operator of that name, and what only their key makes of the text.

        None for a name that no operations key has (any more).
        """
        for digest, caller in self._keys:
            if caller.kind is CallerKind.OPS and caller.name == name:
                return caller, hmac_digest(digest, text.encode(), "sha256").hex()
        return None

    def _by_key(self, token: str) -> Caller | None:
        given, found = _digest(token), None
        # Every key is compared, in constant time: the answer's delay tells nothing.
        for digest, caller in self._keys:
            if compare_digest(given, digest):
                found = caller
        return found

    def _by_token(self, token: str) -> Caller | None:
        if self._token_secret is None or token.count(".") != 2:
            return None
        try:
            claims = jwt.decode(
                token,
                self._token_secret.reveal(),
                algorithms=["HS256"],
                audience=AUDIENCE,
                options={
                    "require": ["exp", "aud", "sub"],
                    # Times are judged below, by our own clock.
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
            name = customer_id(claims["sub"])
        except (jwt.InvalidTokenError, ValidationFailed, ValueError):
            return None
        if not self._is_timely(claims):
            return None
        return Caller(kind=CallerKind.CUSTOMER, name=name)

    def _is_timely(self, claims: dict[str, Any]) -> bool:
        now = self._clock.now().timestamp()
        expires, begins = claims["exp"], claims.get("nbf", now)
        if type(expires) not in (int, float) or type(begins) not in (int, float):
            return False
        # Written so that NaN, which JSON parsers of Python let in, is no time at all.
        return bool(now < expires <= now + TOKEN_LIFE_MAXIMUM_S and begins <= now)
