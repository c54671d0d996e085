"""The story in curl: what ``serve`` prints to paste, and what README.md shows.

It needs a shell, curl and python3, and runs again and again on the same server: every run is an
order of its own.
"""

from typing import Final

DEFAULT_URL: Final = "http://127.0.0.1:8000"
"""Where ``serve`` listens when nothing else is set; README.md tells the story for it."""

_STORY: Final = r"""
API=@url@
ORDER=tea-$(date +%s)

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
