"""The local control API of ``ven-sdk run``: questions and orders over HTTP for programs that are
not Python. Loopback only, JSON, a token in every request. A thread for each request.

``GET /status /events /events/ID /schedule /level /signals/NAME /reports``, and ``POST
/events/ID/opt-in``, ``/events/ID/opt-out`` and ``/reports/RID/value``. With several VENs each path
begins with ``/vens/NAME``, and ``GET /vens`` lists them.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Callable, Optional

from ...errors import ConfigurationError, StateError, VenError
from ...near_names import did_you_mean
from ...schema.events import Event
from ...schema.record import Record
from ...ven import Ven
from . import keys
from .server import Page, Place, Port, Request, local_address, only_get, page_of, refusal

logger: logging.Logger = logging.getLogger(__name__)

Order = dict[str, object]
"""What JSON holds."""
SHORTEST = 16
"""Characters of a token at least."""
HOSTS = ("127.0.0.1", "localhost", "::1")
USAGE = (
    "GET status, events, events/ID, schedule?hours=24, level, signals/NAME, reports; POST "
    "events/ID/opt-in, events/ID/opt-out, reports/RID/value"
)


class ControlPort(Port):
    """The control API on a port of this machine from construction to :meth:`close`.
    ``ConfigurationError`` for what it cannot use.
    """

    def __init__(self, vens: Iterable[Ven], place: Place, token: Optional[str]) -> None:
        check_token(token)
        local_address(place, "control")
        api = Api(vens, token or "")
        super().__init__("control", place, api.respond)
        logger.info("The control API is at http://%s:%s/.", self.host, self.port)


def check_token(token: Optional[str]) -> None:
    """ConfigurationError for a token that is missing or short."""
    if not token or len(token) < SHORTEST:
        raise ConfigurationError(
            f"The control API wants a token of {SHORTEST} characters at least, which every request "
            "brings along: token or token_file under [control], or VEN_CONTROL_TOKEN. One to take: "
            'python -c "import secrets; print(secrets.token_urlsafe())"'
        )


class Api:
    """Answers requests about a client, or about a fleet."""

    def __init__(self, vens: Iterable[Ven], token: str) -> None:
        self._vens, self._token = vens, token

    def respond(self, request: Request) -> Page:
        """The answer; what a request got wrong is named in it."""
        stopped = self._refuse_stranger(request)
        if stopped is not None:
            return stopped
        try:
            vens = {ven.settings.ven_name: ven for ven in self._vens}
            if request.path == ("vens",):
                if request.method != "GET":
                    return only_get(request, "vens")
                _check_query(request)
                return page_of([_summary(ven) for ven in vens.values()])
            if request.path[:1] == ("vens",) and len(request.path) > 2:
                return self._answer_for(vens.get(request.path[1]), request.path[2:], request)
            if len(vens) != 1:
                return refusal(404, "There are several VENs: say /vens/NAME/… (GET /vens).")
            return self._answer_for(next(iter(vens.values())), request.path, request)
        except (ConfigurationError, ValueError) as error:
            return refusal(400, str(error))
        except StateError as error:
            return refusal(409, str(error))
        except VenError as error:
            return refusal(502, str(error))

    def _refuse_stranger(self, request: Request) -> Optional[Page]:
        """A web page of another site must not get through (its Host is another name), nor anybody
        without the token.
        """
        host = (request.headers.get("Host") or "").rpartition("]")[2].partition(":")[0]
        if host not in ("", *HOSTS):
            return refusal(403, "Ask for 127.0.0.1 or localhost: other names are not answered.")
        scheme, _, token = (request.headers.get("Authorization") or "").partition(" ")
        if scheme.lower() != "bearer":
            return _refuse_token("Send the token: Authorization: Bearer TOKEN")
        if not hmac.compare_digest(token.strip().encode(), self._token.encode()):
            return _refuse_token("The token is another one than that of [control].")
        return None

    def _answer_for(self, ven: Optional[Ven], path: tuple[str, ...], request: Request) -> Page:
        if ven is None:
            return refusal(404, f"There is no VEN {request.path[1]!r}. GET /vens lists them.")
        question = QUESTIONS.get(path[0] if path else "")
        order = ORDERS.get((path[0], path[2])) if len(path) == 3 else None
        if request.method == "POST" and order is not None:
            _check_query(request)
            return order(ven, path[1], _json(request.body))
        if order is not None:
            text = f"{path[2]} is an order: send it by POST, not {request.method}."
            return refusal(405, text, Allow="POST")
        if question is None or (len(path) > 1 and path[0] not in ("events", "signals")):
            return refusal(404, f"There is nothing here. There are: {USAGE}.")
        if request.method != "GET":
            return only_get(request, path[0])
        _check_query(request, *(("hours",) if question is _schedule else ()))
        return question(ven, path[1:], request)


def _refuse_token(text: str) -> Page:
    return refusal(401, text, WWW_Authenticate="Bearer")


def _check_query(request: Request, *known: str) -> None:
    """ConfigurationError for what stands behind ``?`` and is not known."""
    for name in request.query:
        if name not in known:
            takes = f"Known are: {', '.join(known)}." if known else "Nothing is taken there."
            raise ConfigurationError(
                f"There is no {name!r} behind the ?.{did_you_mean(name, known)} {takes}"
            )


# --- questions ------------------------------------------------------------------------------------


def _status(ven: Ven, path: tuple[str, ...], request: Request) -> Page:
    health, status = ven.health(), ven.status
    return page_of(
        {
            **_summary(ven),
            "vtn_url": ven.settings.vtn_url,
            "since": status.since,
            "last_poll": status.last_poll,
            "last_error": None if status.last_error is None else str(status.last_error),
            "last_error_at": status.last_error_at,
            "counters": status.counters,
            "queues": status.queues,
            "problems": list(health.problems),
        }
    )


def _events(ven: Ven, path: tuple[str, ...], request: Request) -> Page:
    if not path:
        return page_of([_event(event) for event in ven.events])
    found = [event for event in ven.events if event.event_id == path[0]]
    if not found or len(path) > 1:
        return refusal(404, f"There is no event {'/'.join(path)!r}.")
    return page_of(_event(found[0]))


def _schedule(ven: Ven, path: tuple[str, ...], request: Request) -> Page:
    given = request.query.get("hours", "24")
    try:
        hours = float(given)
    except ValueError:
        raise ConfigurationError(f"hours must be a number, not {given!r}.") from None
    return page_of(
        [
            {
                "start": row.start,
                "end": row.end,
                "event_id": row.event.event_id,
                "signal_name": row.signal.signal_name,
                "payload": row.payload,
            }
            for row in ven.schedule(hours)
        ]
    )


def _level(ven: Ven, path: tuple[str, ...], request: Request) -> Page:
    return page_of({"level": ven.current_level()})


def _signal(ven: Ven, path: tuple[str, ...], request: Request) -> Page:
    if len(path) != 1:
        return refusal(404, "Say which signal: /signals/ELECTRICITY_PRICE")
    return page_of({"signal_name": path[0], "payload": ven.signal_now(path[0])})


def _reports(ven: Ven, path: tuple[str, ...], request: Request) -> Page:
    return page_of([_as_order(report) for report in ven.reports])


def _summary(ven: Ven) -> dict[str, object]:
    return {
        "ven_name": ven.settings.ven_name,
        "ven_id": ven.ven_id,
        "registration_id": ven.registration_id,
        "state": ven.status.state,
        "ok": ven.health().ok,
        "level": ven.current_level(),
    }


def _event(event: Event) -> dict[str, object]:
    return {**_as_order(event), "opt": event.opt}


def _as_order(record: Record) -> Order:
    plain: Order = json.loads(record.to_json())
    return plain


# --- orders ---------------------------------------------------------------------------------------


def _opt_in(ven: Ven, event_id: str, order: Order) -> Page:
    _allow(order)
    ven.opt_in(event_id)
    return page_of({"event_id": event_id, "opt": "optIn"})


def _opt_out(ven: Ven, event_id: str, order: Order) -> Page:
    _allow(order, "reason")
    reason = order.get("reason")
    if reason is not None and not isinstance(reason, str):
        raise ConfigurationError(f"reason must be a text, not {keys.describe_value(reason)}.")
    ven.opt_out(event_id, reason)
    return page_of({"event_id": event_id, "opt": "optOut"})


def _report_value(ven: Ven, r_id: str, order: Order) -> Page:
    _allow(order, "value", "at")
    value = order.get("value")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigurationError(
            f'The body must be JSON such as {{"value": 12.5}}, with a number; found '
            f"{keys.describe_value(value) if 'value' in order else 'no value'}."
        )
    at: Optional[datetime] = None if order.get("at") is None else keys.moment(order["at"])
    ven.report_value(r_id, value, at)
    return page_of({"r_id": r_id, "value": value, "at": at})


def _json(body: bytes) -> Order:
    try:
        order = json.loads(body or b"{}", parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as cause:
        raise ConfigurationError(f"The body is no JSON: {cause}.") from cause
    if not isinstance(order, dict):
        raise ConfigurationError(f"The body must be a JSON object, not {order!r:.60}.")
    return order


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _allow(order: Order, *names: str) -> None:
    unknown = sorted(set(order) - set(names))
    if unknown:
        known = f"takes {', '.join(names)}" if names else "takes nothing"
        near = did_you_mean(unknown[0], names)
        raise ConfigurationError(f"This order {known}, not {unknown[0]!r}.{near}")


QUESTIONS: dict[str, Callable[[Ven, tuple[str, ...], Request], Page]] = {
    "status": _status,
    "events": _events,
    "schedule": _schedule,
    "level": _level,
    "signals": _signal,
    "reports": _reports,
}
ORDERS: dict[tuple[str, str], Callable[[Ven, str, Order], Page]] = {
    ("events", "opt-in"): _opt_in,
    ("events", "opt-out"): _opt_out,
    ("reports", "value"): _report_value,
}
