"""What the OpenAPI document says beyond what Litestar reads from the handlers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, cast

import msgspec
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.spec import (
    Components,
    OpenAPI,
    OpenAPIMediaType,
    Operation,
    Parameter,
    RequestBody,
    Schema,
    SecurityRequirement,
    SecurityScheme,
)

from markethub.domain.audit import REASON_MAXIMUM
from markethub.entrypoints.http.entrance import REASON_HEADER
from markethub.entrypoints.http.errors import PROBLEM_TYPE, Problem
from markethub.entrypoints.http.idempotency import KEY_CHARACTERS_MAXIMUM
from markethub.entrypoints.http.schema_page import SchemaPage

_PROBLEMS: Final = {
    400: "The input is malformed; `errors` names the fields.",
    401: "No valid bearer token.",
    403: "Known, but not allowed.",
    404: "No such object, or one of somebody else.",
    405: "Another method; `Allow` names those that are taken.",
    408: "The body came too slowly.",
    409: "The state of things does not allow it, or another request is at work.",
    413: "The body is too large.",
    415: "Another kind of body is expected.",
    422: "The amounts do not fit, or the Idempotency-Key was used with another body.",
    429: "Too many requests; `Retry-After` says when.",
    500: "Our fault.",
    502: "The payment provider refused it for good.",
    503: "The outcome is not known yet, or a part of us is not ready; `Retry-After` says when.",
}


BEARER: Final[tuple[SecurityRequirement, ...]] = ({"bearer": []},)
"""What a route behind the entrance asks for. Others ask for nothing."""

READS: Final = (400, 401, 403, 404, 429, 500)
"""What any route behind the entrance may answer with."""
WRITES: Final = (*READS, 409, 413, 422, 502, 503)
"""What a route that takes a body and calls the provider may answer with, too."""


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """Declare which problems a route answers with."""
    return {
        status: ResponseSpec(
            Problem,
            description=_PROBLEMS[status],
            media_type=PROBLEM_TYPE,
            generate_examples=False,
        )
        for status in statuses
    }


def documented_problems(*statuses: int) -> dict[str, Mapping[str, object]]:
    """Return the same as it stands in the document, for what Litestar does not read."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        str(status): {
            "description": _PROBLEMS[status],
            "content": {PROBLEM_TYPE: {"schema": schema}},
        }
        for status in statuses
    }


def documented(
    shape: type[Any] | None = None,
    *,
    required: bool = True,
    keyed: bool = False,
    needs_key: bool = False,
) -> type[Operation]:
    """Publish a body that the handler decodes itself, and the Idempotency-Key if it takes one."""
    body = None
    if shape is not None:
        body = RequestBody(
            required=required,
            content={"application/json": OpenAPIMediaType(schema=_schema(shape))},
        )
    return _operation(body, keyed=keyed, needs_key=needs_key)


def file_upload(*, fields: Iterable[str]) -> type[Operation]:
    """Publish a multipart body of a ``file`` and the ``field`` that shall hold it."""
    schema = Schema(
        type="object",  # type: ignore[arg-type]  # a plain string is what the enum renders to
        required=["field", "file"],
        additional_properties=False,
        properties={
            "field": Schema(type="string", enum=sorted(fields)),  # type: ignore[arg-type]  # as above
            "file": Schema(type="string", format="binary"),  # type: ignore[arg-type]  # as above
        },
    )
    content = {"multipart/form-data": OpenAPIMediaType(schema=schema)}
    return _operation(RequestBody(required=True, content=content), keyed=True)


def _operation(
    body: RequestBody | None, *, keyed: bool = False, needs_key: bool = False
) -> type[Operation]:
    headers = [_key_header(required=needs_key), _reason_header()] if keyed else []

    @dataclass
    class DocumentedOperation(Operation):
        def __post_init__(self) -> None:
            self.request_body = body
            if headers:
                self.parameters = [*(self.parameters or []), *headers]

    return DocumentedOperation


def _key_header(*, required: bool) -> Parameter:
    return Parameter(
        name="Idempotency-Key",
        param_in="header",
        required=required,
        description="The same key and body give the same answer for 24 hours.",
        schema=Schema(
            type="string",  # type: ignore[arg-type]  # a plain string is what the enum renders to
            min_length=1,
            max_length=KEY_CHARACTERS_MAXIMUM,
            pattern="^[ -~]*$",
        ),
    )


def _reason_header() -> Parameter:
    return Parameter(
        name=REASON_HEADER,
        param_in="header",
        required=False,
        description="Why, for the audit log of what staff do.",
        schema=Schema(
            type="string",  # type: ignore[arg-type]  # as above
            max_length=REASON_MAXIMUM,
            pattern="^[ -~]*$",
        ),
    )


def _schema(shape: type[Any]) -> Schema:
    """Return a struct's JSON schema, self-contained."""
    document = msgspec.json.schema(shape)
    definitions = document.get("$defs", {})
    return cast(Schema, _inline(document, definitions))


def _inline(node: Any, definitions: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON is anything
    if isinstance(node, list):
        return [_inline(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inline(definitions[node["$ref"].rpartition("/")[2]], definitions)
    return {key: _inline(value, definitions) for key, value in node.items() if key != "$defs"}


@dataclass
class _Document(OpenAPI):
    """The document, with paths that Litestar does not know."""

    applications: Mapping[str, object] = field(default_factory=dict)

    def to_schema(self) -> dict[str, Any]:
        document = super().to_schema()
        del document["applications"]
        return {**document, "paths": {**document["paths"], **self.applications}}


@dataclass
class _Config(OpenAPIConfig):
    applications: Mapping[str, object] = field(default_factory=dict)

    def to_openapi_schema(self) -> OpenAPI:
        document = super().to_openapi_schema()
        known = {each.name: getattr(document, each.name) for each in fields(document)}
        return _Document(**known, applications=self.applications)


def openapi_config(version: str, *, applications: Mapping[str, object]) -> OpenAPIConfig:
    """Return how the document and its page are made.

    ``applications`` are the path items of routes that are ASGI applications, by their paths.
    """
    return _Config(
        applications=applications,
        title="MarketHub payments",
        version=version,
        description=(
            "Amounts are integers in minor units, currencies lower-case ISO codes, times "
            "RFC 3339 in UTC. Unknown fields are refused. Errors are RFC 9457 problem details."
        ),
        path="/schema",
        render_plugins=[SchemaPage()],
        components=Components(
            security_schemes={
                "bearer": SecurityScheme(
                    type="http",
                    scheme="bearer",
                    description="A storefront key, an operations key or a customer's token.",
                )
            }
        ),
        use_handler_docstrings=True,
    )
