"""What only tests look at: the provider's names of customers and of their saved methods."""

from markethub.domain.ids import CustomerId
from markethub.domain.ports.methods import MethodView
from tests.support.world import World

C1 = CustomerId("c-1")
MASTERCARD = "5555555555554444"


async def token_of(world: World, method: MethodView) -> str:
    """Return what the provider knows a method by."""
    found = await world.container.transactions().run(lambda tx: tx.methods.find(method.id))
    return str(found.token.reveal())


async def provider_id_of(world: World, customer_id: CustomerId = C1) -> str:
    found = await world.container.transactions().run(lambda tx: tx.customers.find(customer_id))
    return str(found.provider_id)


def customers(world: World) -> list[str]:
    listed = world.at_stripe("/v1/customers", {"limit": 100})["data"]
    return [customer["id"] for customer in listed]
