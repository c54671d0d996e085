"""The tables of disputes, in the one metadata."""

from typing import Final

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from markethub.adapters.sqlalchemy.tables import (
    currency_rule,
    metadata,
    moments,
    one_of,
    version_column,
)
from markethub.adapters.sqlalchemy.types import WHOLE, Flag, UtcDateTime
from markethub.domain.dispute import NEEDS_RESPONSE, DisputeStatus
from markethub.domain.operation import OperationStatus
from markethub.domain.submission import SubmissionKind

DISPUTE_UNREMINDED: Final = text(
    "status IN ({}) AND reminded_at IS NULL".format(
        ", ".join(sorted(f"'{status}'" for status in NEEDS_RESPONSE))
    )
)
"""Spelled out, not bound: only then is the partial index recognised."""

DISPUTE_ANSWERABLE: Final = text(
    "status IN ({})".format(", ".join(sorted(f"'{status}'" for status in NEEDS_RESPONSE)))
)
"""Likewise."""

disputes: Final = Table(
    "disputes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("provider_id", Text, nullable=False),
    Column("payment_id", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("amount_minor", WHOLE, nullable=False),
    Column("currency", Text, nullable=False),
    Column("movements", Text, nullable=False),  # JSON: read and written whole
    Column("evidence_due_by", UtcDateTime),
    Column("has_evidence", Flag, nullable=False),
    Column("submission_count", Integer, nullable=False),
    Column("is_past_due", Flag, nullable=False),
    Column("draft", Text, nullable=False),  # JSON: likewise
    Column("drafted_by", Text),
    Column("reminded_at", UtcDateTime),
    Column("opened_at", UtcDateTime, nullable=False),
    *moments(),
    *version_column(),
    currency_rule(),
    one_of("status", DisputeStatus),
    CheckConstraint("amount_minor >= 0", name="amount_not_negative"),
    CheckConstraint("submission_count >= 0", name="submission_count_not_negative"),
    ForeignKeyConstraint(["payment_id", "order_id"], ["payments.id", "payments.order_id"]),
    UniqueConstraint("provider_id"),
    Index("ix_disputes_payment_id", "payment_id"),
    Index("ix_disputes_created_at_id", "created_at", "id"),
    Index(
        "ix_disputes_due",
        "evidence_due_by",
        sqlite_where=DISPUTE_UNREMINDED,
        postgresql_where=DISPUTE_UNREMINDED,
    ),
    Index(
        "ix_disputes_answerable",
        "evidence_due_by",
        "id",
        sqlite_where=DISPUTE_ANSWERABLE,
        postgresql_where=DISPUTE_ANSWERABLE,
    ),
    sqlite_strict=True,
)
"""One row per dispute of the provider."""

SUBMISSION_UNRESOLVED: Final = text(f"status = '{OperationStatus.UNRESOLVED}'")
"""Likewise."""

submissions: Final = Table(
    "submissions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("dispute_id", Text, ForeignKey("disputes.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("params", Text, nullable=False),  # JSON: sent again exactly as it was rendered
    Column("count_before", Integer, nullable=False),
    Column("actor", Text),
    Column("origin", Text),
    Column("attempt", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("error_code", Text),
    Column("next_attempt_at", UtcDateTime, nullable=False),
    *moments(),
    *version_column(),
    one_of("kind", SubmissionKind),
    one_of("status", OperationStatus),
    CheckConstraint("attempt >= 1", name="attempt_counts"),
    CheckConstraint("count_before >= 0", name="count_before_not_negative"),
    Index(
        "uq_submissions_unresolved_of_dispute",
        "dispute_id",
        unique=True,
        sqlite_where=SUBMISSION_UNRESOLVED,
        postgresql_where=SUBMISSION_UNRESOLVED,
    ),
    Index(
        "uq_submissions_origin",
        "origin",
        unique=True,
        sqlite_where=text("origin IS NOT NULL"),
        postgresql_where=text("origin IS NOT NULL"),
    ),
    Index("ix_submissions_dispute_id", "dispute_id"),
    Index(
        "ix_submissions_due",
        "next_attempt_at",
        sqlite_where=SUBMISSION_UNRESOLVED,
        postgresql_where=SUBMISSION_UNRESOLVED,
    ),
    sqlite_strict=True,
)
