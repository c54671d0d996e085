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
            click.echo(f"{name:<{width}}  {on_one_line(str(value))}")


def print_table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on a terminal, and otherwise tab-separated lines for other programs."""
    shown = [[on_one_line(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in (names, *shown):
            click.echo("\t".join(row))
        return
    from rich.console import Console  # noqa: PLC0415 - 60 ms that only a terminal's table pays
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    table = Table(*names)
    for row in shown:
        table.add_row(*map(Text, row))  # Text: brackets in a value are no markup
    Console().print(table)


def on_one_line(text: str) -> str:
    """Return a text with what is no letter of it written out: a new line, or a terminal's command.

    Reasons and notes come from whoever may call us: they must neither look like further lines of
    the audit log nor do anything to the terminal that shows them.
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )
