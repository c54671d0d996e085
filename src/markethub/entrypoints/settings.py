"""The configuration of a process: one frozen value, read and judged before anything starts."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, Self, TypeVar, cast

import attrs
from dotenv import dotenv_values
from environs import Env, EnvValidationError, ValidationError, validate

from markethub.domain.approval import NO_LIMIT, ApprovalLimit
from markethub.domain.errors import ConfigurationError
from markethub.domain.secret import Secret
from markethub.domain.target import Target
from markethub.entrypoints import setting_values as values
from markethub.entrypoints.setting_values import (
    Database,
    LogFormat,
    Mode,
    OpsKey,
    Role,
    StorefrontKey,
)

FAKE_SECRET_KEY: Final = Secret("sk_test_dev")
FAKE_PUBLISHABLE_KEY: Final = "pk_test_dev"

_MODES: Final[tuple[Mode, ...]] = ("test", "live")
_NOT_OURS: Final = frozenset({"STRIPE_OPENAPI_DIR"})
"""Where the tests find Stripe's specification: says nothing about an account."""
_MARKETHUB_NAMES: Final = frozenset(
    {
        "MARKETHUB_ABANDONED_AFTER_H",
        "MARKETHUB_ACTOR",
        "MARKETHUB_REFUND_APPROVAL_ABOVE",
        "MARKETHUB_ALLOW_DEV_SECRETS",
        "MARKETHUB_CUSTOMER_TOKEN_SECRET",
        "MARKETHUB_EMBEDDED_WORKER",
        "MARKETHUB_ENCRYPTION_KEYS",
        "MARKETHUB_FAKE_DELAY_S",
        "MARKETHUB_GATEWAY",
        "MARKETHUB_HOST",
        "MARKETHUB_LOG_FORMAT",
        "MARKETHUB_LOG_LEVEL",
        "MARKETHUB_OPS_KEY",
        "MARKETHUB_OPS_KEYS",
        "MARKETHUB_OUT_WEBHOOK_SECRETS",
        "MARKETHUB_OUT_WEBHOOK_URL",
        "MARKETHUB_PORT",
        "MARKETHUB_STOREFRONT_KEYS",
        "MARKETHUB_STRIPE_API_BASE",
        "MARKETHUB_WORKERS",
    }
)
_PORT_MAXIMUM: Final = 65_535
_WORKERS_MAXIMUM: Final = 64
"""Far above any machine's use; below what would exhaust a database's connections at once."""
_DELAY_S_MAXIMUM: Final = 86_400
"""Seconds; a longer wait than a day is a mistaken unit."""

_HOURS_MAXIMUM: Final = 24 * 365
"""A year; whoever wants more wants none."""

_T = TypeVar("_T")


@attrs.frozen(kw_only=True)
class Settings:
    """What a process is told from outside. The defaults are those of the embedded fake."""

    mode: Mode = "test"
    gateway: Literal["stripe", "fake"] = "fake"
    stripe_secret_key: Secret = FAKE_SECRET_KEY
    stripe_publishable_key: str = FAKE_PUBLISHABLE_KEY
    stripe_webhook_secrets: tuple[Secret, ...] = (values.DEV_WEBHOOK_SECRET,)
    stripe_api_base: str | None = None
    """Another address for Stripe's API; None is Stripe's own."""
    database: Database = attrs.field(factory=Database)
    storefront_keys: tuple[StorefrontKey, ...] = (
        StorefrontKey(name="dev", secret=values.DEV_STOREFRONT_SECRET),
    )
    ops_keys: tuple[OpsKey, ...] = (
        OpsKey(name="dev", role=Role.ADMIN, secret=values.DEV_OPS_SECRET),
    )
    customer_token_secret: Secret | None = values.DEV_CUSTOMER_TOKEN_SECRET
    """None: customer tokens are off."""
    encryption_keys: tuple[Secret, ...] = (values.DEV_ENCRYPTION_KEY,)
    """Newest first."""
    out_webhook: Target | None = None
    """Where the storefront is told what happened; None: it is not."""
    out_webhook_secrets: tuple[Secret, ...] = ()
    """Newest first."""
    allow_dev_secrets: bool = False
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    embedded_worker: bool = True
    abandoned_after: timedelta | None = timedelta(hours=24)
    """How long an unpaid intent is left to its customer; None is for ever."""
    fake_delay_s: float = 2.0
    log_level: str = "INFO"
    log_format: LogFormat | None = None
    """None: ``console`` on a terminal, otherwise ``json``."""
    actor: str | None = None
    """Under whose name the command line acts."""
    ops_key: Secret | None = None
    """One of the operations keys: by it the command line knows, and not only hears, who acts."""
    refund_approval_limit: ApprovalLimit = NO_LIMIT
    """Up to how much of a payment one person may give back."""

    @property
    def local_url(self) -> str:
        """Where a browser on this machine reaches the server."""
        return values.local_url(self.host, self.port)

    @property
    def acting_key(self) -> OpsKey | None:
        """Whose ``ops_key`` it is."""
        return next((each for each in self.ops_keys if each.secret == self.ops_key), None)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], dotenv: Path | None = None) -> Self:
        """Read the settings; ``environ`` wins over the file ``dotenv``, which may be missing.

        An empty variable counts as not set. Raises ConfigurationError with one message that
        names every wrong variable and shows no value.
        """
        reader = _Reader(_given(environ, dotenv))
        fields = _read(reader)
        reader.raise_refusals()
        settings = cls(**fields)
        _judge(settings, reader)
        reader.raise_refusals()
        return settings


