"""What ``serve`` says when it starts: what can be opened, and the story in curl to paste.

README.md shows the same story. It needs a shell, curl and python3, and can be told again and again
on the same server: every time it is about an order of its own.
"""

from collections.abc import Mapping
from typing import Final

from markethub.entrypoints.setting_values import DEV_STOREFRONT_SECRET
from markethub.entrypoints.settings import Settings

DEFAULT_URL: Final = "http://127.0.0.1:8000"
"""Where ``serve`` listens when nothing else is set; README.md tells the story for it."""

_STORY: Final = r"""
API=@url@
ORDER=tea-$(date +%s)-$$

shop() { curl -sS -H 'Authorization: Bearer storefront-dev' \
  -H 'Content-Type: application/json' "$@"; echo; }
browser() { curl -sS -H 'Authorization: Bearer pk_test_dev' "$@"; echo; }
field() { python3 -c "import json, sys; print(json.load(sys.stdin)['$1'])"; }
pay() { browser "$API/fake-stripe/v1/payment_intents/$1/confirm" -o /dev/null \
  -w 'The card was answered with HTTP %{http_code}' -d "client_secret=$2" \
  -d 'payment_method_data[type]=card' -d "payment_method_data[card][number]=$3" \
  -d 'payment_method_data[card][exp_month]=12' -d 'payment_method_data[card][exp_year]=2034' \
  -d 'payment_method_data[card][cvc]=123'; }

echo '1. The shop registers an order of 50.00 USD'
shop -X PUT "$API/api/orders/$ORDER/" -d '{"customer_id": "ada", "currency": "usd",
  "lines": [{"sku": "tea", "title": "Tea", "unit_price": 2500, "quantity": 2}]}'

echo '2. It asks for the money: one payment, one intent, a secret for the browser'
STARTED=$(shop -X POST "$API/api/stripe/create-payment-intent/$ORDER/")
INTENT=$(echo "$STARTED" | field payment_intent_id)
SECRET=$(echo "$STARTED" | field client_secret)
echo "$INTENT"

echo '3. The browser sends a card that is declined, and the shop asks what became of it'
pay "$INTENT" "$SECRET" 4000000000000002
shop -X POST "$API/api/stripe/confirm-payment/" -d "{\"payment_intent_id\": \"$INTENT\"}"

echo '4. The browser sends a good card, and the shop asks again'
pay "$INTENT" "$SECRET" 4242424242424242
shop -X POST "$API/api/stripe/confirm-payment/" -d "{\"payment_intent_id\": \"$INTENT\"}"

echo '5. The order is paid'
shop "$API/api/orders/$ORDER/"
"""


def story(url: str) -> str:
    """Return the story for a server at ``url``, to be pasted into a shell."""
    return _STORY.strip().replace("@url@", url)


def places(url: str, settings: Settings) -> Mapping[str, str]:
    """Name what can be opened at a server."""
    found = {
        "interface": f"{url}/schema/",
        "health": f"{url}/health/ready",
        "ops_console": f"{url}/ops",
    }
    if settings.gateway == "fake" or settings.mode == "test":
        found["demo_shop"] = f"{url}/demo/"
    if settings.gateway == "fake":
        found["fake_stripe"] = f"{url}/fake-stripe/v1"
    return found


def has_story(settings: Settings) -> bool:
    """Tell whether the story can be told: of the simulated account, with the key that it uses."""
    keys = {key.secret for key in settings.storefront_keys}
    return settings.gateway == "fake" and DEV_STOREFRONT_SECRET in keys
