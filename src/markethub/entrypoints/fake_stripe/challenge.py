"""The 3-D Secure challenge, where the customer's bank would ask: a page with two buttons.

Whoever has the page's address may answer it: it carries the unguessable source of this one
challenge, never the client secret. A client without a browser answers with a publishable key and
the client secret instead, as Stripe.js would behind the scenes.
"""

import hmac
import re
from collections.abc import Mapping
from html import escape
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

import attrs

from markethub.adapters.fake.account import Account, Response
from markethub.domain.errors import ValidationFailed
from markethub.domain.money import Money

PREFIX: Final = "/fake-stripe"
"""Where the door is mounted; the account names the same in a challenge's address."""
SECRET_KEY: Final = "sk_test_dev"  # noqa: S105 - the fake's published key; it opens nothing else

_NOTHING: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"
NO_FORMS: Final = f"{_NOTHING}; form-action 'none'"
"""The Content-Security-Policy of a page that only says something."""
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")
_URL_CHARACTERS: Final = "%/:=&?~#+!$,;'@()*[]"
"""What a URL may hold as it is; the rest, control characters included, gets escaped."""
_ID = re.compile(r"[A-Za-z0-9_]{1,255}")
_SUCCEEDED: Final = frozenset({"succeeded", "requires_capture", "processing"})


@attrs.frozen(kw_only=True)
class Challenge:
    """A challenge that waits for its answer. ``return_url`` is the one stored at the intent.

    ``amount`` is None where a card is set up, and nothing is paid.
    """

    intent_id: str
    source: str = attrs.field(repr=False)
    return_url: str | None
    amount: str | None

    @classmethod
    def find(cls, account: Account, intent_id: str, source: str) -> "Challenge | None":
        """Return the intent's challenge if it is open and ``source`` is its own."""
        intent = _read(account, intent_id) if _ID.fullmatch(intent_id) else {}
        match intent.get("next_action"):
            case {"redirect_to_url": {"url": url, "return_url": return_url}}:
                pass
            case {"use_stripe_sdk": {"stripe_js": url}}:
                return_url = None
            case _:
                return None
        (own,) = parse_qs(urlsplit(url).query)["source"]
        if not hmac.compare_digest(own.encode(), source.encode()):
            return None
        is_setup = intent["object"] == "setup_intent"
        amount = None if is_setup else _amount(intent["amount"], intent["currency"])
        return cls(intent_id=intent_id, source=own, return_url=return_url, amount=amount)

    def answer(self, account: Account, *, authenticated: bool) -> str | None:
        """Pass or fail it, and return where the browser goes, if there is such a place.

        That is the return URL with the outcome added as Stripe does, but for
        the client secret: a secret has no place in an address.
        """
        account.answer_challenge(self.intent_id, self.source, authenticated=authenticated)
        if self.return_url is None or self.return_origin is None:
            return None
        status = _read(account, self.intent_id).get("status")
        outcome = "succeeded" if status in _SUCCEEDED else "failed"
        parts = urlsplit(self.return_url)
        kind = "payment_intent" if self.amount is not None else "setup_intent"
        added = f"{kind}={self.intent_id}&redirect_status={outcome}"
        query = f"{parts.query}&{added}" if parts.query else added
        return quote(urlunsplit(parts._replace(query=query)), safe=_URL_CHARACTERS)

    @property
    def return_origin(self) -> str | None:
        """The return URL's scheme and host, or None for what no browser should be sent to."""
        try:
            parts = urlsplit(self.return_url or "")
        except ValueError:  # An address with half of an IPv6 host, say.
            return None
        if parts.scheme not in {"http", "https"} or not _HOST.fullmatch(parts.netloc):
            return None
        return f"{parts.scheme}://{parts.netloc}"


def page(challenge: Challenge) -> str:
    """Render the challenge: two forms, no script, no style, nothing from elsewhere."""
    title, question = (
        ("Confirm your card", "Is it you who saves this card?")
        if challenge.amount is None
        else (
            "Confirm your payment",
            f"Is it you who pays <strong>{escape(challenge.amount)}</strong>?",
        )
    )
    return _html(
        title,
        f"""<p>{question}
This is a simulated 3-D Secure challenge: no bank is asked and no money moves.</p>
{_button(challenge, "complete", "Complete authentication")}
{_button(challenge, "fail", "Fail authentication")}""",
    )


def gone_page() -> str:
    """Render what is shown for a challenge that is answered, expired or never was."""
    return _html(
        "There is nothing to confirm",
        "<p>This challenge has been answered already, or its address is incomplete.</p>",
    )


def closing_page() -> str:
    """Render what is shown after the answer when there is nowhere to return to."""
    return _html("Thank you", "<p>Your answer was taken. You may close this page.</p>")


def page_policy(challenge: Challenge) -> str:
    """Return the policy of a challenge's page: its own forms, and where they lead."""
    # Browsers hold a form to `form-action` also when its answer redirects.
    targets = " ".join(filter(None, ("'self'", challenge.return_origin)))
    return f"{_NOTHING}; form-action {targets}"


def answer_by_secret(
    account: Account, intent_id: str, client_secret: str, *, auth: str | None, authenticated: bool
) -> Response:
    """Pass or fail a challenge as Stripe.js does it, and return the account's answer."""
    # Reading the intent asks for the same key and secret.
    seen = account.request(
        method="GET",
        path=_path(intent_id),
        params={"client_secret": client_secret},
        auth=auth,
    )
    if seen.status != 200:
        return seen
    return account.answer_challenge(intent_id, client_secret, authenticated=authenticated)


def _read(account: Account, intent_id: str) -> Mapping[str, Any]:
    return account.request(method="GET", path=_path(intent_id), params={}, auth=SECRET_KEY).body


def _path(intent_id: str) -> str:
    kind = "setup_intents" if intent_id.startswith("seti_") else "payment_intents"
    return f"/v1/{kind}/{intent_id}"


def _amount(minor: int, currency: str) -> str:
    try:
        return str(Money.of(minor, currency))
    except ValidationFailed:  # The account may know a currency that our core refuses.
        return f"{minor} {currency.upper()}"


def _button(challenge: Challenge, verb: str, label: str) -> str:
    return f"""<form method="post" action="{PREFIX}/challenge/{challenge.intent_id}/{verb}">
<input type="hidden" name="source" value="{escape(challenge.source)}">
<button type="submit">{label}</button>
</form>"""


def _html(title: str, body: str) -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""
