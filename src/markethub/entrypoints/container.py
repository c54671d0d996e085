"""The composition root: the only place that knows which adapter is behind which port.

A process makes one container from its settings and asks it at its edges; nothing below the
entrypoints ever sees it. Tests make their own and override what they need. Every provider is
sync: one awaitable would make all above it awaitable. Adapters are imported when they are
first asked for, so that a process loads only what its settings chose: stripe, sqlalchemy and
litestar cost a quarter of a second each.
"""

# ruff: noqa: PLC0415 - imports inside functions are what the last sentence above is about

import secrets
from typing import TYPE_CHECKING

from dependency_injector import containers, providers

from markethub.adapters.crypto import AesGcmCipher
from markethub.adapters.system import AsyncioPause, SystemClock, TypeIds
from markethub.domain.facts import (
    ChargeReported,
    CustomerDeleted,
    DisputeReported,
    IntentHinted,
    IntentReported,
    MethodReported,
    RefundReported,
    WarningReported,
)
from markethub.domain.ids import IdPrefix
from markethub.domain.ports.cipher import TokenCipher
from markethub.domain.ports.system import Clock, Ids, Pause
from markethub.domain.subscription import Wanted
from markethub.domain.usecases.accept_dispute import AcceptDispute
from markethub.domain.usecases.apply_refund_plan import ApplyRefundPlan
from markethub.domain.usecases.apply_subscription import ApplySubscription, MakeEndpoint
from markethub.domain.usecases.attach_file import AttachFile
from markethub.domain.usecases.backfill_events import BackfillEvents
from markethub.domain.usecases.cancel_abandoned import CancelAbandoned
from markethub.domain.usecases.cancel_order import CancelOrder
from markethub.domain.usecases.cancel_payment import CancelPayment
from markethub.domain.usecases.capture_payment import CapturePayment
from markethub.domain.usecases.charge_order import ChargeOrder
from markethub.domain.usecases.confirm_payment import ConfirmPayment
from markethub.domain.usecases.decide_approval import DecideApproval
from markethub.domain.usecases.dispute_events import DisputeEvents
from markethub.domain.usecases.draft_evidence import DraftEvidence
from markethub.domain.usecases.drive import Driver
from markethub.domain.usecases.drive_submission import SubmissionDriver
from markethub.domain.usecases.ensure_customer import EnsureCustomer
from markethub.domain.usecases.intent_events import IntentEvents
from markethub.domain.usecases.method_events import MethodEvents, SavingIntentEvents
from markethub.domain.usecases.plan_refunds import PlanRefunds
from markethub.domain.usecases.plan_subscription import PlanSubscription
from markethub.domain.usecases.process_inbox import LeasesInHand, ProcessInbox, RenewLeases
from markethub.domain.usecases.receive_event import ReceiveEvent, ReceiveEventCommand
from markethub.domain.usecases.reconcile import Reconcile
from markethub.domain.usecases.reconcile_disputes import ReconcileDisputes, RemindOfDisputes
from markethub.domain.usecases.record_audit import RecordAudit
from markethub.domain.usecases.recover import Recover
from markethub.domain.usecases.refund_events import RefundEvents
from markethub.domain.usecases.refund_payment import RefundPayment
from markethub.domain.usecases.register_order import RegisterOrder
from markethub.domain.usecases.relay_outbox import RelayOutbox
from markethub.domain.usecases.remove_method import DetachMethods, RemoveMethod
from markethub.domain.usecases.replay_deliveries import ReplayDeliveries
from markethub.domain.usecases.replay_event import ReplayEvent
from markethub.domain.usecases.report_expiring import ReportExpiring
from markethub.domain.usecases.rotate_keys import RotateKeys
from markethub.domain.usecases.rotate_subscription import RotateSubscription
from markethub.domain.usecases.save_method import SaveMethod
from markethub.domain.usecases.set_default_method import SetDefaultMethod
from markethub.domain.usecases.settle_dispute import DisputeSettlement
from markethub.domain.usecases.settle_refunds import RefundSettlement
from markethub.domain.usecases.settlement import Settlement
from markethub.domain.usecases.start_setup import StartSetup
from markethub.domain.usecases.submit_evidence import SubmitDraft
from markethub.domain.usecases.usage import ResolveUsage
from markethub.entrypoints.relay import RelayLoop
from markethub.entrypoints.settings import Settings
from markethub.entrypoints.worker import Worker

