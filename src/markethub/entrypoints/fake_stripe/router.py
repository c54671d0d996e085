"""The door's routes. None of them is part of our own API, so none is in its description."""

from typing import Final

from litestar import MediaType, Request, Response, Router, asgi, get, post, route
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException, NotFoundException
from litestar.handlers import ASGIRouteHandler, HTTPRouteHandler
from litestar.params import FromPath
from litestar.types import Receive, Scope, Send

from markethub.adapters.fake.account import Account
from markethub.entrypoints.fake_stripe import api, challenge
from markethub.entrypoints.fake_stripe.challenge import Challenge
from markethub.entrypoints.fake_stripe.stripe_js import browsers_headers, stripe_js_routes

_ANSWERS: Final = {"complete": True, "fail": False}


def fake_stripe_router(account: Account) -> Router:
    """Return the door of ``account``: Stripe's API and the pages of its challenges.

    It belongs to the server's root, for the account names its addresses.
    """
    return Router(
        challenge.PREFIX,
        route_handlers=[
            *stripe_js_routes(),
            _api(account),
            _page(account),
            _answer(account),
            _may_answer,
        ],
        exception_handlers={
            api.RequestRefused: api.refused,
            HTTPException: api.not_served,
            Exception: api.failed,
        },
        include_in_schema=False,
    )


def _api(account: Account) -> ASGIRouteHandler:
    # A mount, so that every method and path reaches the account: it alone knows its endpoints.
    @asgi("/v1", is_mount=True, copy_scope=False)
    async def stripe_api(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            raise NotFoundException
        # A mount has no template of its own: without one, it counts as a route that is not there.
        scope["path_template"] = f"{challenge.PREFIX}/v1"
        path = ("/v1" + scope["path"]).rstrip("/")
        shared = browsers_headers(path)
        if scope["method"] == "OPTIONS" and shared:
            response = Response(b"", status_code=204, headers=dict(shared))
        else:
            response = api.encoded(await api.ask(account, scope, receive, path=path))
            response.headers.update(shared)
        asgi_response = response.to_asgi_response(app=None, request=Request(scope))
        await asgi_response(scope, receive, send)

    return stripe_api


def _page(account: Account) -> HTTPRouteHandler:
    @get("/challenge/{intent_id:str}", sync_to_thread=False)
    def challenge_page(intent_id: FromPath[str], request: api.AnyRequest) -> Response[str]:
        found = Challenge.find(account, intent_id, request.query_params.get("source", ""))
        if found is None:
            return _html(challenge.gone_page(), status=404)
        return _html(challenge.page(found), policy=challenge.page_policy(found))

    return challenge_page


def _answer(account: Account) -> HTTPRouteHandler:
    @post("/challenge/{intent_id:str}/{verb:str}")
    async def answer_challenge(
        intent_id: FromPath[str], verb: FromPath[str], request: api.AnyRequest
    ) -> Response[str] | Response[bytes]:
        authenticated = _ANSWERS.get(verb)
        if authenticated is None:
            raise NotFoundException
        params = await api.read_params(request.scope, request.receive)
        if "source" not in params:
            response = api.encoded(
                challenge.answer_by_secret(
                    account,
                    intent_id,
                    str(params.get("client_secret", "")),
                    auth=api.api_key(request.headers.get("authorization")),
                    authenticated=authenticated,
                )
            )
            response.headers.update(browsers_headers(f"/challenge/{intent_id}/{verb}"))
            return response
        found = Challenge.find(account, intent_id, str(params["source"]))
        if found is None:
            return _html(challenge.gone_page(), status=404)
        target = found.answer(account, authenticated=authenticated)
        if target is None:
            return _html(challenge.closing_page())
        return Response("", status_code=303, headers={"location": target})

    return answer_challenge


@route("/challenge/{intent_id:str}/{verb:str}", http_method="OPTIONS", sync_to_thread=False)
def _may_answer(intent_id: FromPath[str], verb: FromPath[str]) -> Response[bytes]:
    """Tell a browser that the stand-in's frame may answer a challenge."""
    headers = dict(browsers_headers(f"/challenge/{intent_id}/{verb}"))
    return Response(b"", status_code=204, headers=headers)


def _html(text: str, *, status: int = 200, policy: str = challenge.NO_FORMS) -> Response[str]:
    return Response(
        text,
        status_code=status,
        media_type=MediaType.HTML,
        headers={
            "content-security-policy": policy,
            "cache-control": "no-store",
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
        },
    )
