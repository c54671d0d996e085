"""``markethub webhooks``: the endpoint at the provider, compared with the handlers that exist."""

import sys
from typing import Final

import click
import structlog

from markethub.domain.audit import AuditAction
from markethub.domain.subscription import Comparison, EndpointUrl, Finding, ProviderEndpoint
from markethub.domain.usecases.apply_subscription import Applied, MadeEndpoint
from markethub.domain.usecases.rotate_subscription import Finishable
from markethub.entrypoints.cli import output
from markethub.entrypoints.cli.composition import acting_as, actor_option, run
from markethub.entrypoints.cli.failure import NOT_FOUND, REFUSED
from markethub.entrypoints.cli.root import Invocation
from markethub.entrypoints.container import Container

_log = structlog.get_logger(__name__)

_URL_HELP: Final = "Where the provider delivers to: https://HOST/api/stripe/webhook/."
_WAYS_OUT: Final = {
    "disabled": "webhooks apply",
    "missing_types": "webhooks apply",
    "extra_types": "webhooks apply",
    "wrong_api_version": "webhooks apply (makes another endpoint beside it)",
    "wrong_mode": "use the keys of its mode",
    "unknown_secret": "name its secret in the settings, or webhooks rotate",
    "superseded": "webhooks rotate --finish",
}


@click.group()
def webhooks() -> None:
    """Compare, set and rotate the provider's webhook endpoint."""


@webhooks.command()
@click.option("--url", help=f"{_URL_HELP} Without it: wherever that path is.")
@click.pass_obj
def plan(invocation: Invocation, *, url: str | None) -> None:
    """Compare the endpoint with what the handlers need. Changes nothing.

    Exit codes: 0 all is well, 1 something differs, 3 there is no endpoint.
    """

    async def work(container: Container) -> Comparison:
        compared: Comparison = await container.plan_subscription()(_address(container, url))
        return compared

    compared = run(invocation, work)
    if invocation.as_json:
        output.print_json(_document(compared))
    else:
        _print(compared)
    if not compared.findings:
        click.get_current_context().exit(NOT_FOUND)
    if not compared.is_equal:
        click.get_current_context().exit(REFUSED)


@webhooks.command("apply")
@click.option("--url", required=True, help=_URL_HELP)
@actor_option
@click.pass_obj
def apply_difference(invocation: Invocation, *, url: str, actor: str | None) -> None:
    """Make the endpoint what the handlers need: create it, or update it.

    A new endpoint's secret is printed here and shown nowhere again. Endpoints of other addresses
    are left alone.
    """

    async def work(container: Container) -> Applied:
        act = acting_as(actor, container.settings())
        address = EndpointUrl.read(url, livemode=container.settings().mode == "live")
        _log.info("webhooks.apply_asked", actor=act.actor, url=url)
        await container.record_audit()(act, AuditAction.WEBHOOKS_APPLY, detail={"url": url})
        applied: Applied = await container.apply_subscription()(address)
        return applied

    applied = run(invocation, work)
    if invocation.as_json:
        output.print_json(
            {
                **_document(applied.after),
                "created": applied.made and _made_document(applied.made),
                "updated": applied.updated and applied.updated.id,
            }
        )
        return
    if applied.made is not None:
        _print_made(applied.made, variable=_variable(invocation))
        click.echo()
    _print(applied.after)
    click.echo(_said(applied))


@webhooks.command()
@click.option("--url", help=f"{_URL_HELP} Without it: wherever that path is, if it is one place.")
@click.option("--restart", is_flag=True, help="The new secret is lost: make another.")
@click.option("--finish", is_flag=True, help="Remove the older endpoint.")
@click.option("--unverified", is_flag=True, help="With --finish: nobody noted the new secret.")
@click.option("--yes", is_flag=True, help="Do not ask (with --finish).")
@actor_option
@click.pass_obj
def rotate(
    invocation: Invocation,
    *,
    url: str | None,
    restart: bool,
    finish: bool,
    unverified: bool,
    yes: bool,
    actor: str | None,
) -> None:
    """Give the endpoint another secret, while the present one stays good.

    First a second endpoint with the same address is made, and its secret printed. Name it in the
    settings beside the present one, and start every process anew. Then `--finish` removes the
    older endpoint. In between every event comes twice, and is stored once.
    """
    if finish and restart:
        raise click.UsageError("Either --restart or --finish.")
    if finish:
        _finish(invocation, url=url, unverified=unverified, yes=yes, actor=actor)
        return

    async def work(container: Container) -> MadeEndpoint:
        act = acting_as(actor, container.settings())
        address = _address(container, url)
        _log.info("webhooks.rotation_asked", actor=act.actor, restart=restart)
        await container.record_audit()(act, AuditAction.WEBHOOKS_ROTATE, detail={"step": "begin"})
        made: MadeEndpoint = await container.rotate_subscription().begin(address, restart=restart)
        return made

    made = run(invocation, work)
    if invocation.as_json:
        output.print_json({"created": _made_document(made)})
        return
    _print_made(made, variable=_variable(invocation))
    click.echo("Afterwards: markethub webhooks rotate --finish")


