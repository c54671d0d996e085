"""``markethub orders``, on SQLite with the simulated account."""

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from markethub.entrypoints.cli.demo_world import World
from tests.support.shell import Ran, Shell, log_restored

ORDER: dict[str, Any] = {
    "id": "o-1",
    "customer_id": "ada",
    "currency": "usd",
    "lines": [{"sku": "tea", "title": "Tea", "unit_price": 2500, "quantity": 2, "tax": 100}],
    "shipping": 400,
}


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    with log_restored():
        yield Shell.in_folder(tmp_path, capsys)


def create(shell: Shell, folder: Path, text: str) -> Ran:
    file = folder / "order.json"
    file.write_text(text)
    return shell.markethub("--json", "orders", "create", str(file))


def test_an_order_is_registered_from_a_file(shell: Shell, tmp_path: Path) -> None:
    ran = create(shell, tmp_path, json.dumps(ORDER))

    assert 0 == ran.code
    assert {"id": "o-1", "status": "open", "total": 5500, "payments": []}.items() <= (
        json.loads(ran.out).items()
    )


def test_an_order_is_read_from_standard_input(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = io.TextIOWrapper(io.BytesIO(json.dumps(ORDER).encode()))
    monkeypatch.setattr(sys, "stdin", text)

    ran = shell.markethub("--json", "orders", "create", "-")

    assert (0, 5500) == (ran.code, json.loads(ran.out)["total"])


def test_an_order_is_shown_to_people_with_its_lines_and_payments(
    shell: Shell, tmp_path: Path
) -> None:
    create(shell, tmp_path, json.dumps(ORDER))

    async def charge(world: World) -> str:
        return (await world.charge("o-1")).payment.id

    payment_id = shell.happens(charge)

    ran = shell.markethub("orders", "show", "o-1")

    assert 0 == ran.code
    assert "55.00 USD" in ran.out
    assert "tea\tTea\t2\t51.00 USD" in ran.out.splitlines()
    assert payment_id in ran.out


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        json.dumps({**ORDER, "id": "no spaces"}),
        json.dumps({**ORDER, "colour": "green"}),
        json.dumps({**ORDER, "currency": "ugx"}),
        json.dumps({**ORDER, "shipping": 4.0}),
        json.dumps({**ORDER, "shipping": "400"}),
        json.dumps({**ORDER, "shipping": True}),
        json.dumps({**ORDER, "customer_id": "4242 4242 4242 4242"}),
        json.dumps({name: value for name, value in ORDER.items() if name != "id"}),
        json.dumps(ORDER).replace('"id"', '"shipping": 1, "id"', 1),
    ],
)
def test_a_file_that_is_no_order_is_wrong_usage(shell: Shell, tmp_path: Path, text: str) -> None:
    ran = create(shell, tmp_path, text)

    assert (2, "wrong_usage") == (ran.code, json.loads(ran.out)["error"]["code"])
    assert 3 == shell.markethub("orders", "show", "o-1").code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"shipping": -1}, "validation_failed"),
        ({"shipping": 99_999_999}, "amount_too_large"),
        (
            {"lines": [{"sku": "x", "title": "x", "unit_price": 9, "quantity": 1}], "shipping": 0},
            "amount_too_small",
        ),
        ({"expected_total": 5501}, "amount_mismatch"),
    ],
)
def test_an_order_that_breaks_a_rule_is_refused(
    shell: Shell, tmp_path: Path, change: dict[str, Any], code: str
) -> None:
    ran = create(shell, tmp_path, json.dumps({**ORDER, **change}))

    assert (1, code) == (ran.code, json.loads(ran.out)["error"]["code"])
    assert 3 == shell.markethub("orders", "show", "o-1").code


def test_a_paid_order_cannot_be_replaced(shell: Shell, tmp_path: Path) -> None:
    create(shell, tmp_path, json.dumps(ORDER))

    async def pay(world: World) -> None:
        started = await world.charge("o-1")
        world.pay(started, "4242424242424242")
        await world.confirm(started)

    shell.happens(pay)

    ran = create(shell, tmp_path, json.dumps({**ORDER, "shipping": 0}))

    assert (1, "order_already_paid") == (ran.code, json.loads(ran.out)["error"]["code"])
