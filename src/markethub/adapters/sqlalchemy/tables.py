"""The tables, and what the database itself refuses.

The migrations make the real schema; a test compares the two on both databases. What only a
trigger can say (the ledger is append-only) stands in the migrations alone. On SQLite a STRICT
table refuses what is not of its column's type, as PostgreSQL does anyway.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from markethub.adapters.sqlalchemy.types import WHOLE, Flag, UtcDateTime
from markethub.domain.facts import CaptureMethod
from markethub.domain.inbox_event import WAITING, WRONG_MODE, InboxStatus
from markethub.domain.ledger import Account, EntryKind
from markethub.domain.operation import OperationKind, OperationStatus
from markethub.domain.order import OrderStatus
from markethub.domain.payment import PaymentStatus, Quarantine

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """Allow a column the values of an enum."""
    known = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({known})", name=f"{column}_known")


def currency_rule(column: str = "currency") -> CheckConstraint:
    """Allow a column lower-case ISO 4217 codes."""
    return CheckConstraint(
        f"length({column}) = 3 AND {column} = lower({column})", name=f"{column}_code"
    )


def together(name: str, columns: Iterable[str]) -> CheckConstraint:
    """All of the columns are set, or none."""
    first, *others = columns
    same = " AND ".join(f"({first} IS NULL) = ({other} IS NULL)" for other in others)
    return CheckConstraint(same, name=name)


def moments() -> tuple[Column[object], ...]:
    """Return when a row was made and last changed."""
    return (
        Column("created_at", UtcDateTime, nullable=False),
        Column("updated_at", UtcDateTime, nullable=False),
    )


def version_column() -> tuple[Column[int], CheckConstraint]:
    """Return the counter of saves that optimistic concurrency compares."""
    return (
        Column("version", Integer, nullable=False),
        CheckConstraint("version >= 1", name="version_counts"),
    )


orders: Final = Table(
    "orders",
    metadata,
    Column("id", Text, primary_key=True),
    Column("customer_id", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("lines", Text, nullable=False),  # JSON: read and written whole, never searched
    Column("shipping_minor", WHOLE, nullable=False),
    Column("total_minor", WHOLE, nullable=False),
    Column("status", Text, nullable=False),
    Column("paid_by", Text),
    *moments(),
    *version_column(),
    currency_rule(),
    one_of("status", OrderStatus),
    CheckConstraint("shipping_minor >= 0", name="shipping_not_negative"),
    CheckConstraint("total_minor BETWEEN 1 AND 99999999", name="total_chargeable"),
    CheckConstraint("(status = 'paid') = (paid_by IS NOT NULL)", name="paid_by_a_payment"),
    ForeignKeyConstraint(
        ["paid_by", "id"],
        ["payments.id", "payments.order_id"],
        use_alter=True,  # the two tables refer to each other
    ),
    sqlite_strict=True,
)
"""``paid_by`` is a payment of this very order, and only a paid order has one."""

PAYMENT_UNFINISHED: Final = text("status NOT IN ('succeeded', 'canceled')")
"""Spelled out, not bound: only then is the partial index recognised."""

PAYMENT_QUARANTINED: Final = text("quarantine IS NOT NULL")
"""Likewise."""
PAYMENT_DISPUTED: Final = text("(chargeback_open OR disputed_minor > 0)")
"""Likewise."""
PAYMENT_WARNED: Final = text("fraud_warnings <> '[]'")
"""Likewise."""

payments: Final = Table(
    "payments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("order_id", Text, ForeignKey("orders.id"), nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount_minor", WHOLE, nullable=False),
    Column("authorized_minor", WHOLE, nullable=False),
    Column("captured_minor", WHOLE, nullable=False),
    Column("refunded_minor", WHOLE, nullable=False),
    Column("disputed_minor", WHOLE, nullable=False),
    Column("capture_asked_minor", WHOLE),
    Column("capture_method", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("holds_slot", Flag, nullable=False),
    Column("intent_id", Text),
    Column("charge_id", Text),
    Column("card_brand", Text),
    Column("card_last4", Text),
    Column("card_exp_month", Integer),
    Column("card_exp_year", Integer),
    Column("failure_code", Text),
    Column("failure_decline_code", Text),
    Column("failure_charge_id", Text),
    Column("quarantine", Text),
    Column("chargeback_open", Flag, nullable=False, server_default=false()),
    # JSON: read and written whole
    Column("fraud_warnings", Text, nullable=False, server_default="[]"),
    Column("declines", Integer, nullable=False),
    Column("refund_reserved_minor", WHOLE, nullable=False, server_default=text("0")),
    Column("capture_before", UtcDateTime),
    Column("expiry_told", Flag, nullable=False, server_default=false()),
    *moments(),
    *version_column(),
    currency_rule(),
    one_of("status", PaymentStatus),
    one_of("capture_method", CaptureMethod),
    one_of("quarantine", Quarantine),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    CheckConstraint("authorized_minor BETWEEN 0 AND amount_minor", name="authorized_bounded"),
    CheckConstraint("captured_minor BETWEEN 0 AND amount_minor", name="captured_bounded"),
    CheckConstraint("refunded_minor BETWEEN 0 AND captured_minor", name="refunded_bounded"),
    CheckConstraint(
        "refund_reserved_minor >= 0 AND (refund_reserved_minor = 0 "
        "OR refunded_minor + refund_reserved_minor <= captured_minor)",
        name="refund_reserved_bounded",
    ),
    CheckConstraint("disputed_minor >= 0", name="disputed_not_negative"),
    CheckConstraint("capture_asked_minor > 0", name="capture_asked_positive"),
    CheckConstraint("declines >= 0", name="declines_not_negative"),
    CheckConstraint("status <> 'canceled' OR NOT holds_slot", name="canceled_frees_the_slot"),
    together("card_whole", ["card_brand", "card_last4", "card_exp_month", "card_exp_year"]),
    UniqueConstraint("id", "order_id"),  # what orders.paid_by refers to
    Index(
        "uq_payments_live_of_order",
        "order_id",
        unique=True,
        sqlite_where=text("holds_slot"),
        postgresql_where=text("holds_slot"),
    ),
    Index(
        "uq_payments_intent_id",
        "intent_id",
        unique=True,
        sqlite_where=text("intent_id IS NOT NULL"),
        postgresql_where=text("intent_id IS NOT NULL"),
    ),
    Index(
        "uq_payments_charge_id",
        "charge_id",
        unique=True,
        sqlite_where=text("charge_id IS NOT NULL"),
        postgresql_where=text("charge_id IS NOT NULL"),
    ),
    Index("ix_payments_order_id", "order_id"),
    Index("ix_payments_customer_id_created_at_id", "customer_id", "created_at", "id"),
    Index("ix_payments_created_at_id", "created_at", "id"),
    Index("ix_payments_currency_amount_minor_id", "currency", "amount_minor", "id"),
    Index(
        "ix_payments_unfinished",
        "updated_at",
        sqlite_where=PAYMENT_UNFINISHED,
        postgresql_where=PAYMENT_UNFINISHED,
    ),
    Index(
        "ix_payments_quarantined",
        "created_at",
        "id",
        sqlite_where=PAYMENT_QUARANTINED,
        postgresql_where=PAYMENT_QUARANTINED,
    ),
    Index(
        "ix_payments_disputed",
        "created_at",
        "id",
        sqlite_where=PAYMENT_DISPUTED,
        postgresql_where=PAYMENT_DISPUTED,
    ),
    Index(
        "ix_payments_warned",
        "created_at",
        sqlite_where=PAYMENT_WARNED,
        postgresql_where=PAYMENT_WARNED,
    ),
    sqlite_strict=True,
)
"""All amounts of a payment are in its ``currency``."""

OPERATION_UNRESOLVED: Final = text(f"status = '{OperationStatus.UNRESOLVED}'")
"""Spelled out, not bound: only then is the partial index recognised."""

operations: Final = Table(
    "operations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("payment_id", Text, ForeignKey("payments.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("params", Text, nullable=False),  # JSON: sent again exactly as it was rendered
    Column("amount_minor", WHOLE),
    Column("currency", Text),
    Column("origin", Text),
    Column("cancels_order", Flag, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("error_code", Text),
    Column("missing_since", UtcDateTime),
    Column("next_attempt_at", UtcDateTime, nullable=False),
    *moments(),
    *version_column(),
    currency_rule(),
    Column("refund_id", Text, ForeignKey("refunds.id")),
    CheckConstraint("(kind = 'refund') = (refund_id IS NOT NULL)", name="refund_named"),
    one_of("kind", OperationKind),
    one_of("status", OperationStatus),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    CheckConstraint("attempt >= 1", name="attempt_counts"),
    together("amount_whole", ["amount_minor", "currency"]),
    Index(
        "uq_operations_unresolved_of_payment",
        "payment_id",
        unique=True,
        sqlite_where=OPERATION_UNRESOLVED,
        postgresql_where=OPERATION_UNRESOLVED,
    ),
    Index(
        "uq_operations_origin",
        "origin",
        unique=True,
        sqlite_where=text("origin IS NOT NULL"),
        postgresql_where=text("origin IS NOT NULL"),
    ),
    Index("ix_operations_payment_id", "payment_id"),
    Index(
        "ix_operations_due",
        "next_attempt_at",
        sqlite_where=OPERATION_UNRESOLVED,
        postgresql_where=OPERATION_UNRESOLVED,
    ),
    sqlite_strict=True,
)

ledger_entries: Final = Table(
    "ledger_entries",
    metadata,
    Column("sequence", WHOLE, Identity(always=True), primary_key=True),
    Column("reference", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("payment_id", Text, ForeignKey("payments.id"), nullable=False),
    Column("debit", Text, nullable=False),
    Column("credit", Text, nullable=False),
    Column("amount_minor", WHOLE, nullable=False),
    Column("currency", Text, nullable=False),
    Column("posted_at", UtcDateTime, nullable=False),
    currency_rule(),
    one_of("kind", EntryKind),
    one_of("debit", Account),
    one_of("credit", Account),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    CheckConstraint("debit <> credit", name="between_two_accounts"),
    UniqueConstraint("reference", "kind"),
    Index("ix_ledger_entries_payment_id", "payment_id"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)
"""One row is one transfer, balanced by its shape. Triggers refuse UPDATE and DELETE."""

outbox: Final = Table(
    "outbox",
    metadata,
    Column("sequence", WHOLE, Identity(always=True), primary_key=True),
    Column("type", Text, nullable=False),
    Column("aggregate_id", Text, nullable=False),
    Column("body", Text, nullable=False),  # JSON
    Column("occurred_at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

INBOX_WAITING: Final = text("status IN ({})".format(", ".join(f"'{status}'" for status in WAITING)))
"""Likewise."""
INBOX_DEAD: Final = text(f"status = '{InboxStatus.DEAD}'")
"""Likewise."""
INBOX_WRONG_MODE: Final = text(f"status = '{InboxStatus.IGNORED}' AND reason = '{WRONG_MODE}'")
"""Likewise."""

INBOX_PROCESSED: Final = text(f"status = '{InboxStatus.PROCESSED}' AND replayed_at IS NULL")
"""Likewise."""

inbox: Final = Table(
    "inbox",
    metadata,
    Column("id", Text, primary_key=True),
    Column("type", Text, nullable=False),
    Column("livemode", Flag, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("api_version", Text),
    Column("payload", Text, nullable=False),  # lz4-compressed by PostgreSQL where it can
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", UtcDateTime, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("subject", Text, nullable=False, server_default=text("''")),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("error", Text),
    Column("replayed_at", UtcDateTime),
    one_of("status", InboxStatus),
    CheckConstraint("status NOT IN ('ignored', 'dead') OR reason IS NOT NULL", name="reason_given"),
    CheckConstraint("attempts >= 0", name="attempts_not_negative"),
    CheckConstraint("failures >= 0", name="failures_not_negative"),
    Index(
        "ix_inbox_due",
        "next_attempt_at",
        "received_at",
        sqlite_where=INBOX_WAITING,
        postgresql_where=INBOX_WAITING,
    ),
    Index("ix_inbox_subject", "subject"),
    Index(
        "ix_inbox_dead",
        "updated_at",
        sqlite_where=INBOX_DEAD,
        postgresql_where=INBOX_DEAD,
    ),
    Index(
        "ix_inbox_wrong_mode",
        "received_at",
        sqlite_where=INBOX_WRONG_MODE,
        postgresql_where=INBOX_WRONG_MODE,
    ),
    Index(
        "ix_inbox_processed",
        "received_at",
        "updated_at",
        sqlite_where=INBOX_PROCESSED,
        postgresql_where=INBOX_PROCESSED,
    ),
    sqlite_strict=True,
)
"""The provider's events. ``created_at`` is the provider's, ``received_at`` ours."""

inbox_leases: Final = Table(
    "inbox_leases",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("lease", Text, nullable=False),
    Column("holder", Text, nullable=False),
    Column("until", UtcDateTime, nullable=False),
    Index("ix_inbox_leases_lease", "lease"),
    sqlite_strict=True,
)
"""Who processes the events of a subject now. Apart from the events, which would be rewritten
with all that they carry each time that they are claimed."""

idempotency_keys: Final = Table(
    "idempotency_keys",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("begun_at", UtcDateTime, nullable=False),
    Column("is_complete", Flag, nullable=False),
    Column("answer_status", Integer),
    Column("answer_content_type", Text),
    Column("answer_body", LargeBinary),  # encrypted
    together("answer_whole", ["answer_status", "answer_content_type", "answer_body"]),
    CheckConstraint("is_complete OR answer_status IS NULL", name="answer_when_complete"),
    Index("ix_idempotency_keys_begun_at", "begun_at"),
    sqlite_strict=True,
)

stamp: Final = Table(
    "stamp",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("gateway", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("account_id", Text, nullable=False),
    CheckConstraint("id = 1", name="only_one"),
    sqlite_strict=True,
)
"""Whose database this is: one row, for good."""
