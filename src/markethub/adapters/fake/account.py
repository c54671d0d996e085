"""The entrance of the simulated Stripe account: who asks, which key, what is saved, what is due.

``Account.request`` is the only way in for the API, whatever stands before it: an HTTP door that
decodes forms, or a gateway in the same process. Deterministic: equal histories give equal ids,
answers and events.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import attrs

from markethub.adapters.fake import (
    confirmations,
    errors,
    events,
    idempotency,
    objects,
    parameters,
    payment_intents,
    routes,
    schedule,
    setup_confirmations,
    setup_intents,
    setup_objects,
)
from markethub.adapters.fake.errors import ApiError
from markethub.adapters.fake.execution import CLOCK, COUNTER, META, SEED, Execution, token
from markethub.adapters.fake.expansion import expand
from markethub.adapters.fake.faults import Fault, Faults
from markethub.adapters.fake.idempotency import Saved
from markethub.adapters.fake.options import AccountOptions
from markethub.adapters.fake.routes import Route
from markethub.adapters.fake.store import AccountStore, JsonObject

__all__ = ["Account", "AccountOptions", "Fault", "Response"]

_T = TypeVar("_T")


_NOUNS: Final = {payment_intents.KIND: "PaymentIntent", setup_intents.KIND: "SetupIntent"}
_BROWSER_SEES: Final = {
    payment_intents.KIND: objects.PUBLISHABLE_FIELDS,
    setup_intents.KIND: setup_objects.PUBLISHABLE_FIELDS,
}


@attrs.frozen(kw_only=True)
class Response:
    """An answer. ``body`` is Stripe's JSON; it is shared with the account: do not change it."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any] = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class _Request:
    """A request as it came in."""

    id: str
    at: int
    method: str
    path: str
    params: dict[str, parameters.Param] = attrs.field(repr=False)
    key: str | None
    auth: str | None = attrs.field(repr=False)
    version: str | None


@attrs.frozen(kw_only=True)
class _Call:
    """A request whose sender is known and whose endpoint was found."""

    request: _Request
    route: Route
    ids: tuple[str, ...]
    is_publishable: bool