if TYPE_CHECKING:
    from litestar import Router

    from markethub.adapters.fake.account import Account
    from markethub.adapters.fake.carrier import AccountCarrier
    from markethub.adapters.fake.pump import Pump
    from markethub.adapters.memory.store import MemoryStore
    from markethub.adapters.outgoing.publisher import WebhookPublisher
    from markethub.adapters.sqlalchemy.store import SqlStore
    from markethub.adapters.stripe.carrier import Carrier
    from markethub.adapters.stripe.client import StripeApi
    from markethub.adapters.stripe.dispute_desk import ApiDisputeDesk
    from markethub.adapters.stripe.event_source import ApiEventSource
    from markethub.adapters.stripe.gateway import ApiGateway
    from markethub.adapters.stripe.guard import Guard, GuardedCarrier
    from markethub.adapters.stripe.subscriptions import ApiSubscriptions
    from markethub.adapters.stripe.vault import ApiVault
    from markethub.adapters.stripe.webhooks import StripeEventTranslator


def _memory_store() -> "MemoryStore":
    from markethub.adapters.memory.store import MemoryStore

    return MemoryStore()


def _sql_store(settings: Settings, cipher: TokenCipher) -> "SqlStore":
    from markethub.adapters.sqlalchemy.store import SqlStore

    return SqlStore(settings.database.url, cipher=cipher)


def _account(settings: Settings) -> "Account":
    from markethub.adapters.fake.account import Account, AccountOptions
    from markethub.adapters.fake.store import DictStore
    from markethub.adapters.fake_store import SqliteAccountStore

    path = settings.database.fake_account_path
    store = DictStore() if path is None else SqliteAccountStore(path)
    options = AccountOptions(
        seed=secrets.token_hex(16),
        delay_s=settings.fake_delay_s,
        base_url=settings.local_url,
    )
    return Account(store=store, options=options)


def _account_carrier(account: "Account") -> "AccountCarrier":
    from markethub.adapters.fake.carrier import AccountCarrier

    return AccountCarrier(account)


def _stripe_carrier(settings: Settings) -> "StripeApi":
    from markethub.adapters.stripe.client import ATTEMPT_TIMEOUT_S, StripeApi

    return StripeApi(
        settings.stripe_secret_key,
        base_address=settings.stripe_api_base,
        attempt_timeout_s=ATTEMPT_TIMEOUT_S,
        max_network_retries=0,  # the guard repeats, within the budget of the whole process
    )


def _guard(clock: Clock) -> "Guard":
    from markethub.adapters.stripe.guard import Guard

    return Guard(clock)


def _guarded(carrier: "Carrier", guard: "Guard", pause: Pause) -> "GuardedCarrier":
    from markethub.adapters.stripe.guard import GuardedCarrier

    return GuardedCarrier(carrier, guard=guard, pause=pause)


def _gateway(carrier: "Carrier") -> "ApiGateway":
    from markethub.adapters.stripe.gateway import ApiGateway

    return ApiGateway(carrier)


def _dispute_desk(carrier: "Carrier") -> "ApiDisputeDesk":
    from markethub.adapters.stripe.dispute_desk import ApiDisputeDesk

    return ApiDisputeDesk(carrier)


def _vault(carrier: "Carrier") -> "ApiVault":
    from markethub.adapters.stripe.vault import ApiVault

    return ApiVault(carrier)


def _event_source(carrier: "Carrier") -> "ApiEventSource":
    from markethub.adapters.stripe.event_source import ApiEventSource

    return ApiEventSource(carrier)


