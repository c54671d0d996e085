"""``markethub demo``: one whole story, printed as it happens, and every step of it checked."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import attrs
import click

from markethub.domain.errors import PaymentsError
from markethub.domain.ledger import Account, Entry, balances
from markethub.domain.money import Currency, Money
from markethub.entrypoints.cli import output
from markethub.entrypoints.cli.demo_world import World
from markethub.entrypoints.cli.root import Invocation
from markethub.entrypoints.container import build_container
from markethub.entrypoints.lifecycle import running
from markethub.entrypoints.logging import configure_logging
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings

GOOD_CARD = "4242424242424242"
DECLINED_CARD = "4000000000000002"
CHALLENGED_CARD = "4000002760003184"
DISPUTED_CARD = "4000000000000259"
RETURNED_CARD = "4000000000005126"


@attrs.frozen(kw_only=True)
class Check:
    """One thing that was looked at."""

    what: str
    expected: str
    actual: str

    @property
    def ok(self) -> bool:
        """Tell whether it was as it should be."""
        return self.expected == self.actual


class Telling:
    """Prints the story as it happens, unless it is wanted as one document in the end."""

    def __init__(self, *, aloud: bool) -> None:
        """Print at once where ``aloud``."""
        self._aloud = aloud
        self.checks: list[Check] = []

    def chapter(self, title: str) -> None:
        """Begin a part of the story."""
        if self._aloud:
            click.echo(f"\n{title}")

    def check(self, what: str, *, expected: object, actual: object) -> None:
        """Tell what happened, and remember whether it should have."""
        check = Check(what=what, expected=str(expected), actual=str(actual))
        self.checks.append(check)
        if self._aloud and check.ok:
            click.echo(f"  ok     {what}: {actual}")
        elif self._aloud:
            click.echo(f"  WRONG  {what}: {actual}, and should be {expected}")


@click.command()
@click.pass_context
def demo(ctx: click.Context) -> None:
    """Watch one whole story on a simulated account: no settings, no network, nothing left behind.

    Exits with 1 if any step is not as it should be.
    """
    invocation = ctx.ensure_object(Invocation)
    configure_logging(level="WARNING")
    telling = Telling(aloud=not invocation.as_json)
    with TemporaryDirectory(prefix="markethub-demo-") as folder:
        settings = Settings(
            database=Database(url=f"sqlite:///{Path(folder, 'demo.db')}"),
            fake_delay_s=0,  # what banks do later happens as soon as the news are fetched
        )
        entries = asyncio.run(_tell(settings, telling))
    wrong = [check for check in telling.checks if not check.ok]
    if invocation.as_json:
        output.print_json(
            {
                "ok": not wrong,
                "steps": [{**attrs.asdict(check), "ok": check.ok} for check in telling.checks],
                "ledger": [
                    {
                        "kind": entry.kind,
                        "payment_id": entry.payment_id,
                        "debit": entry.debit,
                        "credit": entry.credit,
                        "amount": entry.amount.minor,
                        "currency": entry.amount.currency.code,
                    }
                    for entry in entries
                ],
            }
        )
    else:
        _print_ledger(entries)
        click.echo(
            f"\n{len(telling.checks) - len(wrong)} of {len(telling.checks)} steps are right."
        )
    ctx.exit(1 if wrong else 0)


async def _tell(settings: Settings, telling: Telling) -> Sequence[Entry]:
    container = build_container(settings)
    async with running(container):
        world = World(container)
        await world.settle()
        for chapter in _CHAPTERS:
            try:
                await chapter(world, telling)
            except (PaymentsError, ValueError) as error:
                # A step that went wrong may leave nothing for the next one to go on with.
                met = f"{type(error).__name__}: {error}"
                telling.check("the chapter", expected="goes on", actual=met)
        entries = await world.ledger()
        _books_agree(world, telling, entries)
        return entries


async def _paid(world: World, telling: Telling) -> None:
    telling.chapter("1. An order is paid")
    order = await world.register("demo-1", 50_00)
    telling.check("the order's total", expected="50.00 USD", actual=order.total)
    started = await world.charge("demo-1")
    again = await world.charge("demo-1")
    telling.check(
        "asking twice starts one payment", expected=started.payment.id, actual=again.payment.id
    )
    telling.check("the browser's card", expected=200, actual=world.pay(started, GOOD_CARD))
    confirmed = await world.confirm(started)
    telling.check("the payment", expected="succeeded", actual=confirmed.payment.status)
    telling.check("the order", expected="paid", actual=confirmed.order.status)
    delivered = await world.settle()
    telling.check("webhooks arrived later", expected=True, actual=delivered > 0)
    telling.check("the order, still", expected="paid", actual=await world.status("demo-1"))


async def _declined_first(world: World, telling: Telling) -> None:
    telling.chapter("2. A card is declined, another one is good")
    await world.register("demo-2", 50_00)
    started = await world.charge("demo-2")
    telling.check("the first card", expected=402, actual=world.pay(started, DECLINED_CARD))
    declined = await world.confirm(started)
    telling.check("the payment", expected="requires_payment_method", actual=declined.payment.status)
    telling.check("its error", expected="card_declined", actual=declined.payment.error_code)
    telling.check("the order", expected="open", actual=declined.order.status)
    telling.check("the second card", expected=200, actual=world.pay(started, GOOD_CARD))
    paid = await world.confirm(started)
    telling.check("the same payment", expected="succeeded", actual=paid.payment.status)
    telling.check("the order", expected="paid", actual=paid.order.status)
    await world.settle()


async def _challenge_passed(world: World, telling: Telling) -> None:
    telling.chapter("3. The bank asks (3-D Secure), the customer passes and closes the browser")
    await world.register("demo-3", 50_00)
    started = await world.charge("demo-3")
    world.pay(started, CHALLENGED_CARD)
    asked = await world.confirm(started)
    telling.check("the payment", expected="requires_action", actual=asked.payment.status)
    world.answer_challenge(started, authenticated=True)
    telling.check(
        "the order, before any news", expected="open", actual=await world.status("demo-3")
    )
    await world.settle()
    telling.check(
        "the order, by webhook alone", expected="paid", actual=await world.status("demo-3")
    )


async def _challenge_failed(world: World, telling: Telling) -> None:
    telling.chapter("4. The bank asks, and the customer fails")
    await world.register("demo-4", 50_00)
    started = await world.charge("demo-4")
    world.pay(started, CHALLENGED_CARD)
    world.answer_challenge(started, authenticated=False)
    failed = await world.confirm(started)
    telling.check("the payment", expected="requires_payment_method", actual=failed.payment.status)
    telling.check(
        "its error",
        expected="payment_intent_authentication_failure",
        actual=failed.payment.error_code,
    )
    telling.check("the order", expected="open", actual=failed.order.status)
    await world.settle()


async def _captured_in_part(world: World, telling: Telling) -> None:
    telling.chapter("5. A card is only held, and a part of it taken")
    await world.register("demo-5", 100_00)
    started = await world.charge("demo-5", manual_capture=True)
    world.pay(started, GOOD_CARD)
    held = await world.confirm(started)
    telling.check("the payment", expected="authorized", actual=held.payment.status)
    telling.check("held", expected="100.00 USD", actual=held.payment.authorized)
    captured = await world.capture(started, 60_00)
    telling.check("the payment", expected="succeeded", actual=captured.status)
    telling.check("taken", expected="60.00 USD", actual=captured.captured)
    telling.check("the order", expected="paid", actual=await world.status("demo-5"))
    await world.settle()


async def _canceled(world: World, telling: Telling) -> None:
    telling.chapter("6. A payment is given up")
    await world.register("demo-6", 50_00)
    started = await world.charge("demo-6")
    canceled = await world.cancel(started)
    telling.check("the payment", expected="canceled", actual=canceled.status)
    telling.check("the order", expected="open", actual=await world.status("demo-6"))
    await world.settle()


async def _saved_and_charged_again(world: World, telling: Telling) -> None:
    telling.chapter("7. A card is saved, and charged again without its customer")
    telling.check("the browser's card", expected=200, actual=await world.save_card(GOOD_CARD))
    await world.settle()
    [method] = await world.methods()
    telling.check(
        "the saved card", expected="visa 4242", actual=f"{method.card.brand} {method.card.last4}"
    )
    await world.register("demo-7", 50_00)
    started = await world.charge("demo-7", method_id=method.id)
    telling.check("the payment", expected="succeeded", actual=started.payment.status)
    telling.check("the order", expected="paid", actual=await world.status("demo-7"))
    await world.settle()


async def _refunded_in_part(world: World, telling: Telling) -> None:
    telling.chapter("8. A part is given back")
    await world.register("demo-8", 50_00)
    started = await world.charge("demo-8")
    world.pay(started, GOOD_CARD)
    await world.settle()
    preview = await world.preview_refund(started, 20_00)
    telling.check("a dry run would give back", expected="20.00 USD", actual=preview.amount)
    refund = await world.refund(started, 20_00)
    telling.check("the refund", expected="succeeded", actual=refund.status)
    payment = await world.payment(started)
    telling.check("left to refund", expected="30.00 USD", actual=payment.amount_refundable)
    telling.check("the order", expected="paid", actual=await world.status("demo-8"))
    await world.settle()


async def _refund_came_back(world: World, telling: Telling) -> None:
    telling.chapter("9. A refund comes back from the bank")
    await world.register("demo-9", 50_00)
    started = await world.charge("demo-9")
    world.pay(started, RETURNED_CARD)
    await world.settle()
    refund = await world.refund(started, 50_00)
    telling.check("the refund", expected="succeeded", actual=refund.status)
    await world.settle()
    [after] = await world.refunds(started)
    telling.check("the refund, later", expected="failed", actual=after.status)
    telling.check("because", expected="expired_or_canceled_card", actual=after.failure_reason)
    payment = await world.payment(started)
    telling.check("owed again", expected="50.00 USD", actual=payment.amount_refundable)


async def _disputed(world: World, telling: Telling) -> None:
    telling.chapter("10. A charge is disputed, answered and won")
    await world.register("demo-10", 50_00)
    started = await world.charge("demo-10")
    world.pay(started, DISPUTED_CARD)
    await world.settle()
    [dispute] = await world.disputes(started)
    telling.check("the dispute", expected="needs_response", actual=dispute.status)
    payment = await world.payment(started)
    telling.check("in dispute", expected="50.00 USD", actual=payment.disputed)
    refused = await world.refund_is_refused(started)
    telling.check("a refund meanwhile", expected="payment_disputed", actual=refused)
    submitted = await world.submit_evidence(dispute, "winning_evidence")
    telling.check("the dispute", expected="under_review", actual=submitted.status)
    await world.settle()
    [decided] = await world.disputes(started)
    telling.check("the dispute, decided", expected="won", actual=decided.status)
    payment = await world.payment(started)
    telling.check("in dispute", expected="0.00 USD", actual=payment.disputed)


_CHAPTERS: Final = (
    _paid,
    _declined_first,
    _challenge_passed,
    _challenge_failed,
    _captured_in_part,
    _canceled,
    _saved_and_charged_again,
    _refunded_in_part,
    _refund_came_back,
    _disputed,
)


def _books_agree(world: World, telling: Telling, entries: Sequence[Entry]) -> None:
    telling.chapter("11. The books are compared with the account's own")
    sums = balances(entries)
    usd = Currency.of("usd")

    def balance(account: Account) -> Money:
        return Money(minor=sums.get((account, usd.code), 0), currency=usd)

    telling.check("all accounts together", expected=0, actual=sum(sums.values()))
    telling.check("sales", expected="-410.00 USD", actual=balance(Account.SALES))
    telling.check("given back", expected="20.00 USD", actual=balance(Account.REFUNDS))
    telling.check(
        "what the provider keeps for us",
        expected=Money(minor=world.provider_balance(), currency=usd),
        actual=balance(Account.PROVIDER_BALANCE),
    )


def _print_ledger(entries: Sequence[Entry]) -> None:
    click.echo("\nThe ledger")
    output.print_table(
        ("posted", "reference", "debit", "credit", "amount"),
        [
            (
                entry.kind.value,
                entry.reference,
                entry.debit.value,
                entry.credit.value,
                str(entry.amount),
            )
            for entry in entries
        ],
    )
