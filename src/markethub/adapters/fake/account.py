"""The entrance of the simulated Stripe account: who asks, which key, what is saved, what is due.

``Account.request`` is the only way in for the API, whatever stands before it: an HTTP door that
decodes forms, or a gateway in the same process. Deterministic: equal histories give equal ids,
answers and events.
"""

from collections import deque
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

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
)
from markethub.adapters.fake.errors import ApiError
from markethub.adapters.fake.execution import CLOCK, COUNTER, META, SEED, Execution, token
from markethub.adapters.fake.expansion import expand
from markethub.adapters.fake.idempotency import Saved
from markethub.adapters.fake.options import AccountOptions
from markethub.adapters.fake.routes import Route
from markethub.adapters.fake.store import AccountStore, JsonObject

__all__ = ["Account", "AccountOptions", "Fault", "Response"]


@attrs.frozen(kw_only=True)
class Response:
    """An answer. ``body`` is Stripe's JSON; it is shared with the account: do not change it."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any] = attrs.field(repr=False)


class Fault(StrEnum):
    """What Stripe itself does wrong, or refuses, now and then."""

    STORED_500 = "stored_500"
    """The effect takes place; the answer is a 500, and it is saved under the key."""
    RATE_LIMITED = "rate_limited"
    """429 with the header that says which limit. Nothing happens, nothing is saved."""
    RATE_LIMITED_UNEXPLAINED = "rate_limited_unexplained"
    """The same without that header."""
    LOCK_TIMEOUT = "lock_timeout"
    """429: another request holds the object. Nothing happens, nothing is saved."""
    KEY_IN_USE = "key_in_use"
    """409: the same key is in flight. Nothing happens, nothing is saved."""


@attrs.frozen(kw_only=True)
class _Call:
    """A request whose sender is known and whose endpoint was found."""

    route: Route
    path: str
    ids: tuple[str, ...]
    params: dict[str, parameters.Param]
    key: str | None
    is_publishable: bool
    request_id: str
    now: int


class Account:
    """One account over one store. Several, in several processes, may share a store."""

    def __init__(self, *, store: AccountStore, options: AccountOptions | None = None) -> None:
        """Take the store and the account's habits. Touches neither before it is asked."""
        self._store = store
        self._options = options or AccountOptions()
        self._known_seed: str | None = None
        self._requests = 0
        self._faults: deque[tuple[Fault, str]] = deque()

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
        request_id = self._request_id(now)
        decoded = parameters.decoded(params or {})
        try:
            call = self._admit(method, path, decoded, key, auth, version, request_id, now)
            if method != "POST":
                return self._answer(call, 200, self._run(call))
            return self._post(call)
        except ApiError as error:
            headers = {**self._headers(request_id, key), **error.headers}
            return Response(status=error.status, headers=headers, body=error.body)

    def answer_challenge(
        self, intent_id: str, client_secret: str, *, authenticated: bool
    ) -> Response:
        """Complete or fail a 3-D Secure challenge, as the customer does on its page.

        ``client_secret`` is the intent's, or the ``source`` from the challenge's address. The
        answer is the intent as a browser sees it, also when the card was declined afterwards;
        an error only where there is no such challenge.
        """
        request_id = self._request_id(self.now)
        headers = self._headers(request_id, None)
        try:
            with self._store.atomic():
                execution = self._execution(self.now, request_id=request_id, is_publishable=True)
                intent = payment_intents.load(execution, intent_id)
                if not confirmations.is_challenge_of(execution, intent, client_secret):
                    raise errors.wrong_client_secret("PaymentIntent")
                try:
                    intent = confirmations.answer_challenge(
                        execution, intent, authenticated=authenticated
                    )
                except confirmations.Declined:
                    intent = payment_intents.load(execution, intent_id)
                execution.finish()
        except ApiError as error:
            return Response(
                status=error.status, headers={**headers, **error.headers}, body=error.body
            )
        return Response(status=200, headers=headers, body=_for_browsers(intent))

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
        if to <= self.now and schedule.next_due(self._store, until=self.now) is None:
            return
        with self._store.atomic():
            to = max(to, self.now)
            while (entry := schedule.next_due(self._store, until=to)) is not None:
                self._set_clock(max(entry["at"], self.now))
                execution = self._execution(self.now)
                schedule.run(execution, entry)
                execution.finish()
            self._set_clock(to)

    # --- deliveries ---------------------------------------------------------------------------

    def undelivered(self, limit: int) -> list[JsonObject]:
        """Return at most ``limit`` events that are due for delivery, the oldest first."""
        return events.undelivered(self._store, now=self.now, limit=limit)

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
        """Let the next ``times`` POST requests that are well-formed meet a fault, then no more.

        ``reason`` is Stripe-Rate-Limited-Reason's. Known to this process only. Raises ValueError
        for a fault that there is not.
        """
        self._faults.extend([(Fault(fault), reason)] * times)

    # --- admission ----------------------------------------------------------------------------

    def _admit(
        self,
        method: str,
        path: str,
        params: dict[str, parameters.Param],
        key: str | None,
        auth: str | None,
        version: str | None,
        request_id: str,
        now: int,
    ) -> _Call:
        if not auth:
            raise errors.no_key()
        is_publishable = auth == self._options.publishable_key
        if not is_publishable and auth not in self._options.secret_keys:
            raise errors.wrong_key(auth)
        route, ids = routes.match(method, path)
        if is_publishable and not route.publishable:
            raise errors.secret_key_required()
        if version not in (None, self._options.api_version):
            raise errors.wrong_version(str(version))
        if key is not None and len(key) > idempotency.KEY_LENGTH_MAXIMUM:
            raise errors.key_too_long()
        call = _Call(
            route=route,
            path=path.rstrip("/"),
            ids=ids,
            params=params,
            key=key or None,
            is_publishable=is_publishable,
            request_id=request_id,
            now=now,
        )
        self._check_client_secret(call)
        return call

    def _check_client_secret(self, call: _Call) -> None:
        kind, given = call.route.secret_of, call.params.get("client_secret")
        if kind is None or (given is None and not call.is_publishable):
            return
        if given is None:
            raise errors.secret_key_required()
        execution = self._execution(call.now, is_publishable=call.is_publishable)
        if payment_intents.load(execution, call.ids[0])["client_secret"] != given:
            raise errors.wrong_client_secret("PaymentIntent")

    # --- execution ----------------------------------------------------------------------------

    def _post(self, call: _Call) -> Response:
        hashed = idempotency.fingerprint(call.params) if call.key else ""
        fault, reason = self._faults[0] if self._faults else (None, "")
        refusal = self._refusal(fault, reason, call.key)
        if refusal is not None:
            self._faults.popleft()
            raise refusal
        with self._store.atomic():
            if call.key:
                saved = idempotency.find(
                    self._store, call.key, path=call.path, params_hash=hashed, now=call.now
                )
                if saved is not None:
                    return self._answer(call, saved.status, saved.body, original=saved.request_id)
            given = self._parse(call)
            try:
                # An inner block: an error takes its effects back, but is saved itself.
                with self._store.atomic():
                    status, body, headers = self._execute(call, given)
            except ApiError as error:
                status, body, headers = error.status, error.body, error.headers
            if fault is Fault.STORED_500:
                self._faults.popleft()
                failure = errors.server_error()
                status, body, headers = failure.status, failure.body, failure.headers
            if call.key:
                answer = Saved(status=status, body=body, request_id=call.request_id)
                idempotency.save(
                    self._store,
                    call.key,
                    answer,
                    path=call.path,
                    params_hash=hashed,
                    now=call.now,
                )
        return self._answer(call, status, body, headers=headers)

    def _refusal(self, fault: Fault | None, reason: str, key: str | None) -> ApiError | None:
        match fault:
            case Fault.RATE_LIMITED:
                return errors.rate_limited(reason)
            case Fault.RATE_LIMITED_UNEXPLAINED:
                return errors.rate_limited(None)
            case Fault.LOCK_TIMEOUT:
                return errors.lock_timeout()
            case Fault.KEY_IN_USE:
                return errors.key_in_use(key, type=self._options.key_in_use_type)
            case Fault.STORED_500 | None:
                return None

    def _run(self, call: _Call) -> JsonObject:
        """Answer what is idempotent by nature: reads and deletions."""
        given = self._parse(call)
        if call.route.method == "GET":
            return self._execute(call, given)[1]
        with self._store.atomic():
            return self._execute(call, given)[1]

    def _parse(self, call: _Call) -> dict[str, Any]:
        parsed: dict[str, Any] = parameters.parsed(
            call.params, call.route.spec, required=call.route.required
        )
        return parsed

    def _execute(
        self, call: _Call, given: dict[str, Any]
    ) -> tuple[int, dict[str, Any], Mapping[str, str]]:
        execution = self._execution(
            call.now,
            request_id=call.request_id,
            key=call.key,
            is_publishable=call.is_publishable,
        )
        try:
            value = call.route.handler(execution, given, *call.ids)
        except confirmations.Declined as declined:
            # What the account recorded of the attempt stays.
            execution.finish()
            body = declined.answer.body
            if call.is_publishable:
                shown = _for_browsers(body["error"]["payment_intent"])
                body = {"error": {**body["error"], "payment_intent": shown}}
            return declined.answer.status, body, declined.answer.headers
        answer = expand(execution, value, given.get("expand", ()))
        execution.finish()
        if call.is_publishable and answer["object"] == payment_intents.KIND:
            answer = _for_browsers(answer)
        return 200, dict(answer), {}

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

    # --- answers ------------------------------------------------------------------------------

    def _answer(
        self,
        call: _Call,
        status: int,
        body: JsonObject,
        *,
        headers: Mapping[str, str] | None = None,
        original: str | None = None,
    ) -> Response:
        """Dress an answer; ``original`` is the request that a replayed one was first given to."""
        all_headers = {**self._headers(call.request_id, call.key), **(headers or {})}
        if call.key and call.route.method == "POST":
            all_headers["Original-Request"] = original or call.request_id
        if original is not None:
            all_headers["Idempotent-Replayed"] = "true"
        return Response(status=status, headers=all_headers, body=dict(body))

    def _headers(self, request_id: str, key: str | None) -> dict[str, str]:
        headers = {"Request-Id": request_id, "Stripe-Version": self._options.api_version}
        return {**headers, "Idempotency-Key": key} if key else headers

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
                    kept = {"value": self._options.seed, "start": self._options.start}
                    self._store.put(META, SEED, kept)
            self._known_seed = kept["value"]
        return self._known_seed

    def _set_clock(self, to: int) -> None:
        self._store.put(META, CLOCK, {"value": to})


def _for_browsers(intent: JsonObject) -> dict[str, Any]:
    return {name: intent[name] for name in intent if name in objects.PUBLISHABLE_FIELDS}
