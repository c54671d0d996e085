"""What people did, who they were, and why: the audit log. It is appended to, and never changed.

What the system does of itself is told by the entities' events; here stands what somebody asked for.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

import attrs

from markethub.domain.errors import ValidationFailed
from markethub.domain.ids import PaymentId

REASON_MAXIMUM: Final = 500
"""Characters of a reason: a sentence or two for whoever looks at it later."""
ACTOR_MAXIMUM: Final = 64
"""Characters of a name."""


class Channel(StrEnum):
    """Where it was asked for."""

    API = "api"
    CONSOLE = "console"
    CLI = "cli"


class AuditAction(StrEnum):
    """What was done, or refused."""

    ORDER_REGISTER = "order.register"
    ORDER_CANCEL = "order.cancel"
    PAYMENT_CAPTURE = "payment.capture"
    PAYMENT_CANCEL = "payment.cancel"
    REFUND_REQUEST = "refund.request"
    """Money is to be given back, once the row stands."""
    REFUND_APPROVAL_ASKED = "refund.approval_asked"
    """It is too much for one person: a second has to approve it."""
    REFUND_APPROVE = "refund.approve"
    REFUND_REJECT = "refund.reject"
    REFUND_APPROVE_DENIED = "refund.approve_denied"
    """Somebody would have been both persons, or did not show who they are."""
    REFUND_PLAN_APPLY = "refund.plan_apply"
    """The refunds of a plan are asked for, each of which has its own line."""
    DISPUTE_DRAFT = "dispute.draft"
    DISPUTE_ATTACH = "dispute.attach"
    DISPUTE_SUBMIT = "dispute.submit"
    DISPUTE_ACCEPT = "dispute.accept"
    METHOD_REMOVE = "method.remove"
    METHOD_DEFAULT = "method.default"
    EVENT_REPLAY = "event.replay"
    EVENT_BACKFILL = "event.backfill"
    DELIVERY_REPLAY = "delivery.replay"
    WEBHOOKS_APPLY = "webhooks.apply"
    WEBHOOKS_ROTATE = "webhooks.rotate"
    KEYS_ROTATE = "keys.rotate"
    CONSOLE_SIGN_IN = "console.sign_in"
    CONSOLE_SIGN_IN_REFUSED = "console.sign_in_refused"
    CONSOLE_SIGN_OUT = "console.sign_out"
    CONSOLE_DENIED = "console.denied"
    """Somebody asked for what their role may not do."""
    API_DENIED = "api.denied"
    """Likewise, over HTTP."""
    CONSOLE_EXPORT = "console.export"


@attrs.frozen(kw_only=True)
class Act:
    """Somebody does something: who, from where, and why.

    ``actor`` is the name of a key or of a user of the operating system.
    """

    actor: str
    channel: Channel = Channel.API
    reason: str | None = None
    is_shown: bool = True
    """Whether a key of theirs shows who it is. Else a name is only said: two may be one person."""

    def __attrs_post_init__(self) -> None:
        """Refuse an act of nobody, and a reason of pages. Raises ValidationFailed."""
        if not self.actor or self.actor != self.actor.strip() or not self.actor.isprintable():
            raise ValidationFailed("actor", "must name somebody, on one line, without space around")
        if len(self.actor) > ACTOR_MAXIMUM:
            raise ValidationFailed("actor", f"must have at most {ACTOR_MAXIMUM} characters")
        if self.reason is not None and len(self.reason) > REASON_MAXIMUM:
            raise ValidationFailed("reason", f"must have at most {REASON_MAXIMUM} characters")


@attrs.frozen(kw_only=True)
class AuditEntry:
    """One line of the audit log."""

    at: datetime
    actor: str
    channel: Channel
    action: AuditAction
    subject: str | None
    """What it was done to, by our id."""
    payment_id: PaymentId | None = None
    """The payment that it is about, if it is about one: its page shows the line."""
    reason: str | None = None
    detail: Mapping[str, str] = attrs.field(factory=dict)
    """What else there is to say, such as an amount. Never a secret."""
    sequence: int = 0
    """Its number, given by the store: 0 until it is appended. Grows, with gaps."""

    @classmethod
    def of(
        cls,
        act: Act,
        action: AuditAction,
        *,
        at: datetime,
        subject: str | None = None,
        payment_id: PaymentId | None = None,
        detail: Mapping[str, str] | None = None,
    ) -> Self:
        """Write down what somebody did."""
        return cls(
            at=at,
            actor=act.actor,
            channel=act.channel,
            action=action,
            subject=subject,
            payment_id=payment_id,
            reason=act.reason,
            detail=detail or {},
        )