class Account:
    """One account over one store. Several, in several processes, may share a store."""

    def __init__(self, *, store: AccountStore, options: AccountOptions | None = None) -> None:
        """Take the store and the account's habits. Touches neither before it is asked."""
        self._store = store
        self._options = options or AccountOptions()
        self._known_seed: str | None = None
        self._requests = 0
        self._faults = Faults(key_in_use_type=self._options.key_in_use_type)

    # --- the API ------------------------------------------------------------------------------

    def request(
        self,
        *,
        method: str,
        path: str,
        params: Mapping[str, object] | None = None,
        key: str | None = None,
        auth: str | None = None,
        version: str | None = None,
    ) -> Response:
        """Answer an API request. Never raises for what a caller can do wrong.

        ``params`` are nested mappings and lists of strings, as a form says them, or of integers
        and booleans. ``auth`` is the bearer token: a secret key, or the publishable key, which
        opens what a browser may do to the object whose ``client_secret`` is among ``params``.
        """
        now = self.now
        request = _Request(
            id=self._request_id(now),
            at=now,
            method=method,
            path=path.rstrip("/"),
            params=parameters.decoded(params or {}),
            key=key or None,
            auth=auth,
            version=version,
        )
        try:
            call = self._admit(request)
            if method == "POST":
                return self._post(call)
            return Response(status=200, headers=self._headers(request), body=self._run(call))
        except ApiError as error:
            headers = {**self._headers(request), **error.headers}
            is_publishable = auth == self._options.publishable_key
            body = _shown(error.body, is_publishable=is_publishable)
            return Response(status=error.status, headers=headers, body=body)

    def answer_challenge(
        self, intent_id: str, client_secret: str, *, authenticated: bool
    ) -> Response:
        """Complete or fail a 3-D Secure challenge, as the customer does on its page.

        ``client_secret`` is the intent's, or the ``source`` from the challenge's address. The
        answer is the intent as a browser sees it, also when the card was declined afterwards;
        an error only where there is no such challenge.
        """
        now = self.now
        request_id = self._request_id(now)
        headers = {"Request-Id": request_id, "Stripe-Version": self._options.api_version}
        try:
            with self._store.atomic():
                execution = self._execution(now, request_id=request_id, is_publishable=True)
                is_setup = intent_id.startswith("seti_")
                machine = setup_confirmations if is_setup else confirmations
                load = setup_intents.load if is_setup else payment_intents.load
                intent = load(execution, intent_id)
                if not machine.is_challenge_of(execution, intent, client_secret):
                    raise errors.wrong_client_secret(_NOUNS[intent["object"]])
                try:
                    intent = machine.answer_challenge(
                        execution, intent, authenticated=authenticated
                    )
                except confirmations.Declined:
                    intent = load(execution, intent_id)
                execution.finish()
        except ApiError as error:
            body = _shown(error.body, is_publishable=True)
            return Response(status=error.status, headers={**headers, **error.headers}, body=body)
        return Response(status=200, headers=headers, body=_shown(intent, is_publishable=True))

    # --- the clock ----------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """The account's time, in Unix seconds."""
        kept = self._store.get(META, CLOCK)
        return self._options.start if kept is None else int(kept["value"])

    def advance(self, to: int) -> None:
        """Move the clock forward and do what is due by then, each thing at its own time.

        A time that is past moves nothing; what is due is done all the same.
        """
        now = self.now
        if to <= now and not schedule.is_anything_due(self._store, until=now):
            return
        with self._store.atomic():
            to = max(to, self.now)
            agenda = schedule.Agenda(self._store, until=to)
            while (entry := agenda.next()) is not None:
                self._set_clock(max(entry["at"], self.now))
                execution = self._execution(self.now)
                schedule.run(execution, entry)
                execution.finish()
                agenda.add(execution.scheduled)
            self._set_clock(to)

    # --- what happens without a request -------------------------------------------------------

    def act(self, deed: Callable[[Execution], _T]) -> _T:
        """Let something happen now that no request asked for: whole or, if it raises, not at all.

        That is what banks and card networks do, or the merchant in the provider's dashboard:
        see ``bank.Bank`` and ``network``.
        """
        with self._store.atomic():
            execution = self._execution(self.now)
            result = deed(execution)
            execution.finish()
        return result

    # --- deliveries ---------------------------------------------------------------------------

    def undelivered(self, limit: int) -> list[JsonObject]:
        """Return at most ``limit`` events that are due for delivery, the oldest first."""
        return events.undelivered(self._store, now=self.now, limit=limit)

    def claim_undelivered(self, limit: int, *, lease_s: int) -> list[JsonObject]:
        """Return the same, and keep it from every other caller for ``lease_s`` seconds.

        What is neither marked nor rescheduled by then is due again.
        """
        if not self.undelivered(1):
            return []  # without the store's write lock, for this is asked many times a second
        with self._store.atomic():
            return events.claim(self._store, now=self.now, limit=limit, lease_s=lease_s)

    def mark_delivered(self, event_id: str) -> None:
        """Note that the event was taken: it is not due any more."""
        with self._store.atomic():
            events.mark_delivered(self._store, event_id)

    def reschedule(self, event_id: str) -> int | None:
        """Note that the event was not taken; return when it is due again.

        The wait doubles each time, up to an hour; after three days the event is given up (None).
        """
        with self._store.atomic():
            return events.reschedule(self._store, event_id, now=self.now)

    # --- faults -------------------------------------------------------------------------------

    def provoke(self, fault: Fault | str, *, times: int = 1, reason: str = "global-rate") -> None:
        """Let the next ``times`` POST requests of known callers meet a fault, then no more.

        A stored 500 waits for a request that executes. ``reason`` is what
        Stripe-Rate-Limited-Reason says. Known to this process only. Raises ValueError for a
        fault that there is not.
        """
        self._faults.add(Fault(fault), times=times, reason=reason)

    def calm(self) -> None:
        """Let no request meet what was provoked and has not come yet."""
        self._faults.clear()

    # --- admission ----------------------------------------------------------------------------

    def _admit(self, request: _Request) -> _Call:
        """Find out who asks for what. Raises ApiError; nothing of it is saved under a key."""
        if not request.auth:
            raise errors.no_key()
        is_publishable = request.auth == self._options.publishable_key
        if not is_publishable and request.auth not in self._options.secret_keys:
            raise errors.wrong_key(request.auth)
        route, ids = routes.match(request.method, request.path)
        if is_publishable and not route.publishable:
            raise errors.secret_key_required()
        if request.version not in (None, self._options.api_version):
            raise errors.wrong_version(str(request.version))
        if request.key is not None and len(request.key) > idempotency.KEY_LENGTH_MAXIMUM:
            raise errors.key_too_long()
        call = _Call(request=request, route=route, ids=ids, is_publishable=is_publishable)
        if route.secret_of is not None:
            self._check_client_secret(call, route.secret_of)
        return call

    def _check_client_secret(self, call: _Call, kind: str) -> None:
        given = call.request.params.get("client_secret")
        if given is None and call.is_publishable:
            raise errors.secret_key_required()
        if given is None:
            return
        value = self._store.get(kind, call.ids[0])
        # A browser is not told which ids there are.
        if value is None or value["client_secret"] != given:
            raise errors.wrong_client_secret(_NOUNS[kind])

    # --- execution ----------------------------------------------------------------------------

    def _post(self, call: _Call) -> Response:
        request = call.request
        headers = self._headers(request)
        self._faults.refuse(request.key)
        if request.key is None:
            with self._store.atomic():
                answer, more = self._attempt(call)
            return Response(status=answer.status, headers={**headers, **more}, body=answer.body)
        keys = idempotency.Keys(store=self._store, now=request.at)
        hashed = idempotency.fingerprint(request.params, is_publishable=call.is_publishable)
        with self._store.atomic():
            answer_kept = keys.find(request.key, path=request.path, params_hash=hashed)
            if answer_kept is None:
                answer, more = self._attempt(call)
                keys.save(request.key, answer, path=request.path, params_hash=hashed)
            else:
                answer, more = answer_kept, {"Idempotent-Replayed": "true"}
        more = {**more, "Original-Request": answer.request_id}
        return Response(status=answer.status, headers={**headers, **more}, body=answer.body)

    def _attempt(self, call: _Call) -> tuple[Saved, Mapping[str, str]]:
        """Execute; return what is saved under the key, and headers of this answer only.

        Raises ApiError for parameters that are wrong in themselves: then nothing is saved.
        """
        given = self._parsed(call)
        headers: Mapping[str, str] = {}
        try:
            # An inner block: an error takes its effects back, but is saved itself.
            with self._store.atomic():
                status, body, headers = self._execute(call, given)
        except ApiError as error:
            status, body, headers = error.status, error.body, error.headers
            body = _shown(body, is_publishable=call.is_publishable)
        spoiled = self._faults.spoil()
        if spoiled is not None:
            status, body, headers = spoiled.status, spoiled.body, spoiled.headers
        return Saved(status=status, body=body, request_id=call.request.id), headers

    def _run(self, call: _Call) -> dict[str, Any]:
        """Answer what is idempotent by nature: reads and deletions. Raises ApiError."""
        given = self._parsed(call)
        if call.route.method == "GET":
            return self._execute(call, given)[1]
        with self._store.atomic():
            return self._execute(call, given)[1]

    def _parsed(self, call: _Call) -> dict[str, Any]:
        return parameters.parsed(call.request.params, call.route.spec, required=call.route.required)

    def _execute(
        self, call: _Call, given: dict[str, Any]
    ) -> tuple[int, dict[str, Any], Mapping[str, str]]:
        execution = self._execution(
            call.request.at,
            request_id=call.request.id,
            key=call.request.key,
            is_publishable=call.is_publishable,
        )
        try:
            value = call.route.handler(execution, given, *call.ids)
        except confirmations.Declined as declined:
            # What the account recorded of the attempt stays.
            execution.finish()
            answer = declined.answer
            body = _shown(answer.body, is_publishable=call.is_publishable)
            return answer.status, body, answer.headers
        value = expand(execution, value, given.get("expand", ()))
        execution.finish()
        return 200, _shown(value, is_publishable=call.is_publishable), {}

    def _execution(
        self,
        now: int,
        *,
        request_id: str | None = None,
        key: str | None = None,
        is_publishable: bool = False,
    ) -> Execution:
        return Execution(
            store=self._store,
            options=self._options,
            seed=self._seed,
            now=now,
            request_id=request_id,
            idempotency_key=key,
            is_publishable=is_publishable,
        )

    # --- details ------------------------------------------------------------------------------

    def _headers(self, request: _Request) -> dict[str, str]:
        headers = {"Request-Id": request.id, "Stripe-Version": self._options.api_version}
        return headers if request.key is None else {**headers, "Idempotency-Key": request.key}

    def _request_id(self, now: int) -> str:
        # Not stored: a read is to write nothing. The stored counter keeps processes apart.
        self._requests += 1
        made = self._store.get(META, COUNTER)
        purpose = f"request:{now}:{made['value'] if made else 0}:{self._requests}"
        return f"req_{token(self._seed, purpose, length=14)}"

    @property
    def _seed(self) -> str:
        """The store's seed; the options' becomes it where there is none."""
        if self._known_seed is None:
            with self._store.atomic():
                kept = self._store.get(META, SEED)
                if kept is None:
                    kept = {"value": self._options.seed}
                    self._store.put(META, SEED, kept)
            self._known_seed = kept["value"]
        return self._known_seed

    def _set_clock(self, to: int) -> None:
        self._store.put(META, CLOCK, {"value": to})


def _shown(body: JsonObject, *, is_publishable: bool) -> dict[str, Any]:
    """Return an answer as its reader may see it: a browser sees a part of an intent."""
    if not is_publishable:
        return dict(body)
    error = body.get("error")
    if error is not None:
        parts = {
            kind: _shown(error[kind], is_publishable=True)
            for kind in _BROWSER_SEES
            if kind in error
        }
        return {"error": {**error, **parts}}
    visible = _BROWSER_SEES.get(body.get("object", ""))
    return {name: body[name] for name in body if visible is None or name in visible}
