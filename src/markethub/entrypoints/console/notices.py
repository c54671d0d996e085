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
    "evidence-kept": "The texts are kept. The bank has not been told anything yet.",
    "file-attached": "The file is uploaded and attached. The bank has not been told anything yet.",
    "evidence-submitted": "The evidence is submitted. The bank decides; that may take months.",
    "dispute-accepted": "The dispute is conceded.",
}
"""A code that is not here shows nothing: an address cannot put words into our mouth."""
