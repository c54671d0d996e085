"""What a charge asks of a customer's saved methods: use one, save one, confirm it from here."""

from typing import Final, Self

import attrs

from markethub.domain.errors import NotFound, RequestInProgress, ValidationFailed
from markethub.domain.facts import ProviderIntent
from markethub.domain.ids import CustomerId, MethodId, OrderId
from markethub.domain.operation import UpdateIntent
from markethub.domain.order import Order
from markethub.domain.payment_method import PaymentMethod
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.secret import Secret
from markethub.domain.usecases.ensure_customer import EnsureCustomer, KnownCustomer
from markethub.domain.usecases.save_method import SaveMethod


@attrs.frozen(kw_only=True)
class Wish:
    """What the caller asked for. ``off_session``: we confirm, with the customer there or not."""

    save_method: bool | None = None
    method_id: MethodId | None = None
    off_session: bool | None = None

    def check(self) -> None:
        """Raise ValidationFailed for what cannot be asked together."""
        if self.off_session is not None and self.method_id is None:
            raise ValidationFailed("off_session", "needs a method_id")


NO_WISH: Final = Wish()


@attrs.frozen(kw_only=True)
class Usage:
    """The wish in the provider's terms. What is None may be as it is."""

    customer: KnownCustomer | None = None
    method_id: MethodId | None = None
    method: Secret | None = None
    saves_method: bool | None = None
    off_session: bool | None = None

    @property
    def is_confirmed_here(self) -> bool:
        """Tell whether we confirm the intent, not the customer's browser."""
        return self.off_session is not None

    def fits(self, intent: ProviderIntent) -> bool:
        """Tell whether the intent is as asked."""
        return (
            self._is_reachable(intent)
            and (self.customer is None or intent.customer_id == self.customer.provider_id)
            and self.method in (None, intent.method)
            and self.saves_method in (None, intent.saves_method)
        )

    def can_follow(self, intent: ProviderIntent) -> bool:
        """Tell whether the intent may be updated to what is asked, rather than replaced.

        A customer once named stays; and where a browser may be sent elsewhere is said when an
        intent is made.
        """
        owner = self.customer.provider_id if self.customer else None
        return self._is_reachable(intent) and (
            intent.customer_id is None or owner in (None, intent.customer_id)
        )

    def _is_reachable(self, intent: ProviderIntent) -> bool:
        return not (self.is_confirmed_here and intent.allows_redirects)

    def update(self, intent: ProviderIntent) -> UpdateIntent:
        """Return what makes the intent as asked."""
        return UpdateIntent(
            intent_id=intent.id,
            amount=intent.amount,
            provider_customer_id=self.customer.provider_id if self.customer else None,
            method=self.method,
            saves_method=self.saves_method,
        )

    async def require(self, tx: Transaction, order: Order) -> None:
        """Raise unless what was found out before still holds under the order's lock.

        Raises NotFound for a method that was removed meanwhile, RequestInProgress for an order
        or a method that has changed.
        """
        if self.customer is not None and self.customer.id != order.customer_id:
            raise RequestInProgress("the order's customer is being changed")
        if self.method_id is None:
            return
        if (await chargeable(tx, self.method_id, order.customer_id)).token != self.method:
            raise RequestInProgress("the payment method is being changed")

    @classmethod
    def of(cls, wish: Wish, *, customer: KnownCustomer | None, method: Secret | None) -> Self:
        """Translate a wish."""
        return cls(
            customer=customer,
            method_id=wish.method_id,
            method=method,
            # Without the customer nothing is agreed to: Stripe refuses both at once. And the
            # method that is named is saved already.
            saves_method=False if wish.off_session else wish.save_method,
            off_session=wish.off_session,
        )


@attrs.frozen(kw_only=True)
class ResolveUsage:
    """Finds the method, and the customer's record at the provider, or has it made."""

    transactions: Transactions
    customers: EnsureCustomer
    save: SaveMethod

    async def __call__(
        self, wish: Wish, order_id: OrderId, *, customer_id: CustomerId | None
    ) -> Usage:
        """Translate a wish for an order.

        Raises ValidationFailed; NotFound for an unknown order or method; OrderAlreadyPaid and
        InvalidTransition as ``Order.require_open``; and as ``EnsureCustomer``.
        """
        wish.check()
        if wish.method_id is None and not wish.save_method:
            return Usage.of(wish, customer=None, method=None)
        method_id = wish.method_id

        async def find(tx: Transaction) -> tuple[Order, Secret | None]:
            order = await tx.orders.find(order_id, customer_id=customer_id)
            if order is None:
                raise NotFound("no such order")
            if method_id is None:
                return order, None
            return order, (await chargeable(tx, method_id, order.customer_id)).token

        order, method = await self.transactions.run(find)
        customer = await self.customers(order.customer_id) if order.is_open else None
        return Usage.of(wish, customer=customer, method=method)

    async def is_outdated(self, usage: Usage) -> bool:
        """Find out whether the provider refused because the customer or the method is gone.

        What is gone is noted. Raises GatewayUnavailable if the provider cannot be read.
        """
        if usage.customer is None:
            return False
        if not await self.customers.verify(usage.customer):
            return True
        token = usage.method
        if token is None:
            return False
        await self.save(token)
        method = await self.transactions.run(lambda tx: tx.methods.find_by_token(token))
        return method is None or not method.is_active


async def chargeable(
    tx: Transaction, method_id: MethodId, customer_id: CustomerId
) -> PaymentMethod:
    """Return a customer's method that can be charged. Raises NotFound."""
    method = await tx.methods.find(method_id, customer_id=customer_id)
    if method is None or not method.is_active:
        raise NotFound("no such payment method")
    return method
