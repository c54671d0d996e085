"""Files: uploading a dispute's evidence. Source: Stripe's pages "Files API", "File uploads".

The account keeps what a file is, and none of what is in it.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from markethub.adapters.fake import errors, evidence
from markethub.adapters.fake.errors import ApiError
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.listing import LIST, page
from markethub.adapters.fake.parameters import Spec, fields, one_of, text, whole
from markethub.adapters.fake.store import JsonObject

KIND: Final = "file"
BYTES_MAXIMUM: Final = 5_000_000
"""For evidence; other purposes have other limits."""

PURPOSES: Final = (
    "account_requirement",
    "additional_verification",
    "business_icon",
    "business_logo",
    "customer_signature",
    evidence.PURPOSE,
    "identity_document",
    "pci_document",
    "tax_document_user_upload",
)
CREATE: Final[Spec] = {
    "file": fields(
        {
            "filename": text(),
            "sha256": text(),
            "size": whole(minimum=0),
            "type": text(unsettable=True),
        },
        required=("filename", "sha256", "size", "type"),
    ),
    "purpose": one_of(*PURPOSES),
}
LIST_PARAMS: Final[Spec] = {**LIST, "purpose": one_of(*PURPOSES)}

_SIGNATURES: Final = ((b"%PDF-", "pdf"), (b"\xff\xd8\xff", "jpg"), (b"\x89PNG\r\n\x1a\n", "png"))


def uploaded(filename: str, content: bytes) -> dict[str, str]:
    """Describe an upload as the ``file`` parameter does within this process.

    Whoever stands before the account calls it with the bytes that came in.
    """
    kinds = [kind for start, kind in _SIGNATURES if content.startswith(start)]
    return {
        "filename": filename or "file",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": str(len(content)),
        "type": kinds[0] if kinds else "",
    }


def create(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    """``POST /v1/files``. Raises ApiError."""
    file, purpose = given["file"], given["purpose"]
    if purpose == evidence.PURPOSE and file["type"] is None:
        raise ApiError(
            "Invalid file type. Files with the purpose dispute_evidence must be of one of these "
            "types: pdf, jpg, png.",
            param="file",
        )
    if file["size"] > BYTES_MAXIMUM:
        raise ApiError(
            f"The file is too large: {file['size']} bytes. At most {BYTES_MAXIMUM} are accepted.",
            param="file",
        )
    file_id = execution.new_id("file")
    return execution.save(
        {
            "id": file_id,
            "object": KIND,
            "created": execution.now,
            "expires_at": None,
            "filename": file["filename"],
            "links": {
                "object": "list",
                "data": [],
                "has_more": False,
                "url": f"/v1/file_links?file={file_id}",
            },
            "purpose": purpose,
            "size": file["size"],
            "title": None,
            "type": file["type"],
            "url": f"{execution.options.base_url}/fake-stripe/v1/files/{file_id}/contents",
        }
    )


def retrieve(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:  # noqa: ARG001 - expansion is the entrance's
    """``GET /v1/files/{id}``. Raises ApiError 404."""
    file = execution.find(KIND, id)
    if file is None:
        raise errors.missing(KIND, id, param=KIND)
    return file


def listed(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    """``GET /v1/files``, the newest first."""
    purpose = given.get("purpose")
    return page(
        execution,
        KIND,
        given,
        url="/v1/files",
        matches=lambda file: purpose in (None, file["purpose"]),
    )