def _subscriptions(carrier: "Carrier") -> "ApiSubscriptions":
    from markethub.adapters.stripe.subscriptions import ApiSubscriptions

    return ApiSubscriptions(carrier)


def _wanted_subscription(*, livemode: bool) -> Wanted:
    from markethub.adapters.stripe.event_types import EVENT_TYPES
    from markethub.adapters.stripe.requests import API_VERSION

    return Wanted(types=frozenset(EVENT_TYPES), api_version=API_VERSION, livemode=livemode)


def _translator(settings: Settings) -> "StripeEventTranslator":
    from markethub.adapters.stripe.webhooks import StripeEventTranslator

    return StripeEventTranslator(settings.stripe_webhook_secrets)


def _pump(
    account: "Account", settings: Settings, clock: Clock, receive_event: ReceiveEvent
) -> "Pump":
    from markethub.adapters.fake.pump import Pump

    async def deliver(body: bytes, signature: str) -> bool:
        return await receive_event(ReceiveEventCommand(body=body, signature=signature))

    return Pump(
        account=account,
        secret=settings.stripe_webhook_secrets[0],
        clock=clock,
        deliver=deliver,
    )


def _fake_router(account: "Account") -> "Router":
    from markethub.entrypoints.fake_stripe import fake_stripe_router

    return fake_stripe_router(account)


def _publisher(settings: Settings) -> "WebhookPublisher | None":
    if settings.out_webhook is None:
        return None
    from markethub.adapters.outgoing.publisher import WebhookPublisher

    return WebhookPublisher(settings.out_webhook, settings.out_webhook_secrets)


def _worker_name(ids: Ids) -> str:
    return ids.new(IdPrefix.WORKER)


def _database_kind(settings: Settings) -> str:
    return "memory" if settings.database.kind == "memory" else "sql"