def _finish(
    invocation: Invocation, *, url: str | None, unverified: bool, yes: bool, actor: str | None
) -> None:
    async def look(container: Container) -> Finishable:
        rotation = container.rotate_subscription()
        found: Finishable = await rotation.finishable(
            _address(container, url), unverified=unverified
        )
        return found

    found = run(invocation, look)
    ids = [finding.endpoint.id for finding in found.going]
    if ids and not yes:
        if invocation.as_json or not sys.stdin.isatty():
            raise click.UsageError("Nobody is there to ask: say --yes.")
        click.confirm(
            f"Does every process know the secret of {found.staying.endpoint.id}, so that "
            f"{', '.join(ids)} can be removed?",
            abort=True,
        )

    async def work(container: Container) -> None:
        act = acting_as(actor, container.settings())
        _log.info("webhooks.finish_asked", actor=act.actor, removed=ids)
        await container.record_audit()(act, AuditAction.WEBHOOKS_ROTATE, detail={"step": "finish"})
        await container.rotate_subscription().finish(found)

    if ids:
        run(invocation, work)
    if invocation.as_json:
        output.print_json({"kept": found.staying.endpoint.id, "removed": ids})
    elif ids:
        click.echo(f"Removed {', '.join(ids)}. Its secret can be taken out of the settings.")
    else:
        click.echo("Nothing to finish: no endpoint is superseded.")


def _address(container: Container, url: str | None) -> EndpointUrl | None:
    if url is None:
        return None
    return EndpointUrl.read(url, livemode=container.settings().mode == "live")


def _variable(invocation: Invocation) -> str:
    return f"STRIPE_WEBHOOK_SECRET_{invocation.compose().settings().mode.upper()}"


def _print(compared: Comparison) -> None:
    output.print_table(
        ("endpoint", "address", "state", "version", "differs in"),
        [(*_columns(finding.endpoint), _difference(finding)) for finding in compared.findings]
        + [(*_columns(endpoint), "(leads elsewhere)") for endpoint in compared.elsewhere],
    )
    if not compared.findings:
        click.echo("There is no endpoint: markethub webhooks apply --url URL makes one.")
    for way_out in dict.fromkeys(
        _WAYS_OUT[problem] for finding in compared.findings for problem in finding.problems
    ):
        click.echo(f"To do: {way_out}")


def _columns(endpoint: ProviderEndpoint) -> tuple[str, str, str, str]:
    return (
        endpoint.id,
        endpoint.url,
        "enabled" if endpoint.is_enabled else "disabled",
        endpoint.api_version or "the account's",
    )


def _difference(finding: Finding) -> str:
    signed = [f"+{type_}" for type_ in finding.missing] + [f"-{type_}" for type_ in finding.extra]
    return " ".join([*(problem.value for problem in finding.problems), *signed])


def _said(applied: Applied) -> str:
    if applied.made is not None:
        return f"Created {applied.made.new.endpoint.id}."
    if applied.updated is not None:
        return f"Updated {applied.updated.id}."
    return "Nothing was changed."


def _print_made(made: MadeEndpoint, *, variable: str) -> None:
    output.print_fields({"endpoint": made.new.endpoint.id, "secret": made.new.secret.reveal()})
    click.echo(
        f"Put the secret into {variable}, in front of the present ones (comma-separated), and "
        "start every process anew. It is not shown again."
    )
    if not made.is_noted:
        click.echo(
            "The provider could not be told which secret this is: `plan` will not know it, and a "
            "rotation is finished with --unverified."
        )


def _made_document(made: MadeEndpoint) -> dict[str, object]:
    return {
        "id": made.new.endpoint.id,
        "url": made.new.endpoint.url,
        "secret": made.new.secret.reveal(),
        "is_noted": made.is_noted,
    }


def _document(compared: Comparison) -> dict[str, object]:
    return {
        "is_equal": compared.is_equal,
        "wanted": {
            "api_version": compared.wanted.api_version,
            "types": sorted(compared.wanted.types),
        },
        "endpoints": [
            {
                **_endpoint_document(finding.endpoint),
                "problems": list(finding.problems),
                "missing": list(finding.missing),
                "extra": list(finding.extra),
            }
            for finding in compared.findings
        ],
        "elsewhere": [_endpoint_document(endpoint) for endpoint in compared.elsewhere],
    }


def _endpoint_document(endpoint: ProviderEndpoint) -> dict[str, object]:
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "is_enabled": endpoint.is_enabled,
        "api_version": endpoint.api_version,
    }
