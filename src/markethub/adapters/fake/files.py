"""Uploaded files: what is known of them. The account keeps no content, for nobody reads it."""

from collections.abc import Mapping
from typing import Any, Final

from markethub.adapters.fake.errors import ApiError, missing
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.parameters import Spec, fields, one_of, text, whole
from markethub.adapters.fake.store import JsonObject

DISPUTE_EVIDENCE: Final = "dispute_evidence"
_BYTES_MAXIMUM: Final = 5 * 1024 * 1024
"""Of evidence for a dispute. Source: Stripe's page "File upload"."""
_TYPES: Final = {"pdf": "pdf", "jpg": "jpg", "jpeg": "jpg", "png": "png"}

CREATE: Final[Spec] = {
    "purpose": one_of(DISPUTE_EVIDENCE),
    # Whoever stands before the account has read the content.
    "file": fields(
        {"filename": text(), "sha256": text(), "size": whole(minimum=0)},
        required=("filename", "sha256", "size"),
    ),
}


def create(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    """``POST /v1/files``. Raises ApiError for a file that is no evidence."""
    file = given["file"]
    kind = _TYPES.get(file["filename"].rpartition(".")[2].lower())
    if kind is None:
        raise ApiError("We currently only support jpeg, png and pdf as evidence.", param="file")
    if not 0 < file["size"] <= _BYTES_MAXIMUM:
        raise ApiError("The file must have 1 byte to 5 MB.", param="file")
    new_id = execution.new_id("file")
    return execution.save(
        {
            "id": new_id,
            "object": "file",
            "created": execution.now,
            "expires_at": None,
            "filename": file["filename"],
            "links": {
                "data": [],
                "has_more": False,
                "object": "list",
                "url": f"/v1/file_links?file={new_id}",
            },
            "purpose": given["purpose"],
            "size": file["size"],
            "title": None,
            "type": kind,
            "url": f"https://files.stripe.com/v1/files/{new_id}/contents",
        }
    )


def retrieve(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:  # noqa: ARG001 - expansion is the entrance's
    """``GET /v1/files/{id}``. Raises ApiError 404."""
    file = execution.find("file", id)
    if file is None:
        raise missing("file upload", id, param="file")
    return file
