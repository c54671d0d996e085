"""Banks, card networks, and people in the provider's dashboard."""

from collections.abc import Mapping
from random import Random
from typing import Any, Final

from markethub.adapters.fake.errors import ApiError
from markethub.adapters.fake.transitions import IllegalTransition
from markethub.entrypoints.simulation.people.memory import Deed, People


def _objects(people: People, path: str) -> list[Mapping[str, Any]]:
    answer = people.world.account.request(
        method="GET", path=path, params={"limit": 50}, auth="sk_test_dev"
    )
    return list(answer.body["data"])


async def dispute(people: People, dice: Random) -> None:
    """A customer complains to the bank."""
    charges = [charge for charge in _objects(people, "/v1/charges") if charge["captured"]]
    if not charges:
        return
    charge = dice.choice(charges)
    part = None if dice.random() < 0.7 else max(charge["amount_captured"] // 2, 1)
    status = dice.choice(("needs_response",) * 4 + ("warning_needs_response", "lost"))
    people.world.bank.open_dispute(charge["id"], amount=part, status=status)


async def decide(people: People, dice: Random) -> None:
    """A bank decides, escalates, or thinks better of it."""
    disputes = _objects(people, "/v1/disputes")
    if not disputes:
        await dispute(people, dice)
        return
    opened = dice.choice(disputes)
    bank = people.world.bank
    if opened["status"].startswith("warning"):
        moves = (bank.escalate_inquiry, bank.close_inquiry)
    else:
        moves = (bank.win_dispute, bank.lose_dispute)
    try:
        dice.choice(moves)(opened["id"])
    except (ApiError, IllegalTransition, ValueError) as error:
        people.world.note(f"the bank cannot: {error}")


async def move_refund(people: People, dice: Random) -> None:
    """A bank takes a refund, sends it back, or asks the customer where it should go."""
    refunds = _objects(people, "/v1/refunds")
    if not refunds:
        return
    bank = people.world.bank
    moves = (bank.fail_refund, bank.fail_refund, bank.settle_refund, bank.ask_for_details)
    try:
        dice.choice((*moves, bank.give_details, bank.cancel_refund_in_dashboard))(
            dice.choice(refunds)["id"]
        )
    except (ApiError, IllegalTransition, ValueError) as error:
        people.world.note(f"the bank cannot: {error}")


async def dashboard(people: People, dice: Random) -> None:
    """Somebody refunds a charge or cancels an intent in the provider's dashboard."""
    if dice.random() < 0.6:
        charges = [charge for charge in _objects(people, "/v1/charges") if charge["captured"]]
        if not charges:
            return
        charge = dice.choice(charges)
        amount = dice.choice((None, max(charge["amount_captured"] // 3, 1)))
        try:
            people.world.bank.refund_in_dashboard(charge["id"], amount=amount)
        except (ApiError, IllegalTransition, ValueError) as error:
            people.world.note(f"the dashboard says no: {error}")
        return
    intents = _objects(people, "/v1/payment_intents")
    if intents:
        people.world.account.request(
            method="POST",
            path=f"/v1/payment_intents/{dice.choice(intents)['id']}/cancel",
            auth="sk_test_dev",
        )


async def warn(people: People, dice: Random) -> None:
    """A card's issuer warns of fraud."""
    charges = _objects(people, "/v1/charges")
    if charges:
        people.world.bank.warn_of_fraud(dice.choice(charges)["id"])


DEEDS: Final[Mapping[str, Deed]] = {
    "dispute": Deed(4, dispute),
    "decide": Deed(5, decide),
    "move_refund": Deed(3, move_refund),
    "dashboard": Deed(3, dashboard),
    "warn": Deed(1, warn),
}
