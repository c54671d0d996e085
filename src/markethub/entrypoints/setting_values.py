"""The values that settings are made of, and how each is read from text.

No message shows the text it complains about: much of it is secret.
"""

import base64
import ipaddress
import os
import re
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

import attrs
from environs import ValidationError

from markethub.domain.approval import ApprovalLimit
from markethub.domain.errors import ValidationFailed
from markethub.domain.money import Currency, Money
from markethub.domain.secret import Secret
from markethub.domain.target import Target

Mode = Literal["test", "live"]
"""Which of the provider's two worlds: play money or real money."""

LogFormat = Literal["console", "json"]
"""Lines for people, or for machines."""

ENCRYPTION_KEY_CHARACTERS_MINIMUM: Final = 32
"""Characters; a shorter key would be guessed sooner than its 256 bits promise."""
KEY_CHARACTERS_MINIMUM: Final = 24
"""Characters of a key of the shop or the staff: what limits do not slow down, length does."""
TOKEN_SECRET_BYTES_MINIMUM: Final = 32
"""Bytes; RFC 7518 section 3.2 wants a key of at least the hash's size for HS256."""

SIGNING_SECRET_BYTES: Final = (24, 64)
"""Bytes, from and to: what the Standard Webhooks specification asks of a secret."""

DEV_WEBHOOK_SECRET: Final = Secret("whsec_dev")
DEV_STOREFRONT_SECRET: Final = Secret("storefront-dev")
DEV_OPS_SECRET: Final = Secret("ops-dev")
DEV_CUSTOMER_TOKEN_SECRET: Final = Secret("customer-dev".ljust(TOKEN_SECRET_BYTES_MINIMUM, "-"))
DEV_ENCRYPTION_KEY: Final = Secret("encryption-dev".ljust(ENCRYPTION_KEY_CHARACTERS_MINIMUM, "-"))

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_WEBHOOK_SECRET = re.compile(r"whsec_[A-Za-z0-9+/=_-]+")


class Role(StrEnum):
    """What an operations key may do, from least to most."""

    VIEWER = "viewer"
    SUPPORT = "support"
    REFUNDER = "refunder"
    ADMIN = "admin"


@attrs.frozen(kw_only=True)
class StorefrontKey:
    """A key of the shop's own server. The name is for the audit log."""

    name: str
    secret: Secret


@attrs.frozen(kw_only=True)
class OpsKey:
    """A key of the staff."""

    name: str
    role: Role
    secret: Secret


@attrs.frozen(kw_only=True)
class Database:
    """Where the store lives. ``url`` is DATABASE_URL as given, and may hold a password."""

    url: str = attrs.field(default="sqlite:///markethub.db", repr=False)

    @property
    def kind(self) -> Literal["sqlite", "postgresql", "memory"]:
        """The database behind the address."""
        if self.url.startswith("sqlite:"):
            return "sqlite"
        return "memory" if self.url.startswith("memory:") else "postgresql"

    @property
    def is_embedded(self) -> bool:
        """Whether the database belongs to this process rather than to a server."""
        return self.kind != "postgresql"

    @property
    def path(self) -> Path | None:
        """The file of an SQLite database."""
        return Path(self.url.removeprefix("sqlite:///")) if self.kind == "sqlite" else None

    @property
    def fake_account_path(self) -> Path | None:
        """The file in which the simulated account lives; None keeps it in memory."""
        if self.kind == "memory":
            return None
        return Path(f"{self.path}.fake-stripe") if self.path else Path("fake-stripe.db")


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach a server that listens on ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def local_url(host: str, port: int) -> str:
    """Return the address at which this machine reaches what listens on ``host``."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - recognised, not listened on
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def host(text: str) -> str:
    """Read an address to listen on."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        if not re.fullmatch(r"[A-Za-z0-9.-]{1,253}", text):
            raise ValidationError("Must be an IP address or a host name.") from None
    return text


