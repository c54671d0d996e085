"""Pages: what templates are rendered with, and the headers that go with them."""

from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files
from secrets import token_urlsafe
from typing import Any, Final

import attrs
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from litestar import MediaType, Request, Response
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.response import Redirect, Template
from litestar.template import TemplateConfig
from markupsafe import Markup

from markethub.entrypoints.console.forgery import FIELD, token_for
from markethub.entrypoints.console.forms import KEY
from markethub.entrypoints.console.notices import NOTICES
from markethub.entrypoints.console.staff import Staff
from markethub.entrypoints.settings import Settings

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing inline, nothing from elsewhere, in no frame."""
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    # Without a referrer at all a browser would not name the origin of a form, either
    # (https://fetch.spec.whatwg.org/#append-a-request-origin-header): it goes to nobody else.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
STATIC_PATH: Final = "/ops/static"
MEDIA_TYPES: Final = {
    "console.css": "text/css",
    "console.js": "text/javascript",
    "htmx.min.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
"""What is served beside the pages."""


@attrs.frozen
class Section:
    """An entry of the navigation."""

    name: str
    path: str
    title: str


NAVIGATION: Final = (
    ("", (Section("overview", "/ops", "Overview"),)),
    (
        "Money",
        (
            Section("payments", "/ops/payments", "Payments"),
            Section("refunds", "/ops/refunds", "Refunds"),
            Section("approvals", "/ops/approvals", "Approvals"),
            Section("disputes", "/ops/disputes", "Disputes"),
            Section("customers", "/ops/customers", "Customers"),
        ),
    ),
    (
        "System",
        (
            Section("events", "/ops/events", "Inbox"),
            Section("deliveries", "/ops/deliveries", "Deliveries"),
            Section("audit", "/ops/audit", "Audit log"),
        ),
    ),
)


def render(
    request: Request[Any, Any, Any],
    template: str,
    *,
    nav: str = "",
    status: int = 200,
    problem: str | None = None,
    **context: Any,  # noqa: ANN401 - whatever the template shows
) -> Template:
    """Return a page.

    ``nav`` names its section; ``problem`` is the sentence that says why what was asked for was
    not done. A notice of what was done is taken from the address: a code, never a text.
    """
    staff: Staff | None = request.scope.get("user")
    done = request.query_params.get("done", "")
    return Template(
        template,
        context={
            "staff": staff,
            "may": staff.may if staff else lambda _: False,
            "nav": nav,
            "notice": NOTICES.get(done) if problem is None else None,
            "problem": problem,
            "form_secret": staff.token if staff else "",
            **context,
        },
        status_code=status,
        media_type=MediaType.HTML,
        headers=HEADERS,
    )


def see_other(path: str, *, done: str | None = None) -> Redirect:
    """Send the browser on to a page of ours, after something was done (``notices.NOTICES``)."""
    assert done is None or done in NOTICES, "a notice is registered"
    mark = "&" if "?" in path else "?"
    return Redirect(f"{path}{mark}done={done}" if done else path, status_code=303)


def led_to(request: Request[Any, Any, Any], path: str) -> Response[Any]:
    """Send the browser on to what was looked for; the whole page, also where htmx asked."""
    if request.headers.get("HX-Request") == "true":
        return Response("", headers={"HX-Redirect": path})
    return see_other(path)


def static_file(name: str) -> bytes:
    """Return what is served under that name (of ``MEDIA_TYPES``)."""
    return files("markethub.entrypoints.console").joinpath("static", name).read_bytes()


def templates(settings: Settings) -> TemplateConfig[JinjaTemplateEngine]:
    """Return the engine of the console's pages."""
    return TemplateConfig(instance=_engine(settings.mode, settings.gateway))


@cache  # Templates are compiled once, however many applications a process makes.
def _engine(mode: str, gateway: str) -> JinjaTemplateEngine:
    environment = Environment(
        loader=PackageLoader("markethub.entrypoints.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    versions = {name: sha256(static_file(name)).hexdigest()[:12] for name in MEDIA_TYPES}
    environment.globals.update(
        static=lambda name: f"{STATIC_PATH}/{name}?v={versions[name]}",
        navigation=NAVIGATION,
        mode=mode,
        gateway=gateway,
        csrf_field=_csrf_field,
        once_field=_once_field,
        local=_local,
    )
    return JinjaTemplateEngine.from_environment(environment)


@pass_context
def _csrf_field(context: Context) -> Markup:
    """Return the hidden field that shows that a form is of this session."""
    token = token_for(context["form_secret"])
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, token)


def _once_field() -> Markup:
    """Return the hidden field that makes a form that is sent twice one action."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(KEY, token_urlsafe(16))


def _local(moment: datetime) -> dict[str, str]:
    """Return how a moment is written: for machines, for people, and in full."""
    at = moment.astimezone(UTC)
    return {
        "machine": at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "short": f"{at:%Y-%m-%d %H:%M}",
        "exact": f"{at:%Y-%m-%d %H:%M:%S}",
        "full": f"{at:%A, %d %B %Y, %H:%M:%S} UTC",
    }
