"""The floor: what a transaction costs that nobody's code stands in front of.

The statements of a transaction are taken from the server's own log, as it executed them, and
pgbench executes the same ones, prepared, with as many clients as the work had lanes.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import attrs

from tests.support.postgres import binaries_folder

_LINE: Final = re.compile(
    r"^[0-9-]+ [0-9:.]+ UTC \[(?P<pid>\d+)\] (?P<kind>LOG|DETAIL):  (?P<text>.*(?:\n\t.*)*)",
    re.MULTILINE,
)
_STATEMENT: Final = re.compile(r"(?:statement|execute [^:]+): (?P<sql>.*)", re.DOTALL)
_PARAMETER: Final = re.compile(r"\$(\d+) = (NULL|'(?:[^']|'')*')")
_RATE: Final = re.compile(r"tps = ([\d.]+)")


@attrs.define(kw_only=True)
class Statement:
    """A statement as the server executed it, with its parameters as literals."""

    sql: str
    parameters: dict[str, str] = attrs.field(factory=dict)


def transactions(log: str) -> Iterator[list[Statement]]:
    """Read the transactions from a log of all statements."""
    open_ones: dict[str, list[Statement]] = {}
    for line in _LINE.finditer(log):
        logged = open_ones.setdefault(line["pid"], [])
        if line["kind"] == "DETAIL":
            if logged and line["text"].lower().startswith("parameters: "):
                logged[-1].parameters = dict(_PARAMETER.findall(line["text"]))
            continue
        said = _STATEMENT.match(line["text"])
        if said is None:
            continue
        statement = Statement(sql=said["sql"].strip().rstrip(";"))
        if statement.sql.startswith("BEGIN"):
            logged.clear()
        logged.append(statement)
        if statement.sql.startswith("COMMIT"):
            yield open_ones.pop(line["pid"])


def script(statements: list[Statement], *, token: str, variable: str) -> str:
    """Return a script of pgbench: where a parameter holds ``token``, the variable stands."""

    def literal(value: str) -> str:
        if value == "NULL":
            return value
        # pgbench would take a colon within a text for a variable of its own.
        text = value[1:-1].replace("\\", "\\\\").replace(":", r"\x3a")
        parts = text.split(token)
        return "(" + f" || :{variable} || ".join(f"E'{part}'" for part in parts) + ")"

    def bound(statement: Statement) -> str:
        return re.sub(
            r"\$(\d+)", lambda found: literal(statement.parameters[found[1]]), statement.sql
        )

    return "".join(f"{bound(statement)};\n" for statement in statements)


def run(url: str, script: Path, *options: str) -> float:
    """Return transactions per second of pgbench; every one of them has succeeded."""
    parts = urlsplit(url)
    done = subprocess.run(  # noqa: S603 - pgbench of the wheel, with our own arguments
        [
            *(str(binaries_folder() / "pgbench"), "--no-vacuum", "--protocol=prepared"),
            *("-h", str(parts.hostname), "-p", str(parts.port), "-U", str(parts.username)),
            *("-f", str(script), *options, parts.path.lstrip("/")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    rate = _RATE.search(done.stdout)
    assert done.returncode == 0, done.stderr
    assert rate is not None, done.stdout
    return float(rate[1])