class _Reader(Env):
    """environs over a given mapping instead of the process's own environment."""

    def __init__(self, given: Mapping[str, str]) -> None:
        super().__init__(eager=False)
        self.given = given
        self._refusals: defaultdict[str, list[str]] = defaultdict(list)

    def _get_value(self, env_key: str, default: Any) -> Any:  # noqa: ANN401 - as in environs
        return self.given.get(env_key, default)

    def parsed(self, name: str, parse: Callable[[str], _T], default: _T) -> _T:
        """Read a variable with a function of our own that raises environs' ValidationError."""
        if name not in self.given:
            return default
        try:
            return parse(self.given[name])
        except ValidationError as error:
            self.refuse(name, *map(str, error.messages))
            return default

    def refuse(self, name: str, *reasons: str) -> None:
        """Remember why a variable cannot stay as it is."""
        self._refusals[name].extend(reasons)

    def raise_refusals(self) -> None:
        """Raise ConfigurationError if any variable was wrong."""
        try:
            self.seal()
        except EnvValidationError as error:
            # Only a single variable's own error carries a list; that of ``seal`` never does.
            messages = cast("Mapping[str, list[str]]", error.error_messages)
            for name, reasons in messages.items():
                self.refuse(name, *map(str, reasons))
        if self._refusals:
            raise ConfigurationError(
                "\n".join(
                    f"{name}: {' '.join(dict.fromkeys(reasons))}"
                    for name, reasons in sorted(self._refusals.items())
                )
            )


def _given(environ: Mapping[str, str], dotenv: Path | None) -> dict[str, str]:
    from_file: Mapping[str, str | None] = {}
    if dotenv is not None and dotenv.exists():
        try:
            from_file = dotenv_values(dotenv, interpolate=False)
        except (OSError, UnicodeDecodeError):
            raise ConfigurationError(f"{dotenv.name}: The file cannot be read.") from None
    merged = {**from_file, **environ}
    return {name: value.strip() for name, value in merged.items() if value and value.strip()}


