"""Every call of a port in every scenario struck in turn, and two crashes at a time.

Of what lasts (commits, requests to the provider, stored events) every one is struck here. Of all
else, and of the pairs, every so many: ``markethub simulate --sweep`` takes all.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from inspect import isclass, iscoroutinefunction
from typing import Any

import pytest

from markethub.domain.ports.dispute_desk import DisputeDesk
from markethub.domain.ports.event_source import EventSource
from markethub.domain.ports.gateway import Gateway
from markethub.domain.ports.idempotency import IdempotencyKeys
from markethub.domain.ports.subscriptions import Subscriptions
from markethub.domain.ports.vault import Vault
from markethub.domain.usecases.decide_approval import DecideApproval
from markethub.entrypoints.container import Container
from markethub.entrypoints.simulation.campaign import sweep as campaign_sweep
from markethub.entrypoints.simulation.campaign import sweep_parts
from markethub.entrypoints.simulation.history import run_history
from markethub.entrypoints.simulation.plan import Plan
from markethub.entrypoints.simulation.ports import REPOSITORIES
from markethub.entrypoints.simulation.scenarios import SCENARIOS
from markethub.entrypoints.simulation.sweep import IN_PAIRS, missed, pairs, places, singles

STRIDE = 29
PAIRS_STRIDE = 307
PARTS = 2
"""Of the pairs, so that workers share them."""

NOT_MET = {
    "deliveries.skip_older": "the address that is told is never set up later than its messages",
    "ledger.of_payment": "no use case reads the ledger",
}
"""Calls that no scenario makes."""
ENDPOINTS: Mapping[type, Mapping[str, tuple[str, ...]]] = {
    Gateway: {
        "send": (
            "POST /v1/payment_intents",
            "POST /v1/payment_intents/:id",
            "POST /v1/payment_intents/:id/confirm",
            "POST /v1/payment_intents/:id/capture",
            "POST /v1/payment_intents/:id/cancel",
            "POST /v1/refunds",
        ),
        "read_intent": ("GET /v1/payment_intents/:id",),
        "list_intents": ("GET /v1/payment_intents",),
        "list_refunds": ("GET /v1/refunds",),
        "account_id": (),  # asked once, when a process starts
    },
    DisputeDesk: {
        "send": ("POST /v1/disputes/:id", "POST /v1/disputes/:id/close"),
        "upload": ("POST /v1/files",),
        "read_dispute": ("GET /v1/disputes/:id",),
        "read_warning": ("GET /v1/radar/early_fraud_warnings/:id",),
    },
    Vault: {
        "create_customer": ("POST /v1/customers",),
        "find_customer": ("GET /v1/customers",),
        "has_customer": ("GET /v1/customers/:id",),
        "create_setup": ("POST /v1/setup_intents",),
        "read_method": ("GET /v1/payment_methods/:id",),
        "detach_method": ("POST /v1/payment_methods/:id/detach",),
    },
    EventSource: {"events": ("GET /v1/events",)},
    Subscriptions: {
        "endpoints": ("GET /v1/webhook_endpoints",),
        "create": ("POST /v1/webhook_endpoints",),
        "update": ("POST /v1/webhook_endpoints/:id",),
        "note_secret": ("POST /v1/webhook_endpoints/:id",),
        "delete": ("DELETE /v1/webhook_endpoints/:id",),
    },
}
"""Which requests each call of the provider's ports sends."""


def lived(plans: Iterable[Plan], *, may_miss: bool = False) -> tuple[int, list[str]]:
    """Live through plans; return how many there were, and what was wrong."""
    count, wrong = 0, []
    for plan in plans:
        history = run_history(plan)
        count += 1
        wrong += [f"{plan.strikes}: {violation}" for violation in history.violations]
        if not may_miss and missed(history):
            wrong.append(f"{plan.strikes}: never struck")
    return count, wrong


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_that_strikes_once_breaks_a_rule(name: str) -> None:
    count, wrong = lived(singles(SCENARIOS[name], stride=STRIDE))

    assert wrong == []
    assert count > 10


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", IN_PAIRS)
def test_no_two_crashes_break_a_rule(name: str, part: int) -> None:
    plans = pairs(SCENARIOS[name], slice(part * PAIRS_STRIDE, None, PARTS * PAIRS_STRIDE))

    _, wrong = lived(plans, may_miss=True)

    assert wrong == []


def coroutines(cls: type) -> list[str]:
    return [name for name, made in vars(cls).items() if iscoroutinefunction(made)]


def test_every_call_of_a_port_is_struck_somewhere() -> None:
    sites = {place.site for scenario in SCENARIOS.values() for place in places(scenario)}
    ports = {**REPOSITORIES, "keys": IdempotencyKeys}
    called = {f"{name}.{method}" for name, port in ports.items() for method in coroutines(port)}
    sent = {
        f"gateway {each}" for port in ENDPOINTS.values() for some in port.values() for each in some
    }

    assert (
        called | sent | {"tx.begin", "tx.commit", "inbox.store", "publisher.publish"}
    ) - sites == set(NOT_MET)


@pytest.mark.parametrize("port", ENDPOINTS)
def test_every_call_of_the_providers_ports_is_known_here(port: type) -> None:
    assert [name for name in coroutines(port) if name != "close"] == [*ENDPOINTS[port]]


def use_cases() -> set[type]:
    """Return the classes of the container's use cases that do something by themselves."""
    made = {getattr(provider, "cls", None) for provider in Container.providers.values()}
    return {
        cls
        for cls in made
        if isclass(cls)
        and cls.__module__.startswith("markethub.domain.usecases.")
        and any(not name.startswith("_") or name == "__call__" for name in coroutines(cls))
    }


WITHOUT_A_STORY = {
    DecideApproval,  # no history sets a limit to what one person gives back
}


def test_every_use_case_is_used_by_a_scenario(monkeypatch: pytest.MonkeyPatch) -> None:
    used: set[type] = set()

    def noting(cls: type, work: Callable[..., Any]) -> Callable[..., Any]:
        async def noted(*args: Any, **named: Any) -> Any:
            used.add(cls)
            return await work(*args, **named)

        return noted

    for cls in use_cases():
        for name in coroutines(cls):
            if not name.startswith("_") or name == "__call__":
                monkeypatch.setattr(cls, name, noting(cls, getattr(cls, name)))
    for scenario in SCENARIOS.values():
        run_history(scenario.plan())

    assert used == use_cases() - WITHOUT_A_STORY
    assert len(used) > 40


def test_the_parts_of_the_sweep_are_the_whole() -> None:
    parts = sweep_parts()
    counts = Counter[tuple[str, bool]]()
    for part in parts:
        assert part.begin == counts[part.scenario, part.in_pairs]
        counts[part.scenario, part.in_pairs] = part.end

    found = campaign_sweep(parts[:1], jobs=1)

    assert set(counts) == {(name, False) for name in SCENARIOS} | {
        (each, True) for each in IN_PAIRS
    }
    assert (found.histories, found.is_clean) == (parts[0].end, True)
