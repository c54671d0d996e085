"""The account as Stripe's API shows it to its owner."""

from typing import Any

from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.store import JsonObject

Json = dict[str, Any]


def account_id(execution: Execution) -> str:
    """Return the account's own id: configured, or one that goes with its seed."""
    return execution.options.account_id or f"acct_{execution.derived('account')}"


def retrieve(execution: Execution, given: Json) -> JsonObject:  # noqa: ARG001 - it takes none
    """``GET /v1/account``."""
    return _account(
        id=account_id(execution),
        created=execution.options.start,
        currency=execution.options.settlement_currency or "usd",
    )


def _account(*, id: str, created: int, currency: str) -> Json:
    nothing_due: Json = {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": [],
        "disabled_reason": None,
        "errors": [],
        "eventually_due": [],
        "past_due": [],
        "pending_verification": [],
    }
    return {
        "id": id,
        "object": "account",
        "business_profile": {
            "annual_revenue": None,
            "estimated_worker_count": None,
            "mcc": None,
            "minority_owned_business_designation": None,
            "name": "MarketHub",
            "product_description": None,
            "support_address": None,
            "support_email": None,
            "support_phone": None,
            "support_url": None,
            "url": None,
        },
        "business_type": None,
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "controller": {"type": "account"},
        "country": "US",
        "created": created,
        "default_currency": currency,
        "details_submitted": True,
        "email": "shop@example.com",
        "external_accounts": {
            "data": [],
            "has_more": False,
            "object": "list",
            "url": f"/v1/accounts/{id}/external_accounts",
        },
        "future_requirements": nothing_due,
        "metadata": {},
        "payouts_enabled": True,
        "requirements": nothing_due,
        "settings": {
            "bacs_debit_payments": {"display_name": None, "service_user_number": None},
            "branding": {
                "icon": None,
                "logo": None,
                "primary_color": None,
                "secondary_color": None,
            },
            "card_issuing": {"tos_acceptance": {"date": None, "ip": None}},
            "card_payments": {
                # A failed check alone declines nothing here; the cards that decline say so.
                "decline_on": {"avs_failure": False, "cvc_failure": False},
                "statement_descriptor_prefix": None,
                "statement_descriptor_prefix_kana": None,
                "statement_descriptor_prefix_kanji": None,
            },
            "dashboard": {"display_name": "MarketHub", "timezone": "Etc/UTC"},
            "invoices": {"default_account_tax_ids": None, "hosted_payment_method_save": None},
            "payments": {
                "statement_descriptor": "MARKETHUB",
                "statement_descriptor_kana": None,
                "statement_descriptor_kanji": None,
                "statement_descriptor_prefix_kana": None,
                "statement_descriptor_prefix_kanji": None,
            },
            "payouts": {
                "debit_negative_balances": True,
                "schedule": {"delay_days": 2, "interval": "daily"},
                "statement_descriptor": None,
            },
            "sepa_debit_payments": {},
        },
        "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
        "type": "standard",
    }
