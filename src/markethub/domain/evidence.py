"""What we say against a dispute: Stripe's evidence fields, drafted by us until submitted."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final, Self

import attrs

from markethub.domain.errors import InvalidTransition, ValidationFailed
from markethub.domain.ids import ProviderFileId

TEXT_FIELDS: Final = frozenset(
    {
        "access_activity_log",
        "billing_address",
        "cancellation_policy_disclosure",
        "cancellation_rebuttal",
        "customer_email_address",
        "customer_name",
        "customer_purchase_ip",
        "duplicate_charge_explanation",
        "duplicate_charge_id",
        "product_description",
        "refund_policy_disclosure",
        "refund_refusal_explanation",
        "service_date",
        "shipping_address",
        "shipping_carrier",
        "shipping_date",
        "shipping_tracking_number",
        "uncategorized_text",
    }
)
"""The fields of Stripe's Dispute evidence that hold text."""

FILE_FIELDS: Final = frozenset(
    {
        "cancellation_policy",
        "customer_communication",
        "customer_signature",
        "duplicate_charge_documentation",
        "receipt",
        "refund_policy",
        "service_documentation",
        "shipping_documentation",
        "uncategorized_file",
    }
)
"""The fields of Stripe's Dispute evidence that hold an uploaded file."""

TEXT_CHARACTERS_MAXIMUM: Final = 150_000
"""Of all text fields together: Stripe's limit."""
FILE_BYTES_MAXIMUM: Final = 5 * 1024 * 1024
"""Of one file; Stripe takes as much for dispute evidence."""
FILE_TYPES: Final = frozenset({"application/pdf", "image/jpeg", "image/png"})
"""What Stripe takes as dispute evidence."""

_NAMES: Final = {
    "application/pdf": "evidence.pdf",
    "image/jpeg": "evidence.jpg",
    "image/png": "evidence.png",
}
_SIGNATURES: Final = {
    "application/pdf": b"%PDF-",
    "image/jpeg": b"\xff\xd8\xff",
    "image/png": b"\x89PNG\r\n\x1a\n",
}
assert set(_SIGNATURES) == set(_NAMES) == FILE_TYPES, "every type is known by its first bytes"


@attrs.frozen(kw_only=True)
class Evidence:
    """A draft: texts and uploaded files by Stripe's field names."""

    texts: Mapping[str, str] = attrs.field(factory=dict)
    files: Mapping[str, ProviderFileId] = attrs.field(factory=dict)

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to submit."""
        return not self.texts and not self.files

    @property
    def fields(self) -> Mapping[str, str]:
        """All of it, by Stripe's field names."""
        return {**self.texts, **self.files}

    @property
    def fingerprint(self) -> str:
        """A short name of what is drafted: another draft has another one."""
        told = "\0".join(f"{name}\0{value}" for name, value in sorted(self.fields.items()))
        return sha256(told.encode()).hexdigest()[:16]

    def require_seen(self, fingerprint: str | None) -> None:
        """Raise InvalidTransition unless this is the draft that was looked at; None is any."""
        if fingerprint not in (None, self.fingerprint):
            raise InvalidTransition(
                "somebody has changed the evidence since it was looked at: look at it again"
            )

    def with_texts(self, texts: Mapping[str, str]) -> Self:
        """Replace all texts, keeping the files. Empty texts are left out.

        Raises ValidationFailed for an unknown field, and for more than Stripe takes.
        """
        for name in texts:
            if name not in TEXT_FIELDS:
                raise ValidationFailed(name, "is no text field of a dispute's evidence")
        kept = {name: text for name, text in texts.items() if text.strip()}
        if sum(map(len, kept.values())) > TEXT_CHARACTERS_MAXIMUM:
            raise ValidationFailed("", f"must not exceed {TEXT_CHARACTERS_MAXIMUM} characters")
        return attrs.evolve(self, texts=kept)

    def with_file(self, field: str, file_id: ProviderFileId) -> Self:
        """Attach an uploaded file, in the place of one attached there before.

        Raises ValidationFailed for a field that holds no file.
        """
        require_file_field(field)
        return attrs.evolve(self, files={**self.files, field: file_id})


def require_file_field(field: str) -> None:
    """Raise ValidationFailed for a field that holds no file."""
    if field not in FILE_FIELDS:
        raise ValidationFailed("field", "is no file field of a dispute's evidence")


@attrs.frozen(kw_only=True)
class EvidenceFile:
    """A file to be uploaded. Named by us: a customer's file name tells nobody anything."""

    content: bytes = attrs.field(repr=False)
    content_type: str

    @property
    def name(self) -> str:
        """What it is called at the provider."""
        return _NAMES[self.content_type]

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Take a file by its first bytes, whatever it was called.

        Raises ValidationFailed for an empty or too large one, and for what is neither PDF, JPEG
        nor PNG.
        """
        if not 0 < len(content) <= FILE_BYTES_MAXIMUM:
            raise ValidationFailed("file", f"must have 1 to {FILE_BYTES_MAXIMUM} bytes")
        for content_type, signature in _SIGNATURES.items():
            if content.startswith(signature):
                return cls(content=content, content_type=content_type)
        raise ValidationFailed("file", "must be a PDF, JPEG or PNG")
