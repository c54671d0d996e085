"""A second witness from outside: request schemas in the form of Stripe's OpenAPI.

They are no part of the project: STRIPE_OPENAPI_DIR names the folder that has
``spec3-requests-2026-10-28.endive.json.gz``. Nested objects are closed there and enums, too.
"""

import gzip
import json
import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.support.stripe_params import decode_form

_FILE = "spec3-requests-2026-10-28.endive.json.gz"


def require_schemas() -> None:
    """Skip the test where the schemas are not at hand."""
    if not os.environ.get("STRIPE_OPENAPI_DIR"):
        pytest.skip("STRIPE_OPENAPI_DIR is not set: Stripe's request schemas are not at hand")


def schema_problems(method: str, path: str, form: str) -> list[str]:
    """Say what the schemas have against a request; nothing, if it is right."""
    operation = _operation(method, path)
    if operation is None:
        return [f"{method} {path} is no operation of Stripe's"]
    schema = _request_schema(method, operation)
    value = _coerced(decode_form(form), schema)
    found = jsonschema.Draft202012Validator(schema).iter_errors(value)
    return [f"{error.json_path}: {error.message}" for error in found]


def _operation(method: str, path: str) -> Mapping[str, Any] | None:
    paths = _paths()
    # A path without a variable comes before one whose variable could take its place.
    for template in sorted(paths, key=lambda each: each.count("{")):
        pattern = re.sub(r"\\\{\w+\\\}", r"[^/]+", re.escape(template))
        if method.lower() in paths[template] and re.fullmatch(pattern, path):
            operation: Mapping[str, Any] = paths[template][method.lower()]
            return operation
    return None


@cache
def _paths() -> Mapping[str, Any]:
    file = Path(os.environ["STRIPE_OPENAPI_DIR"]) / _FILE
    paths: Mapping[str, Any] = json.loads(gzip.decompress(file.read_bytes()))["paths"]
    return paths


def _request_schema(method: str, operation: Mapping[str, Any]) -> Mapping[str, Any]:
    if method == "POST":
        content = operation["requestBody"]["content"]
        schema: Mapping[str, Any] = content["application/x-www-form-urlencoded"]["schema"]
        return schema
    queries = [each for each in operation.get("parameters", ()) if each["in"] == "query"]
    return {
        "type": "object",
        "properties": {each["name"]: each["schema"] for each in queries},
        "required": [each["name"] for each in queries if each.get("required")],
        "additionalProperties": False,
    }


def _coerced(value: Any, schema: Mapping[str, Any]) -> Any:
    """Turn a form's texts into what the schema says that they stand for, where they can be it."""
    if "anyOf" in schema:
        candidates = [(_coerced(value, arm), arm) for arm in schema["anyOf"]]
        fitting = (
            found
            for found, arm in candidates
            if jsonschema.Draft202012Validator(arm).is_valid(found)
        )
        return next(fitting, value)
    match schema.get("type"), value:
        case "array", Mapping():
            return [_coerced(value[index], schema["items"]) for index in sorted(value, key=int)]
        case "object", Mapping():
            more = schema.get("additionalProperties")
            other = more if isinstance(more, Mapping) else {}
            members = schema.get("properties", {})
            return {name: _coerced(each, members.get(name, other)) for name, each in value.items()}
        case "integer", str() if re.fullmatch(r"-?\d+", value):
            return int(value)
        case "boolean", "true" | "false":
            return value == "true"
        case _:
            return value
