"""What Stripe pushes: the signature's check, the envelope, and the fact inside.

Never the SDK's own check: it takes any future time, raises TypeError for a signature that is
not ASCII, and builds objects that nobody needs. The scheme is that of Stripe's page "Resolve
webhook signature verification errors": HMAC-SHA256 over ``t``, a dot and the raw body.
"""

import hmac
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from markethub.adapters.stripe import disputes, reading, refunds, saved_methods, thin, translate
from markethub.adapters.stripe.subjects import subject_of
from markethub.domain.errors import InvalidSignature, ValidationFailed
from markethub.domain.facts import ProviderFact, ReceivedEvent
from markethub.domain.ids import EventId
from markethub.domain.secret import Secret

TOLERANCE_S: Final = 300
"""How old a signature may be, or how far ahead of our clock: Stripe's default, both ways."""

HANDLED_TYPES: Final = (
    translate.HANDLED_TYPES
    | refunds.HANDLED_TYPES
    | disputes.HANDLED_TYPES
    | saved_methods.HANDLED_TYPES
)
"""The types of snapshot events that mean something to us."""

_EVENT_ID = re.compile(r"[A-Za-z0-9_]{1,255}")
# A thin event has types like ``v2.core.account[identity].updated``.
_TYPE = re.compile(r"[a-z0-9_.\[\]]{1,255}")
_VERSION = re.compile(r"[A-Za-z0-9_.-]{1,255}")
_TIMESTAMP = re.compile(r"[0-9]{1,12}")


class StripeEventTranslator:
    """Verifies events by any of several secrets (a rolled one stays valid for a day)."""

    def __init__(self, secrets: Sequence[Secret]) -> None:
        """Take the endpoint's secrets. Without any, no event is accepted.

        Raises ValueError for an empty secret, under which anybody could sign.
        """
        if not all(secret.reveal().strip() for secret in secrets):
            raise ValueError("a webhook secret must not be empty")
        self._keys = tuple(secret.reveal().encode() for secret in secrets)

    def verify(self, body: bytes, *, signature: str | None, now: datetime) -> ReceivedEvent:
        """Check the signature over the raw bytes and read the envelope.

        Raises InvalidSignature for a missing, malformed, forged, too old or future one,
        and ValidationFailed for signed nonsense.
        """
        timestamp, signatures = _parse_header(signature)
        if not self._any_matches(body, timestamp, signatures):
            raise InvalidSignature("no signature matches the body")
        if abs(now.timestamp() - int(timestamp)) > TOLERANCE_S:
            raise InvalidSignature("the signature's time is too far from ours")
        return _received(*_parse(body))

    def translate(self, event: ReceivedEvent) -> ProviderFact:
        """Read what a stored event says. Raises ValidationFailed for an unreadable object."""
        if thin.is_type(event.type):
            return thin.event_fact(event.type, msgspec.json.decode(event.payload))
        type_ = saved_methods.FORMER_TYPES.get(event.type, event.type)
        if type_ not in HANDLED_TYPES:
            return translate.event_fact(type_, None)
        try:
            payload = msgspec.json.decode(event.payload)
            obj = payload["data"]["object"]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise ValidationFailed("data.object", "is missing") from None
        if type_ in refunds.HANDLED_TYPES:
            return refunds.event_fact(type_, obj)
        if type_ in disputes.HANDLED_TYPES:
            return disputes.event_fact(type_, obj)
        if type_ in saved_methods.HANDLED_TYPES:
            return saved_methods.event_fact(type_, obj)
        return translate.event_fact(type_, obj)

    def _any_matches(self, body: bytes, timestamp: str, signatures: Iterable[str]) -> bool:
        signed = timestamp.encode() + b"." + body
        expected = [hmac.digest(key, signed, "sha256").hex() for key in self._keys]
        return any(hmac.compare_digest(ours, each) for ours in expected for each in signatures)


def listed_event(event: object) -> ReceivedEvent:
    """Take an event that was listed, not pushed: nothing signs it, all else is checked alike.

    Raises ValidationFailed.
    """
    return _received(*_parse(_encode(event).encode()))


