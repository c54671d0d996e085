"""Errors as RFC 9457 problem details: the one table from the core's errors to HTTP."""

from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap

from markethub.domain import errors
from markethub.domain.errors import PaymentsError

PROBLEM_TYPE: Final = "application/problem+json"
"""RFC 9457 section 3."""
PROBLEM_CODE_KEY: Final = "markethub_problem_code"
"""Where the request's scope keeps the code of the problem it was answered with."""

_log = structlog.get_logger(__name__)

STATUS_OF: Final[dict[type[PaymentsError], int]] = {
    errors.PaymentsError: 500,
    errors.Refused: 409,
    errors.ValidationFailed: 400,
    errors.AmountTooSmall: 422,
    errors.AmountTooLarge: 422,
    errors.AmountMismatch: 422,
    errors.NotFound: 404,
    errors.InvalidTransition: 409,
    errors.OrderAlreadyPaid: 409,
    errors.PaymentQuarantined: 409,
    errors.PaymentNotRefundable: 409,
    errors.RefundExceedsCaptured: 409,
    errors.RefundUnresolved: 409,
    errors.PlanChanged: 409,
    errors.PlanOutdated: 409,
    errors.ApprovalRequired: 409,
    errors.ApprovalRejected: 409,
    errors.SecondPersonRequired: 409,
    errors.PaymentDisputed: 409,
    errors.EvidencePastDue: 409,
    errors.TooManyDeclines: 429,
    errors.KeyReused: 422,
    errors.InvalidSignature: 400,
    errors.GatewayRejected: 502,
    errors.TryAgain: 503,
    errors.RequestInProgress: 409,
    errors.GatewayUnavailable: 503,
    errors.StaleWrite: 409,
    errors.StoreUnavailable: 503,
    errors.CommitUnknown: 503,
    errors.Misconfigured: 500,
}
"""The nearest class of an error's own tree decides."""

_CODE_OF_STATUS: Final = {
    400: "validation_failed",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "payload_too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
}

_RETRY_AFTER_S: Final = 1
"""For whoever met another request at work: these take a few round trips to the provider."""


class FieldProblem(msgspec.Struct, frozen=True):
    """One offending value: its dotted path, and what is wrong with it."""

    field: str
    message: str


class Problem(msgspec.Struct, frozen=True):
    """The body of every error."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldProblem] | msgspec.UnsetType = msgspec.UNSET
    approval_id: str | msgspec.UnsetType = msgspec.UNSET


class HttpProblem(Exception):
    """A refusal that only HTTP knows: who is calling, how often, and in what form."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: dict[str, str] | None = None,
        fields: tuple[FieldProblem, ...] = (),
        approval_id: str | None = None,
    ) -> None:
        """Take the status, the stable code and one sentence that is safe to show."""
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers or {}
        self.fields = fields
        self.approval_id = approval_id


def invalid(field: str, message: str) -> HttpProblem:
    """Return the problem of a malformed value. ``message`` must not repeat the value."""
    return HttpProblem(
        400,
        "validation_failed",
        f"{field}: {message}" if field else message,
        fields=(FieldProblem(field=field, message=message),),
    )


def status_of(error: PaymentsError) -> int:
    """Return the HTTP status of an error of the core."""
    return next(STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF)


def _response(problem: HttpProblem, request: Request[Any, Any, Any]) -> Response[Problem]:
    request.scope["state"][PROBLEM_CODE_KEY] = problem.code
    return Response(
        Problem(
            type=f"urn:markethub:problem:{problem.code}",
            title=problem.code.replace("_", " ").capitalize(),
            status=problem.status,
            detail=problem.detail,
            code=problem.code,
            errors=list(problem.fields) or msgspec.UNSET,
            approval_id=problem.approval_id or msgspec.UNSET,
        ),
        status_code=problem.status,
        media_type=PROBLEM_TYPE,
        headers=problem.headers,
    )


def _http_problem(request: Request[Any, Any, Any], error: HttpProblem) -> Response[Problem]:
    return _response(error, request)


def _payments_error(request: Request[Any, Any, Any], error: PaymentsError) -> Response[Problem]:
    status = status_of(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return _unexpected(request, error)
    fields: tuple[FieldProblem, ...] = ()
    headers: dict[str, str] = {}
    approval_id: str | None = None
    match error:
        case errors.ApprovalRequired(is_anothers=False):
            approval_id = error.approval_id  # of another refund it would say that this one waits
        case errors.ValidationFailed(field=field, message=message):
            fields = (FieldProblem(field=field, message=message),)
        case errors.TooManyDeclines() | errors.GatewayUnavailable():
            headers["Retry-After"] = str(error.retry_after_s)
        case errors.TryAgain():
            headers["Retry-After"] = str(_RETRY_AFTER_S)
        case _:
            pass
    problem = HttpProblem(
        status, error.code, str(error), headers=headers, fields=fields, approval_id=approval_id
    )
    return _response(problem, request)


def _litestar_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _unexpected(request, error)
    status = HTTPStatus(error.status_code)
    fields = _parameters(error) if isinstance(error, ValidationException) else ()
    problem = HttpProblem(
        status,
        _CODE_OF_STATUS.get(status, "bad_request"),
        # The framework's own sentence may repeat what was sent: only the status is passed on.
        f"{fields[0].field}: {fields[0].message}" if fields else f"{status.phrase}.",
        headers=dict(error.headers or {}),
        fields=fields,
    )
    return _response(problem, request)


def _parameters(error: ValidationException) -> tuple[FieldProblem, ...]:
    """Name the offending query parameters."""
    details = error.extra if isinstance(error.extra, list) else []
    return tuple(
        FieldProblem(field=str(detail.get("key", "")), message="is not what is asked for")
        for detail in details
    )


def _unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    template = request.scope.get("path_template", "")
    _log.error("http.unexpected", route=template, method=request.method, exc_info=error)
    return _response(
        HttpProblem(500, "internal_error", "Something went wrong on our side."), request
    )


EXCEPTION_HANDLERS: Final[ExceptionHandlersMap] = {
    HttpProblem: _http_problem,
    PaymentsError: _payments_error,
    HTTPException: _litestar_error,
    Exception: _unexpected,
}