def database(text: str) -> Database:
    """Read DATABASE_URL. An SQLite database must be a file that can be opened or made."""
    if text == "memory://":
        return Database(url=text)
    if text.startswith("sqlite:///"):
        _check_file(text.removeprefix("sqlite:///"))
        return Database(url=text)
    try:
        parts = urlsplit(text)
        complete = parts.scheme == "postgresql" and parts.path.strip("/") and parts.port != 0
    except ValueError:
        complete = False
    if not complete:
        raise ValidationError(
            "Must be sqlite:///path, postgresql://user:password@host/db or memory://."
        )
    return Database(url=text)


def _check_file(name: str) -> None:
    if not name or name.startswith(":"):
        raise ValidationError("Names no file; for a database without one there is memory://.")
    path = Path(name)
    if path.exists():
        if not path.is_file() or not os.access(path, os.R_OK | os.W_OK):
            raise ValidationError("The file cannot be read and written.")
    elif not path.parent.is_dir() or not os.access(path.parent, os.W_OK | os.X_OK):
        raise ValidationError("The file does not exist, and its folder cannot be written.")


def storefront_keys(text: str) -> tuple[StorefrontKey, ...]:
    """Read ``name:secret`` pairs, comma-separated."""
    return tuple(StorefrontKey(name=name, secret=secret) for name, secret in _pairs(text))


def ops_keys(text: str) -> tuple[OpsKey, ...]:
    """Read ``name:secret`` and ``name/role:secret`` pairs; without a role it is a viewer's."""
    keys = []
    for label, secret in _pairs(text, with_role=True):
        name, _, role = label.partition("/")
        if role not in (*Role, "") or label.endswith("/"):
            raise ValidationError(f"A role must be one of: {', '.join(Role)}.")
        keys.append(OpsKey(name=name, role=Role(role or Role.VIEWER), secret=secret))
    return tuple(keys)


def _pairs(text: str, *, with_role: bool = False) -> list[tuple[str, Secret]]:
    pairs = [item.strip().partition(":") for item in text.split(",")]
    names = [label.partition("/")[0] if with_role else label for label, _, _ in pairs]
    secrets = [secret for _, _, secret in pairs]
    if not all(map(_NAME.fullmatch, names)) or not all(secrets):
        form = "name:secret or name/role:secret" if with_role else "name:secret"
        raise ValidationError(f"Must be {form} pairs, comma-separated.")
    if not all(secret.isascii() and secret.isprintable() for secret in secrets):
        raise ValidationError("A key must be of printable ASCII characters: it travels in headers.")
    if len(set(names)) < len(names):
        raise ValidationError("A name appears twice.")
    if len(set(secrets)) < len(secrets):
        raise ValidationError("Two names share a secret.")
    return [(label, Secret(secret)) for label, _, secret in pairs]


def encryption_keys(text: str) -> tuple[Secret, ...]:
    """Read comma-separated keys, newest first."""
    keys = [key.strip() for key in text.split(",")]
    if any(len(key) < ENCRYPTION_KEY_CHARACTERS_MINIMUM for key in keys):
        raise ValidationError(
            f"Each key must have at least {ENCRYPTION_KEY_CHARACTERS_MINIMUM} characters."
        )
    if len(set(keys)) < len(keys):
        raise ValidationError("A key appears twice.")
    return tuple(map(Secret, keys))


def customer_token_secret(text: str) -> Secret:
    """Read the HS256 secret; the development one may be written without its padding."""
    if text == DEV_CUSTOMER_TOKEN_SECRET.reveal().rstrip("-"):
        return DEV_CUSTOMER_TOKEN_SECRET
    if len(text.encode()) < TOKEN_SECRET_BYTES_MINIMUM:
        raise ValidationError(f"Must have at least {TOKEN_SECRET_BYTES_MINIMUM} bytes (RFC 7518).")
    return Secret(text)