def _parse_header(header: str | None) -> tuple[str, list[str]]:
    """Return the one ``t`` and every ``v1``; other schemes are not ours to judge."""
    if not header:
        raise InvalidSignature("the signature is missing")
    # ``compare_digest`` takes no text that is not ASCII.
    if not header.isascii():
        raise InvalidSignature("the signature is malformed")
    pairs = [item.partition("=") for item in header.split(",")]
    timestamps = [value for key, _, value in pairs if key == "t"]
    signatures = [value for key, _, value in pairs if key == "v1"]
    if len(timestamps) != 1 or not _TIMESTAMP.fullmatch(timestamps[0]) or not signatures:
        raise InvalidSignature("the signature is malformed")
    return timestamps[0], signatures


def _parse(body: bytes) -> tuple[Mapping[str, object], str]:
    """Read strict UTF-8 JSON; return it, and its text with every ``client_secret`` masked."""
    plain = _parse_plain(body)
    if plain is not None:
        return plain
    event = _parse_strictly(body)
    return event, _encode(event)


_SECRET_NAME: Final = b'"client_secret":'
_SECRET: Final = re.compile(_SECRET_NAME + rb'(?:"(?:[^"\\]|\\.)*"|null)')
_MASKED: Final = _SECRET_NAME + msgspec.json.encode(translate.MASK)


def _parse_plain(body: bytes) -> tuple[Mapping[str, object], str] | None:
    r"""Read a plain event in half of the strict reader's time; None where there is doubt.

    Written anew, a text without ``\u`` has as many quotation marks as before; if it has less,
    a name stood twice and one was dropped.
    """
    if b"\\" in body and b"\\u" in body:
        return None
    try:
        parsed = msgspec.json.decode(body)
        written = msgspec.json.encode(parsed)
    except (ValueError, RecursionError):
        return None
    if not isinstance(parsed, dict) or body.count(b'"') != written.count(b'"'):
        return None
    secrets = written.count(_SECRET_NAME)
    if secrets:
        # In a text's own quotation marks a backslash stands before the last: that is no name.
        written, masked = _SECRET.subn(_masked_member, written)
        if masked != secrets:
            return None
    return parsed, written.decode()


def _masked_member(found: "re.Match[bytes]") -> bytes:
    return found[0] if found[0].endswith(b"null") else _MASKED


def _parse_strictly(body: bytes) -> Mapping[str, object]:
    try:
        parsed = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_masked,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except (ValueError, RecursionError) as problem:
        raise ValidationFailed("", f"the event is no JSON: {type(problem).__name__}") from None
    if not isinstance(parsed, dict):
        raise ValidationFailed("", "the event is no object")
    return parsed


def _masked(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        # Two readers of one body could each see another value.
        raise ValueError("a key stands twice")
    if members.get("client_secret") is not None:
        members["client_secret"] = translate.MASK
    return members


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _received(event: Mapping[str, object], payload: str) -> ReceivedEvent:
    event_id, type_, version = event.get("id"), event.get("type"), event.get("api_version")
    kind, created = event.get("object"), event.get("created")
    if kind not in ("event", thin.KIND):
        raise ValidationFailed("object", "is no event")
    if not isinstance(event_id, str) or not _EVENT_ID.fullmatch(event_id):
        raise ValidationFailed("id", "is no event id")
    if not isinstance(type_, str) or not _TYPE.fullmatch(type_):
        raise ValidationFailed("type", "is no event type")
    livemode = event.get("livemode")
    if not isinstance(livemode, bool):
        raise ValidationFailed("livemode", "must be true or false")
    return ReceivedEvent(
        id=EventId(event_id),
        type=type_,
        livemode=livemode,
        created_at=(
            thin.moment(created) if kind == thin.KIND else reading.moment(created, "created")
        ),
        api_version=version if isinstance(version, str) and _VERSION.fullmatch(version) else None,
        payload=payload,
        subject=subject_of(event, event_id),
    )


def _encode(event: object) -> str:
    try:
        return msgspec.json.encode(event).decode()
    except (ValueError, OverflowError, RecursionError) as problem:
        # A lone surrogate, or a number beyond 64 bits.
        raise ValidationFailed("", f"cannot be stored: {type(problem).__name__}") from None
