"""What became of a plan's line, told apart: nothing is called refused that nobody knows."""

import attrs
import pytest

from markethub.domain.errors import (
    ApprovalRequired,
    CommitUnknown,
    GatewayRejected,
    PaymentsError,
    PlanOutdated,
    RequestInProgress,
    StoreUnavailable,
)
from markethub.domain.ids import OrderId, PaymentId, ProviderRefundId, RefundId
from markethub.domain.refund import Refund, RefundStatus
from markethub.domain.refund_plan import PlannedRefund, Precondition
from markethub.domain.usecases.apply_refund_plan import AppliedLine, Outcome
from tests.unit.domain.values import START, usd

LINE = PlannedRefund(
    payment_id=PaymentId("pay_1"),
    amount=usd(5000),
    precondition=Precondition(captured=usd(5000), given_back=usd(0)),
)
ASKED = Refund(
    id=RefundId("ref_1"),
    payment_id=LINE.payment_id,
    order_id=OrderId("o-1"),
    amount=LINE.amount,
    status=RefundStatus.PENDING,
    actor="ada",
    created_at=START,
    updated_at=START,
)
ANSWERED = attrs.evolve(ASKED, provider_id=ProviderRefundId("re_1"))


@pytest.mark.parametrize(
    ("refund", "outcome"),
    [
        (ASKED, Outcome.UNKNOWN),
        (attrs.evolve(ASKED, status=RefundStatus.FAILED), Outcome.REFUSED),
        (ANSWERED, Outcome.MADE),
        (attrs.evolve(ANSWERED, status=RefundStatus.REQUIRES_ACTION), Outcome.MADE),
        (attrs.evolve(ANSWERED, status=RefundStatus.SUCCEEDED), Outcome.MADE),
        (attrs.evolve(ANSWERED, status=RefundStatus.FAILED), Outcome.REFUSED),
        (attrs.evolve(ANSWERED, status=RefundStatus.CANCELED), Outcome.REFUSED),
    ],
)
def test_a_refund_is_made_once_the_provider_has_it(refund: Refund, outcome: Outcome) -> None:
    applied = AppliedLine(line=LINE, refund=refund)

    assert (outcome, refund.status.value) == (applied.outcome, applied.state)


@pytest.mark.parametrize(
    ("error", "outcome", "is_unknown"),
    [
        (ApprovalRequired("too much", approval_id="apr_1"), Outcome.AWAITS_APPROVAL, False),
        (RequestInProgress("busy"), Outcome.POSTPONED, True),
        (CommitUnknown("lost"), Outcome.UNKNOWN, True),
        (StoreUnavailable("down"), Outcome.UNKNOWN, True),
        (PlanOutdated("changed"), Outcome.REFUSED, False),
        (GatewayRejected("no"), Outcome.REFUSED, False),
    ],
)
def test_an_error_is_a_refusal_only_where_a_rule_says_no(
    error: PaymentsError, outcome: Outcome, is_unknown: bool
) -> None:
    applied = AppliedLine(line=LINE, error=error)

    assert (outcome, is_unknown, error.code) == (
        applied.outcome,
        applied.is_unknown,
        applied.state,
    )
