"""What an event is about, as far as its order among others goes."""

from collections.abc import Mapping
from hashlib import sha256

from markethub.adapters.stripe.reading import reference_id

_HARMLESS = ("pi_", "ch_", "py_", "re_", "pyr_", "dp_", "du_", "issfr_", "seti_")
_REFERENCES = ("payment_intent", "charge")
"""What other objects name the payment by, the more telling first."""


def subject_of(event: Mapping[str, object], event_id: str) -> str:
    """Return the id that orders an event among others: those of one payment share it.

    It is that of the PaymentIntent, else of the charge, else of the object itself, whose token
    nobody shall read here. An event that names none of them stands for itself.
    """
    data = event.get("data")
    obj = data.get("object") if isinstance(data, Mapping) else event.get("related_object")
    if not isinstance(obj, Mapping):
        return event_id
    for name in _REFERENCES:
        found = reference_id(obj.get(name))
        if found is not None:
            return found
    return _veiled(reference_id(obj)) or event_id


def _veiled(id: str | None) -> str | None:
    """Return an id that may lie in clear: of what can be charged with, only a digest."""
    if id is None or id.startswith(_HARMLESS):
        return id
    return sha256(id.encode()).hexdigest()[:32]
