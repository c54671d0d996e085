"""The OpenAPI document and its page, which loads nothing from elsewhere."""

from hashlib import sha256
from html.parser import HTMLParser
from importlib.resources import files

import msgspec
import pytest
from jsonschema import Draft202012Validator

from tests.support.app import Api

pytestmark = pytest.mark.anyio


class _Loads(HTMLParser):
    """Gathers every address that a browser would load for a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        loading = {"src", "href", "spec-url", "action", "data", "srcset", "poster"}
        self.addresses += [value or "" for name, value in attrs if name in loading]


async def test_the_page_loads_nothing_from_elsewhere(api: Api) -> None:
    page = await api.get("/schema", caller={})
    loads = _Loads()
    loads.feed(page.text)

    own = [address for address in loads.addresses if address != "data:,"]
    assert ["/schema/rapidoc-min.js", "/schema/openapi.json", "/schema/openapi.json"] == own
    assert {200} == {(await api.get(address, caller={})).status_code for address in own}


async def test_the_pages_policy_forbids_what_is_not_ours(api: Api) -> None:
    policy = (await api.get("/schema", caller={})).headers["content-security-policy"]

    sources = {word for part in policy.split(";") for word in part.split()[1:]}
    assert {"'none'", "'self'", "'unsafe-inline'", "data:"} == sources
    assert "script-src 'self';" in policy


async def test_the_vendored_script_is_the_one_that_was_written_down() -> None:
    vendor = files("markethub.entrypoints.http").joinpath("vendor")

    digest = sha256(vendor.joinpath("rapidoc-min.js").read_bytes()).hexdigest()
    assert digest in vendor.joinpath("VENDOR.md").read_text()


async def test_every_body_is_published_closed_and_valid_as_a_schema(api: Api) -> None:
    document = (await api.get("/schema/openapi.json")).json()

    bodies = {
        (method, path): content["schema"]
        for path, item in document["paths"].items()
        for method, operation in item.items()
        for content in operation.get("requestBody", {}).get("content", {}).values()
        if not path.endswith("webhook")
    }
    for schema in bodies.values():
        Draft202012Validator.check_schema(schema)
    assert 14 == len(bodies)
    assert {False} == {schema["additionalProperties"] for schema in bodies.values()}


async def test_every_operation_declares_its_problems_and_who_may_call(api: Api) -> None:
    document = (await api.get("/schema/openapi.json")).json()

    for path, item in document["paths"].items():
        for method, operation in item.items():
            public = path.startswith("/health") or path.endswith("webhook")
            assert ([] if public else [{"bearer": []}]) == operation.get("security", []), (
                method,
                path,
            )
            if not public:
                problem = operation["responses"]["401"]["content"]
                assert ["application/problem+json"] == list(problem), (method, path)
    assert "bearer" in document["components"]["securitySchemes"]


async def test_answers_have_the_shape_that_the_document_promises(api: Api) -> None:
    document = (await api.get("/schema/openapi.json")).json()
    started = await api.authorized()
    answers = {
        "OrderOut": await api.get("/api/orders/o-1/"),
        "PaymentOut": await api.get(f"/api/payments/{started.payment.id}/"),
        "PaymentsOut": await api.get("/api/payments/"),
        "Problem": await api.call("PUT", "/api/orders/o-1/", {}),
    }

    for name, answer in answers.items():
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        Draft202012Validator(schema).validate(msgspec.json.decode(answer.content))
