"""What commands print: one JSON document, or text for people, and a table on a terminal."""

import sys
from collections.abc import Mapping, Sequence

import click
import msgspec


def print_json(document: object) -> None:
    """Print the one document of ``--json``."""
    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2))


def print_fields(fields: Mapping[str, object]) -> None:
    """Print names and values, one a line; what is None is left out."""
    width = max(map(len, fields))
    for name, value in fields.items():
        if value is not None:
            click.echo(f"{name:<{width}}  {value}")


def print_table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on a terminal, and otherwise tab-separated lines for other programs."""
    if not sys.stdout.isatty():
        for row in (names, *rows):
            click.echo("\t".join(row))
        return
    from rich.console import Console  # noqa: PLC0415 - 60 ms that only a terminal's table pays
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    table = Table(*names)
    for row in rows:
        table.add_row(*map(Text, row))  # Text: brackets in a value are no markup
    Console().print(table)
