"""Refusals as pages: a sentence, and a way on."""

from http import HTTPStatus
from typing import Any, Final

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.response import Redirect
from litestar.types import ExceptionHandlersMap

from markethub.domain.errors import PaymentsError
from markethub.entrypoints.console.guard import SignInNeeded
from markethub.entrypoints.console.pages import render
from markethub.entrypoints.http.errors import PROBLEM_CODE_KEY, HttpProblem, status_of

_TITLES: Final = {
    400: "That cannot be understood",
    403: "This is not yours to do",
    404: "There is no such page",
    405: "That does not work here",
    409: "That is not possible now",
    413: "That is too large",
    422: "The amounts do not fit",
    429: "Too many requests",
    502: "The payment provider refused it",
    503: "Not now",
}
_SENTENCES: Final = {
    400: "The address or the form holds something that is not expected there.",
    403: "Your role may not do this.",
    404: "Nothing is at this address.",
    405: "This page is to be opened, or its form to be sent, in another way.",
    413: "What was sent is larger than what is taken.",
}
"""For what only the framework has refused: its own words may repeat what was sent."""
_OURS: Final = "Something went wrong on our side. It is in the log under the request's id."

_log = structlog.get_logger(__name__)


def sentence(error: PaymentsError | HttpProblem) -> str:
    """Return what an error of ours says, as a sentence."""
    text = str(error).strip()
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def problem_of(error: PaymentsError | HttpProblem) -> tuple[int, str]:
    """Return the status and the sentence with which a page is rendered again."""
    status = error.status if isinstance(error, HttpProblem) else status_of(error)
    return status, sentence(error) if status != HTTPStatus.INTERNAL_SERVER_ERROR else _OURS


def _page(
    request: Request[Any, Any, Any],
    status: int,
    text: str,
    *,
    headers: dict[str, str] | None = None,
) -> Response[Any]:
    page = render(
        request,
        "error.html",
        status=status,
        title=_TITLES.get(status, "Something went wrong"),
        text=text,
    )
    page.headers.update(headers or {})
    return page


def _sign_in_needed(request: Request[Any, Any, Any], error: SignInNeeded) -> Response[Any]:
    if request.headers.get("HX-Request") == "true":
        # A fragment cannot sign in: the whole page goes there.
        return Response("", status_code=401, headers={"HX-Redirect": error.location})
    return Redirect(error.location, status_code=303)


def _http_problem(request: Request[Any, Any, Any], error: HttpProblem) -> Response[Any]:
    request.scope["state"][PROBLEM_CODE_KEY] = error.code
    return _page(request, error.status, sentence(error), headers=error.headers)


def _payments_error(request: Request[Any, Any, Any], error: PaymentsError) -> Response[Any]:
    status, text = problem_of(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return _unexpected(request, error)
    request.scope["state"][PROBLEM_CODE_KEY] = error.code
    return _page(request, status, text)


def _litestar_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _unexpected(request, error)
    text = _SENTENCES.get(error.status_code, f"{HTTPStatus(error.status_code).phrase}.")
    return _page(request, error.status_code, text, headers=dict(error.headers or {}))


def _unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    template = request.scope.get("path_template", "")
    _log.error("console.unexpected", route=template, method=request.method, exc_info=error)
    return _page(request, HTTPStatus.INTERNAL_SERVER_ERROR, _OURS)


EXCEPTION_HANDLERS: Final[ExceptionHandlersMap] = {
    SignInNeeded: _sign_in_needed,
    HttpProblem: _http_problem,
    PaymentsError: _payments_error,
    HTTPException: _litestar_error,
    Exception: _unexpected,
}
