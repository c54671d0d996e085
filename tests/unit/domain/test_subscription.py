"""What the provider is set to tell us, judged."""

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from markethub.domain.errors import ValidationFailed
from markethub.domain.ids import EndpointId
from markethub.domain.secret import Secret
from markethub.domain.subscription import (
    Comparison,
    EndpointUrl,
    Problem,
    ProviderEndpoint,
    Wanted,
    compare,
    secret_mark,
)

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
URL = "https://shop.example.com/api/stripe/webhook/"
OURS, OTHER = Secret("whsec_ours"), Secret("whsec_other")
WANTED = Wanted(types=frozenset({"a.b", "c.d"}), api_version="v2", livemode=False)
RIGHT = ProviderEndpoint(
    id=EndpointId("we_1"),
    url=URL,
    types=WANTED.types,
    api_version="v2",
    is_enabled=True,
    livemode=False,
    created_at=AT,
    secret_mark=secret_mark(OURS),
)


def other(id: str, *, hours: int = 0, **changes: Any) -> ProviderEndpoint:
    created_at = AT + timedelta(hours=hours)
    return attrs.evolve(RIGHT, id=EndpointId(id), created_at=created_at, **changes)


def compared(*endpoints: ProviderEndpoint, url: str | None = URL) -> Comparison:
    address = None if url is None else EndpointUrl.read(url, livemode=False)
    return compare(WANTED, endpoints, url=address, accepted=[OURS])


def problems(*endpoints: ProviderEndpoint, url: str | None = URL) -> dict[str, list[str]]:
    findings = compared(*endpoints, url=url).findings
    return {each.endpoint.id: [str(problem) for problem in each.problems] for each in findings}


def test_an_endpoint_as_it_should_be_has_no_problem() -> None:
    assert compared(RIGHT).is_equal
    assert {"we_1": []} == problems(RIGHT)


def test_no_endpoint_is_a_difference() -> None:
    assert not compared().is_equal


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"is_enabled": False}, Problem.DISABLED),
        ({"types": frozenset({"a.b"})}, Problem.MISSING_TYPES),
        ({"types": WANTED.types | {"e.f"}}, Problem.EXTRA_TYPES),
        ({"types": frozenset({"*"})}, Problem.EXTRA_TYPES),
        ({"api_version": "v1"}, Problem.WRONG_API_VERSION),
        ({"api_version": None}, Problem.WRONG_API_VERSION),
        ({"livemode": True}, Problem.WRONG_MODE),
        ({"secret_mark": secret_mark(OTHER)}, Problem.UNKNOWN_SECRET),
    ],
)
def test_each_thing_that_is_wrong_is_told(changes: dict[str, Any], problem: Problem) -> None:
    wrong = attrs.evolve(RIGHT, **changes)

    assert {"we_1": [problem]} == problems(wrong)
    assert not compared(wrong).is_equal


def test_what_is_missing_and_what_is_too_much_is_named() -> None:
    [finding] = compared(attrs.evolve(RIGHT, types=frozenset({"a.b", "x.y"}))).findings

    assert (["c.d"], ["x.y"]) == (list(finding.missing), list(finding.extra))


def test_a_secret_that_nobody_noted_down_is_no_problem() -> None:
    assert {"we_1": []} == problems(attrs.evolve(RIGHT, secret_mark=None))


def test_of_two_at_one_address_the_older_is_superseded() -> None:
    newer = other("we_2", hours=1)

    assert {"we_2": [], "we_1": ["superseded"]} == problems(newer, RIGHT)
    assert {"we_2": [], "we_1": ["superseded"]} == problems(RIGHT, newer)


def test_of_two_of_one_second_the_one_that_is_listed_first_is_newer() -> None:
    assert {"we_2": [], "we_1": ["superseded"]} == problems(other("we_2"), RIGHT)


def test_a_disabled_endpoint_never_supersedes_one_that_works() -> None:
    newer = other("we_2", hours=1, is_enabled=False)

    assert {"we_1": [], "we_2": ["superseded"]} == problems(newer, RIGHT)


def test_an_address_with_a_slash_or_capitals_in_its_host_is_the_same() -> None:
    assert compared(RIGHT, url=URL.rstrip("/")).is_equal
    assert compared(RIGHT, url="https://SHOP.example.com/api/stripe/webhook").is_equal


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example.com/api/stripe/webhook/",
        "https://shop.example.com:444/api/stripe/webhook/",
        "https://shop.example.com/API/stripe/webhook/",
        "https://shop.example.com/api/stripe/webhook/?a=1",
        "https://other.example.com/api/stripe/webhook/",
    ],
)
def test_an_endpoint_of_another_address_leads_elsewhere(url: str) -> None:
    found = compared(attrs.evolve(RIGHT, url=url))

    assert ([], ["we_1"]) == (list(found.findings), [each.id for each in found.elsewhere])


def test_without_an_address_those_that_lead_to_our_path_are_judged() -> None:
    staging = other("we_2", url="https://staging.example.com/api/stripe/webhook")
    foreign = other("we_3", url="https://shop.example.com/hooks")

    found = compared(RIGHT, staging, foreign, url=None)

    assert found.is_equal
    assert {"we_1", "we_2"} == {each.endpoint.id for each in found.findings}
    assert ["we_3"] == [each.id for each in found.elsewhere]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "shop.example.com/hook",
        "ftp://shop.example.com",
        "https://",
        "https:///path",
        "https://user:word@shop.example.com",
        "https://shop.example.com/#part",
        "https://shop.example.com/a b",
        "https://sh\u00f6p.example.com/",
        "https://shop.example.com:port/",
        "https://[::1",
        "https://shop.example.com/" + "x" * 2048,
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValidationFailed):
        EndpointUrl.read(text, livemode=False)


def test_plain_http_is_for_test_mode() -> None:
    url = "http://shop.example.com/"

    assert url == EndpointUrl.read(url, livemode=False).value
    with pytest.raises(ValidationFailed):
        EndpointUrl.read(url, livemode=True)


def test_a_mark_tells_secrets_apart_without_showing_them() -> None:
    assert secret_mark(OURS) != secret_mark(OTHER)
    assert OURS.reveal() not in secret_mark(OURS)