def webhook_secrets(text: str) -> tuple[Secret, ...]:
    """Read comma-separated signing secrets: several are valid while one replaces another."""
    secrets = [secret.strip() for secret in text.split(",")]
    if not all(map(_WEBHOOK_SECRET.fullmatch, secrets)):
        raise ValidationError("Must begin with whsec_ (several: comma-separated).")
    return tuple(map(Secret, secrets))


def out_webhook_url(text: str, *, mode: Mode) -> Target:
    """Read where the storefront is told; in test mode it may be on this machine."""
    try:
        return Target.parse(text, allow_loopback=mode == "test")
    except ValidationFailed as error:
        raise ValidationError(f"{error.message[0].upper()}{error.message[1:]}.") from None


def out_webhook_secrets(text: str) -> tuple[Secret, ...]:
    """Read signing secrets of the Standard Webhooks scheme, newest first."""
    secrets = [secret.strip() for secret in text.split(",")]
    if not all(map(_is_signing_secret, secrets)):
        least, most = SIGNING_SECRET_BYTES
        raise ValidationError(
            f"Must be whsec_ and {least} to {most} random bytes in base64 "
            "(several: comma-separated, newest first)."
        )
    if len(set(secrets)) < len(secrets):
        raise ValidationError("A secret appears twice.")
    return tuple(map(Secret, secrets))


def _is_signing_secret(text: str) -> bool:
    prefix, _, encoded = text.partition("_")
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError:
        return False
    return prefix == "whsec" and SIGNING_SECRET_BYTES[0] <= len(key) <= SIGNING_SECRET_BYTES[1]


def api_key(text: str, *, kinds: tuple[str, ...], mode: Mode) -> Secret:
    """Read one of Stripe's API keys, whose prefix tells its kind and its mode."""
    other = "live" if mode == "test" else "test"
    if text.startswith(tuple(f"{kind}_{other}_" for kind in ("sk", "rk", "pk"))):
        raise ValidationError(f"Is a key of {other} mode.")
    prefixes = [f"{kind}_{mode}_" for kind in kinds]
    if not any(re.fullmatch(rf"{prefix}[A-Za-z0-9_]+", text) for prefix in prefixes):
        raise ValidationError(f"Must begin with {' or '.join(prefixes)}.")
    return Secret(text)


def api_base(text: str) -> str:
    """Read another address for Stripe's API; return it without a trailing slash."""
    try:
        parts = urlsplit(text)
        bare = not (parts.query or parts.fragment or parts.username or parts.port == 0)
        valid = bare and parts.scheme in ("http", "https") and parts.hostname
    except ValueError:
        valid = False
    if not valid:
        raise ValidationError("Must be an http or https address without user, query or fragment.")
    return text.rstrip("/")


def publishable_key(text: str, *, mode: Mode) -> str:
    """Read the key that the browser gets: no secret."""
    return api_key(text, kinds=("pk",), mode=mode).reveal()


def log_level(text: str) -> str:
    """Read the name of a level of the standard library's logging."""
    if text.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
        raise ValidationError("Must be one of: DEBUG, INFO, WARNING, ERROR, CRITICAL.")
    return text.upper()


def actor(text: str) -> str:
    """Read the name under which the command line acts."""
    if not text.isprintable() or len(text) > 64:
        raise ValidationError("Must be at most 64 printable characters.")
    return text


def approval_limit(text: str) -> ApprovalLimit:
    """Read up to how much one person may give back: ``500.00 usd, 450.00 eur``."""
    limits: dict[str, Money] = {}
    for each in text.split(","):
        amount, _, code = each.strip().partition(" ")
        try:
            currency = Currency.of(code.strip().lower())
            limits[currency.code] = Money.parse(amount, currency)
        except ValidationFailed:
            raise ValidationError(
                "Must be amounts with their currencies, as 500.00 usd, 450.00 eur."
            ) from None
    return ApprovalLimit(limits)