class Container(containers.DeclarativeContainer):
    """Everything a process is made of. Give it settings with ``build_container``."""

    settings: providers.Dependency[Settings] = providers.Dependency(instance_of=Settings)

    clock = providers.Singleton(SystemClock)
    ids = providers.Singleton(TypeIds)
    pause = providers.Singleton(AsyncioPause)
    cipher = providers.Singleton(AesGcmCipher, settings.provided.encryption_keys)

    store = providers.Selector(
        providers.Callable(_database_kind, settings),
        memory=providers.Singleton(_memory_store),
        sql=providers.Singleton(_sql_store, settings, cipher),
    )
    transactions = store.provided.transactions
    inbox = store.provided.inbox
    queries = store.provided.queries
    inbox_queries = store.provided.inbox_queries
    refund_queries = store.provided.refund_queries
    dispute_queries = store.provided.dispute_queries
    delivery_queries = store.provided.delivery_queries
    history_queries = store.provided.history_queries
    overview_queries = store.provided.overview_queries
    audit_queries = store.provided.audit_queries
    approval_queries = store.provided.approval_queries
    idempotency_keys = store.provided.idempotency_keys
    stamps = store.provided.stamps
    rotation = store.provided.rotation
    staff_sessions = store.provided.staff_sessions

    account = providers.Selector(
        settings.provided.gateway,
        fake=providers.Singleton(_account, settings),
        stripe=providers.Object(None),
    )
    guard = providers.Singleton(_guard, clock)
    wire = providers.Selector(
        settings.provided.gateway,
        fake=providers.Factory(_account_carrier, account),
        stripe=providers.Singleton(_stripe_carrier, settings),
    )
    carrier = providers.Singleton(_guarded, wire, guard, pause)
    gateway = providers.Singleton(_gateway, carrier)
    dispute_desk = providers.Singleton(_dispute_desk, carrier)
    vault = providers.Singleton(_vault, carrier)
    event_source = providers.Singleton(_event_source, carrier)
    subscriptions = providers.Singleton(_subscriptions, carrier)
    translator = providers.Singleton(_translator, settings)

    record_audit = providers.Factory(RecordAudit, transactions=transactions, clock=clock)
    settlement = providers.Factory(
        Settlement, transactions=transactions, gateway=gateway, clock=clock, ids=ids
    )
    refunds = providers.Factory(RefundSettlement, settlement=settlement)
    drive = providers.Factory(Driver, settlement=settlement, refunds=refunds, pause=pause)

    ensure_customer = providers.Factory(
        EnsureCustomer, transactions=transactions, vault=vault, clock=clock, ids=ids, pause=pause
    )
    save_method = providers.Factory(
        SaveMethod, transactions=transactions, vault=vault, clock=clock, ids=ids
    )
    start_setup = providers.Factory(StartSetup, vault=vault, customers=ensure_customer, ids=ids)
    set_default_method = providers.Factory(SetDefaultMethod, transactions=transactions, clock=clock)
    detach_methods = providers.Factory(
        DetachMethods, transactions=transactions, vault=vault, clock=clock
    )
    remove_method = providers.Factory(
        RemoveMethod, transactions=transactions, detach=detach_methods, clock=clock
    )
    resolve_usage = providers.Factory(
        ResolveUsage, transactions=transactions, customers=ensure_customer, save=save_method
    )

    register_order = providers.Factory(
        RegisterOrder, transactions=transactions, settlement=settlement, drive=drive, clock=clock
    )
    cancel_order = providers.Factory(
        CancelOrder, transactions=transactions, settlement=settlement, drive=drive, clock=clock
    )
    charge_order = providers.Factory(
        ChargeOrder,
        transactions=transactions,
        settlement=settlement,
        drive=drive,
        resolve=resolve_usage,
        clock=clock,
        ids=ids,
    )
    confirm_payment = providers.Factory(
        ConfirmPayment, transactions=transactions, settlement=settlement, save=save_method
    )
    capture_payment = providers.Factory(
        CapturePayment, transactions=transactions, settlement=settlement, drive=drive, clock=clock
    )
    cancel_payment = providers.Factory(
        CancelPayment, transactions=transactions, settlement=settlement, drive=drive
    )
    dispute_settlement = providers.Factory(
        DisputeSettlement, transactions=transactions, desk=dispute_desk, clock=clock, ids=ids
    )
    drive_submission = providers.Factory(
        SubmissionDriver, settlement=dispute_settlement, pause=pause
    )
    draft_evidence = providers.Factory(DraftEvidence, transactions=transactions, clock=clock)
    attach_file = providers.Factory(
        AttachFile, transactions=transactions, desk=dispute_desk, clock=clock
    )
    submit_evidence = providers.Factory(
        SubmitDraft,
        transactions=transactions,
        settlement=dispute_settlement,
        drive=drive_submission,
    )
    accept_dispute = providers.Factory(
        AcceptDispute,
        transactions=transactions,
        settlement=dispute_settlement,
        drive=drive_submission,
    )
    refund_payment = providers.Factory(
        RefundPayment,
        refunds=refunds,
        drive=drive,
        pause=pause,
        limit=settings.provided.refund_approval_limit,
    )
    decide_approval = providers.Factory(
        DecideApproval, transactions=transactions, refund=refund_payment, clock=clock
    )
    plan_refunds = providers.Factory(PlanRefunds, refund=refund_payment, clock=clock)
    apply_refund_plan = providers.Factory(
        ApplyRefundPlan, transactions=transactions, refund=refund_payment, clock=clock
    )
    refund_events = providers.Factory(RefundEvents, refunds=refunds)
    livemode = providers.Callable(lambda settings: settings.mode == "live", settings)
    receive_event = providers.Factory(
        ReceiveEvent,
        translator=translator,
        inbox=inbox,
        clock=clock,
        livemode=livemode,
    )
    backfill_events = providers.Factory(
        BackfillEvents, source=event_source, inbox=inbox, clock=clock, livemode=livemode
    )
    worker_name = providers.Singleton(_worker_name, ids)
    leases_in_hand = providers.Singleton(LeasesInHand)
    wanted_subscription = providers.Callable(_wanted_subscription, livemode=livemode)
    plan_subscription = providers.Factory(
        PlanSubscription,
        subscriptions=subscriptions,
        wanted=wanted_subscription,
        accepted=settings.provided.stripe_webhook_secrets,
    )
    make_endpoint = providers.Factory(
        MakeEndpoint, subscriptions=subscriptions, wanted=wanted_subscription, ids=ids
    )
    apply_subscription = providers.Factory(
        ApplySubscription,
        plan=plan_subscription,
        make=make_endpoint,
        subscriptions=subscriptions,
        ids=ids,
    )
    rotate_subscription = providers.Factory(
        RotateSubscription,
        plan=plan_subscription,
        make=make_endpoint,
        subscriptions=subscriptions,
    )
    intent_events = providers.Factory(IntentEvents, settlement=settlement)
    dispute_events = providers.Factory(DisputeEvents, settlement=dispute_settlement)
    saving_intent_events = providers.Factory(
        SavingIntentEvents, intents=intent_events, save=save_method
    )
    method_events = providers.Factory(MethodEvents, save=save_method, clock=clock)
    process_inbox = providers.Factory(
        ProcessInbox,
        transactions=transactions,
        handlers=providers.Dict(
            {
                IntentReported: saving_intent_events,
                MethodReported: method_events,
                CustomerDeleted: method_events,
                ChargeReported: intent_events,
                IntentHinted: intent_events,
                RefundReported: refund_events,
                DisputeReported: dispute_events,
                WarningReported: dispute_events,
            }
        ),
        translator=translator,
        clock=clock,
        ids=ids,
        worker=worker_name,
        in_hand=leases_in_hand,
    )
    renew_leases = providers.Factory(
        RenewLeases, transactions=transactions, clock=clock, in_hand=leases_in_hand
    )
    reconcile = providers.Factory(
        Reconcile, transactions=transactions, settlement=settlement, drive=drive, clock=clock
    )
    reconcile_disputes = providers.Factory(
        ReconcileDisputes, transactions=transactions, drive=drive_submission, clock=clock
    )
    remind_of_disputes = providers.Factory(RemindOfDisputes, transactions=transactions, clock=clock)

    cancel_abandoned = providers.Factory(
        CancelAbandoned,
        transactions=transactions,
        settlement=settlement,
        drive=drive,
        clock=clock,
        after=settings.provided.abandoned_after,
    )
    report_expiring = providers.Factory(ReportExpiring, transactions=transactions, clock=clock)
    publisher = providers.Singleton(_publisher, settings)
    relay_outbox = providers.Factory(
        RelayOutbox, transactions=transactions, publisher=publisher, clock=clock, ids=ids
    )
    relay_loop = providers.Factory(RelayLoop, relay=relay_outbox)
    replay_deliveries = providers.Factory(
        ReplayDeliveries, transactions=transactions, publisher=publisher, clock=clock
    )
    recover = providers.Factory(
        Recover,
        cancel_abandoned=cancel_abandoned,
        report_expiring=report_expiring,
        reconcile=reconcile,
        reconcile_disputes=reconcile_disputes,
        remind_of_disputes=remind_of_disputes,
        detach_methods=detach_methods,
    )

    replay_event = providers.Factory(ReplayEvent, transactions=transactions, clock=clock)
    rotate_keys = providers.Factory(RotateKeys, rotation=rotation)

    worker = providers.Factory(
        Worker,
        process_inbox=process_inbox,
        renew_leases=renew_leases,
        recover=recover,
        relay=relay_loop,
    )
    pump = providers.Selector(
        settings.provided.gateway,
        fake=providers.Factory(_pump, account, settings, clock, receive_event),
        stripe=providers.Object(None),
    )
    fake_router = providers.Selector(
        settings.provided.gateway,
        fake=providers.Factory(_fake_router, account),
        stripe=providers.Object(None),
    )


def build_container(settings: Settings) -> Container:
    """Compose a process from its settings. Nothing is opened before it is asked for."""
    container = Container(settings=providers.Object(settings))
    container.check_dependencies()
    return container
