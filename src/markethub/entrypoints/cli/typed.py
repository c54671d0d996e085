"""Values as people type them on the command line. What cannot be read is wrong usage."""

import re
from datetime import UTC, datetime, timedelta

import click

from markethub.domain import ids
from markethub.domain.errors import NotFound, ValidationFailed
from markethub.domain.ids import CustomerId, DisputeId, EventId, OrderId, PaymentId, RefundId
from markethub.domain.money import Currency, Money

_AGO = re.compile(r"(?P<count>[0-9]{1,6})(?P<unit>[dhm])")
_EVENT_ID = re.compile(r"[A-Za-z0-9_]{1,255}")
_OWN_ID = re.compile(r"[A-Za-z0-9_]{1,128}")


def is_own_id(text: str) -> bool:
    """Tell whether a text can be an id of ours: what cannot be one does not exist."""
    return _OWN_ID.fullmatch(text) is not None


class OrderIdParam(click.ParamType[OrderId]):
    """The storefront's order number."""

    name = "order id"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> OrderId:
        """Read an order number."""
        try:
            return ids.order_id(value)
        except ValidationFailed as error:
            self.fail(error.message, param, ctx)


class CustomerIdParam(click.ParamType[CustomerId]):
    """The storefront's customer number."""

    name = "customer"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> CustomerId:
        """Read a customer number."""
        try:
            return ids.customer_id(value)
        except ValidationFailed as error:
            self.fail(error.message, param, ctx)


class PaymentIdParam(click.ParamType[PaymentId]):
    """An id of ours. What cannot be one does not exist: raises NotFound."""

    name = "payment id"

    def convert(
        self,
        value: str,
        param: click.Parameter | None,  # noqa: ARG002 - click's signature
        ctx: click.Context | None,  # noqa: ARG002 - click's signature
    ) -> PaymentId:
        """Read a payment's id."""
        if not is_own_id(value):
            raise NotFound("no such payment")
        return PaymentId(value)


class RefundIdParam(click.ParamType[RefundId]):
    """An id of ours. What cannot be one does not exist: raises NotFound."""

    name = "refund id"

    def convert(
        self,
        value: str,
        param: click.Parameter | None,  # noqa: ARG002 - click's signature
        ctx: click.Context | None,  # noqa: ARG002 - click's signature
    ) -> RefundId:
        """Read a refund's id."""
        if not is_own_id(value):
            raise NotFound("no such refund")
        return RefundId(value)


class DisputeIdParam(click.ParamType[DisputeId]):
    """An id of ours. What cannot be one does not exist: raises NotFound."""

    name = "dispute id"

    def convert(
        self,
        value: str,
        param: click.Parameter | None,  # noqa: ARG002 - click's signature
        ctx: click.Context | None,  # noqa: ARG002 - click's signature
    ) -> DisputeId:
        """Read a dispute's id."""
        if not is_own_id(value):
            raise NotFound("no such dispute")
        return DisputeId(value)


class EventIdParam(click.ParamType[EventId]):
    """An id of the provider's. What cannot be one does not exist: raises NotFound."""

    name = "event id"

    def convert(
        self,
        value: str,
        param: click.Parameter | None,  # noqa: ARG002 - click's signature
        ctx: click.Context | None,  # noqa: ARG002 - click's signature
    ) -> EventId:
        """Read an event's id."""
        if not _EVENT_ID.fullmatch(value):
            raise NotFound("no such event")
        return EventId(value)


class MomentParam(click.ParamType[datetime]):
    """A day or a time by ISO 8601; without an offset it is UTC."""

    name = "time"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read a day or a time."""
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail("must look like 2026-11-02 or 2026-11-02T09:30:00Z", param, ctx)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class SinceParam(click.ParamType[datetime | timedelta]):
    """A day or a time as ``MomentParam`` takes it, or how long ago it was: ``7d``, ``12h``."""

    name = "when"

    def convert(
        self,
        value: str | datetime | timedelta,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> datetime | timedelta:
        """Read a day, a time, or a duration."""
        if isinstance(value, timedelta):
            return value
        found = _AGO.fullmatch(str(value))
        if found is None:
            return MomentParam().convert(value, param, ctx)
        unit = {"d": "days", "h": "hours", "m": "minutes"}[found["unit"]]
        return timedelta(**{unit: int(found["count"])})


def parse_amount(text: str, currency: Currency) -> Money:
    """Read major units of a currency that is known only now. Raises click.BadParameter."""
    try:
        return Money.parse(text, currency)
    except ValidationFailed as error:
        raise click.BadParameter(error.message, param_hint="'--amount'") from None
