"""``make storm``: the storm at full strength, on a PostgreSQL of its own that writes to disk."""

import asyncio
import sys

import click

from tests.storm.storm import storm
from tests.support.postgres import running_postgres
from tests.support.stores import upgrade


@click.command()
@click.option("--operations", default=10_000, show_default=True, help="How many in all.")
@click.option("--seed", default=1, show_default=True, help="Of what the processes do.")
def main(operations: int, seed: int) -> None:
    """Let eight processes loose on one database, and say whether everything held."""
    with running_postgres(fsync=True) as server, server.database() as name:
        url = server.url_of(name)
        asyncio.run(upgrade(url))
        found = asyncio.run(storm(url, operations=operations, seed=seed))
    for line in found.lines():
        click.echo(line)
    sys.exit(1 if found.violations else 0)


if __name__ == "__main__":
    main()