def _read(reader: _Reader) -> dict[str, Any]:
    for name in reader.given:
        if name.startswith("MARKETHUB_") and name not in _MARKETHUB_NAMES:
            reader.refuse(name, "There is no setting of this name.")
    mode = reader.str("PAYMENT_ENV", "test", validate=validate.OneOf(["test", "live"]))
    gateway = reader.str(
        "MARKETHUB_GATEWAY",
        _default_gateway(reader, mode or "test"),
        validate=validate.OneOf(["stripe", "fake"]),
    )
    fields = {
        "mode": mode,
        "gateway": gateway,
        "database": reader.parsed("DATABASE_URL", values.database, Database()),
        "stripe_api_base": reader.parsed("MARKETHUB_STRIPE_API_BASE", values.api_base, None),
        "host": reader.parsed("MARKETHUB_HOST", values.host, "127.0.0.1"),
        "port": reader.int(
            "MARKETHUB_PORT", 8000, validate=validate.Range(min=0, max=_PORT_MAXIMUM)
        ),
        "workers": reader.int(
            "MARKETHUB_WORKERS", 1, validate=validate.Range(min=1, max=_WORKERS_MAXIMUM)
        ),
        "embedded_worker": reader.bool("MARKETHUB_EMBEDDED_WORKER", True),
        "abandoned_after": _hours(
            reader.float(
                "MARKETHUB_ABANDONED_AFTER_H",
                24.0,
                validate=validate.Range(min=0, max=_HOURS_MAXIMUM),
            )
        ),
        "fake_delay_s": reader.float(
            "MARKETHUB_FAKE_DELAY_S", 2.0, validate=validate.Range(min=0, max=_DELAY_S_MAXIMUM)
        ),
        "allow_dev_secrets": reader.bool("MARKETHUB_ALLOW_DEV_SECRETS", False),
        "log_level": reader.parsed("MARKETHUB_LOG_LEVEL", values.log_level, "INFO"),
        "log_format": reader.str(
            "MARKETHUB_LOG_FORMAT", None, validate=validate.OneOf(["console", "json"])
        ),
        "actor": reader.parsed("MARKETHUB_ACTOR", values.actor, None),
        "refund_approval_limit": reader.parsed(
            "MARKETHUB_REFUND_APPROVAL_ABOVE", values.approval_limit, NO_LIMIT
        ),
    }
    # Without a fake gateway nothing has a development default.
    plain = Settings() if gateway == "fake" else _NO_SECRETS
    fields |= _read_keys(reader, plain)
    fields |= _read_stripe(reader, mode or "test", plain)
    fields |= _read_out_webhook(reader, "live" if mode == "live" else "test")
    return fields


def _hours(hours: float | None) -> timedelta | None:
    """Read hours, of which none at all are no limit."""
    return timedelta(hours=hours) if hours else None


def _default_gateway(reader: _Reader, mode: str) -> str:
    names = {name for name in reader.given if name.startswith("STRIPE_")} - _NOT_OURS
    needed = f"STRIPE_SECRET_KEY_{mode.upper()}"
    if needed in names:
        return "stripe"
    if names and "MARKETHUB_GATEWAY" not in reader.given:
        reader.refuse(
            needed,
            f"Is missing while {', '.join(sorted(names))} is set "
            "(for the fake gateway set MARKETHUB_GATEWAY=fake).",
        )
    return "fake"


def _read_keys(reader: _Reader, plain: "Settings") -> dict[str, Any]:
    return {
        "storefront_keys": reader.parsed(
            "MARKETHUB_STOREFRONT_KEYS", values.storefront_keys, plain.storefront_keys
        ),
        "ops_keys": reader.parsed("MARKETHUB_OPS_KEYS", values.ops_keys, plain.ops_keys),
        "ops_key": reader.parsed("MARKETHUB_OPS_KEY", Secret, None),
        "customer_token_secret": reader.parsed(
            "MARKETHUB_CUSTOMER_TOKEN_SECRET",
            values.customer_token_secret,
            plain.customer_token_secret,
        ),
        "encryption_keys": reader.parsed(
            "MARKETHUB_ENCRYPTION_KEYS", values.encryption_keys, plain.encryption_keys
        ),
    }


def _read_stripe(reader: _Reader, mode: str, plain: "Settings") -> dict[str, Any]:
    """Judge the keys of both modes, and take those of ours."""
    found: dict[str, dict[str, Any]] = {}
    for each in _MODES:
        suffix = each.upper()
        secret = partial(values.api_key, kinds=("sk", "rk"), mode=each)
        publishable = partial(values.publishable_key, mode=each)
        found[each] = {
            "stripe_secret_key": reader.parsed(
                f"STRIPE_SECRET_KEY_{suffix}", secret, plain.stripe_secret_key
            ),
            "stripe_publishable_key": reader.parsed(
                f"STRIPE_PUBLISHABLE_KEY_{suffix}", publishable, plain.stripe_publishable_key
            ),
            "stripe_webhook_secrets": reader.parsed(
                f"STRIPE_WEBHOOK_SECRET_{suffix}",
                values.webhook_secrets,
                plain.stripe_webhook_secrets,
            ),
        }
    ours = found[mode]
    if plain.gateway == "fake":
        # The simulated account knows its own two keys only, whatever keys of Stripe's are set.
        del ours["stripe_secret_key"], ours["stripe_publishable_key"]
    return ours


def _read_out_webhook(reader: _Reader, mode: Mode) -> dict[str, Any]:
    url, none = partial(values.out_webhook_url, mode=mode), Settings().out_webhook_secrets
    return {
        "out_webhook": reader.parsed("MARKETHUB_OUT_WEBHOOK_URL", url, None),
        "out_webhook_secrets": reader.parsed(
            "MARKETHUB_OUT_WEBHOOK_SECRETS", values.out_webhook_secrets, none
        ),
    }


def _judge(settings: Settings, reader: _Reader) -> None:
    """Refuse what is well-formed but wrong together."""
    if settings.workers > 1 and settings.database.kind == "memory":
        reader.refuse("MARKETHUB_WORKERS", "Several processes cannot share a memory:// database.")
    if settings.gateway == "fake":
        if settings.mode == "live":
            reader.refuse(
                "MARKETHUB_GATEWAY",
                "The fake gateway is refused when PAYMENT_ENV=live; "
                "set STRIPE_SECRET_KEY_LIVE and its companions.",
            )
    else:
        _judge_stripe(settings, reader)
    _judge_callers(settings, reader)
    if settings.out_webhook is not None and not settings.out_webhook_secrets:
        reader.refuse(
            "MARKETHUB_OUT_WEBHOOK_SECRETS", "Is required with MARKETHUB_OUT_WEBHOOK_URL."
        )
    if not (settings.allow_dev_secrets or values.is_loopback(settings.host)):
        for name in _dev_secret_names(settings):
            reader.refuse(
                name,
                "A development secret is refused unless MARKETHUB_HOST is a loopback address "
                "or MARKETHUB_ALLOW_DEV_SECRETS=true.",
            )


def _judge_stripe(settings: Settings, reader: _Reader) -> None:
    suffix = settings.mode.upper()
    required = {
        f"STRIPE_SECRET_KEY_{suffix}": settings.stripe_secret_key,
        f"STRIPE_PUBLISHABLE_KEY_{suffix}": settings.stripe_publishable_key,
        f"STRIPE_WEBHOOK_SECRET_{suffix}": settings.stripe_webhook_secrets,
        "MARKETHUB_ENCRYPTION_KEYS": settings.encryption_keys,
    }
    for name, value in required.items():
        if not value:
            reader.refuse(name, "Is required with the stripe gateway.")
    base = settings.stripe_api_base or ""
    if settings.mode == "live" and base.startswith("http://"):
        reader.refuse("MARKETHUB_STRIPE_API_BASE", "Live keys travel over https only.")


def _judge_callers(settings: Settings, reader: _Reader) -> None:
    shop = {key.secret for key in settings.storefront_keys}
    if any(key.secret in shop for key in settings.ops_keys):
        reader.refuse("MARKETHUB_OPS_KEYS", "A secret is also a storefront key's.")
    if settings.mode == "live" and settings.gateway == "stripe":
        for name, keys in (
            ("MARKETHUB_STOREFRONT_KEYS", settings.storefront_keys),
            ("MARKETHUB_OPS_KEYS", settings.ops_keys),
        ):
            if any(len(key.secret.reveal()) < values.KEY_CHARACTERS_MINIMUM for key in keys):
                reader.refuse(
                    name,
                    f"Where real money moves a key must have at least "
                    f"{values.KEY_CHARACTERS_MINIMUM} characters, at random.",
                )
    if settings.ops_key is not None and settings.acting_key is None:
        reader.refuse("MARKETHUB_OPS_KEY", "Is none of the keys of MARKETHUB_OPS_KEYS.")


def _dev_secret_names(settings: Settings) -> Iterator[str]:
    """Name the variables whose values everybody can read in this file."""
    if values.DEV_WEBHOOK_SECRET in settings.stripe_webhook_secrets:
        yield f"STRIPE_WEBHOOK_SECRET_{settings.mode.upper()}"
    if values.DEV_STOREFRONT_SECRET in {key.secret for key in settings.storefront_keys}:
        yield "MARKETHUB_STOREFRONT_KEYS"
    if values.DEV_OPS_SECRET in {key.secret for key in settings.ops_keys}:
        yield "MARKETHUB_OPS_KEYS"
    if settings.customer_token_secret == values.DEV_CUSTOMER_TOKEN_SECRET:
        yield "MARKETHUB_CUSTOMER_TOKEN_SECRET"
    if values.DEV_ENCRYPTION_KEY in settings.encryption_keys:
        yield "MARKETHUB_ENCRYPTION_KEYS"


_NO_SECRETS: Final = Settings(
    gateway="stripe",
    stripe_secret_key=Secret(""),
    stripe_publishable_key="",
    stripe_webhook_secrets=(),
    storefront_keys=(),
    ops_keys=(),
    customer_token_secret=None,
    encryption_keys=(),
)
