"""Customers who ask for what is another's, by ids that they should not have."""

from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import TYPE_CHECKING, Final

from markethub.domain.errors import NotFound
from markethub.domain.ids import CustomerId, MethodId
from markethub.domain.usecases.charge_order import ChargeOrderCommand
from markethub.domain.usecases.confirm_payment import ConfirmPaymentCommand
from markethub.domain.usecases.remove_method import RemoveMethodCommand
from markethub.domain.usecases.set_default_method import SetDefaultMethodCommand
from markethub.domain.usecases.usage import Wish
from markethub.entrypoints.simulation.people.memory import CUSTOMERS, Deed, People, Shopping, Tab

if TYPE_CHECKING:
    from markethub.entrypoints.simulation.pod import App


def _other(customer_id: CustomerId) -> CustomerId:
    return next(each for each in CUSTOMERS if each != customer_id)


async def snoop(people: People, dice: Random) -> None:
    """Ask for another's order, payment or saved card: there is no such thing."""
    if dice.random() < 0.5:
        await _snoop_orders(people, dice)
    else:
        await _snoop_methods(people, dice)


async def _snoop_orders(people: People, dice: Random) -> None:
    if not people.orders:
        return
    order: Shopping = dice.choice(people.orders)
    thief = _other(order.customer_id)
    tab: Tab | None = dice.choice(order.tabs) if order.tabs else None
    if tab is None or tab.payment.intent_id is None:
        charge = ChargeOrderCommand(
            order_id=order.order_id, customer_id=thief, origin=people.new_key("snoop")
        )
        await _try(people, thief, order.order_id, lambda app: app.charge_order(charge))
    elif dice.random() < 0.5:
        confirm = ConfirmPaymentCommand(intent_id=tab.payment.intent_id, customer_id=thief)
        await _try(people, thief, tab.payment.id, lambda app: app.confirm_payment(confirm))
    else:
        id_ = tab.payment.id
        await _try(people, thief, id_, lambda app: app.queries.payment(id_, customer_id=thief))
        order_id = order.order_id
        await _try(
            people, thief, order_id, lambda app: app.queries.order(order_id, customer_id=thief)
        )


async def _snoop_methods(people: People, dice: Random) -> None:
    owner = dice.choice(CUSTOMERS)
    kept = await people.world.call("methods", lambda app: app.queries.methods(owner))
    if not kept:
        return
    thief, id_ = _other(owner), MethodId(dice.choice(list(kept)).id)
    own = [order for order in people.orders if order.customer_id == thief]
    if own and dice.random() < 0.5:
        charge = ChargeOrderCommand(
            order_id=dice.choice(own).order_id,
            customer_id=thief,
            wish=Wish(method_id=id_, off_session=True),
            origin=people.new_key("snoop"),
        )
        await _try(people, thief, id_, lambda app: app.charge_order(charge))
    elif dice.random() < 0.5:
        remove = RemoveMethodCommand(method_id=id_, customer_id=thief)
        await _try(people, thief, id_, lambda app: app.remove_method(remove))
    else:
        prefer = SetDefaultMethodCommand(method_id=id_, customer_id=thief)
        await _try(people, thief, id_, lambda app: app.set_default_method(prefer))


async def _try(
    people: People, thief: CustomerId, id_: str, use: "Callable[[App], Awaitable[object]]"
) -> None:
    try:
        answer = await people.world.call("snoop", use)
    except NotFound:
        return
    if answer is not None:
        people.world.oracle.served(thief, id_)


DEEDS: Final[Mapping[str, Deed]] = {"snoop": Deed(2, snoop)}
