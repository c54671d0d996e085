"""What a page says after something was done: by its code in the address."""

from typing import Final

NOTICES: Final = {
    "signed-out": "You are signed out.",
    "event-replayed": "The event begins anew: the worker takes it up next.",
    "events-replayed": "The events begin anew: the worker takes them up next.",
    "deliveries-replayed": "The deliveries are sent again, and the endpoint is tried.",
    "endpoint-enabled": "The endpoint is enabled: what waits for it is sent.",
    "method-removed": "The payment method is removed. It cannot be charged any more.",
    "method-default": "The customer's default payment method is changed.",
    "payment-captured": "The money is taken.",
    "payment-canceled": "The payment is given up. Its order stays open.",
    "refund-succeeded": "The money is given back.",
    "refund-pending": "The refund is on its way. Its outcome is shown here as soon as it is known.",
    "refund-requires-action": "The refund waits for the customer to say where it should go.",
    "refund-failed": "The refund failed: the customer does not have the money.",
    "refund-canceled": "The refund was canceled: the customer does not have the money.",
    "outcome-unknown": "Nobody knows the outcome yet. It is asked for until it is known.",
    "approval-asked": "It is too much for one person: it waits for somebody else to approve it.",
    "approval-approved": "It is approved, and the refund is made.",
    "approval-rejected": "It is rejected: nothing is given back.",
    "evidence-kept": "The texts are kept. The bank has not been told anything yet.",
    "file-attached": "The file is uploaded and attached. The bank has not been told anything yet.",
    "evidence-submitted": "The evidence is submitted. The bank decides; that may take months.",
    "dispute-accepted": "The dispute is conceded.",
}
"""A code that is not here shows nothing: an address cannot put words into our mouth."""
