"""From a plan to a client or a fleet, not started. What the client refuses is reported with its
place in the file, all of it at once. No thread.
"""

from __future__ import annotations

import contextlib
import inspect
import itertools
import os
import re
from collections.abc import Mapping
from typing import Any, Callable, Optional, TypeVar, Union

from ...client import OpenADRClient
from ...config import listen_address
from ...errors import ConfigurationError
from ...fleet import Fleet
from ...fleet.identities import ARGUMENTS
from ...near_names import nearest
from ...ven import Ven
from .control import check_token
from .records import Plan, Report, Site
from .server import parse_address, want_one_port

T = TypeVar("T")
Trial = tuple[Optional[T], Optional[str]]
"""What was made, or the error."""
STAND_INS = {"ven_name": "stand-in", "vtn_url": "http://127.0.0.1"}
"""What takes the place of a wrong value so that the others can be judged."""
FILES = ("cert", "key", "passphrase")
"""What is left out together: one of them makes no sense without the others."""
OF_FLEET = ("store", "callback_workers", "listen")
OF_LISTENER = ("push", *ARGUMENTS)
"""What the fleet's one listener is made of, beside its address."""
_SERVERS = {"health": "[health]", "control": "[control]", "push": "listen"}
NOT_OF_FLEET = ("debug", "show_fingerprint")


def build(plan: Plan) -> Union[OpenADRClient, Fleet]:
    """What the plan says; ConfigurationError with a line for each problem that the plan or the
    client has.
    """
    _check_tables(plan)
    runner = _fleet(plan) if plan.is_fleet else _client(plan)
    plan.complain_all()
    assert runner is not None
    return runner


def vens_of(runner: Union[OpenADRClient, Fleet]) -> Union[list[Ven], Fleet]:
    """The VENs: the client itself, or the fleet, whose members come and go."""
    return [runner] if isinstance(runner, OpenADRClient) else runner


def _check_tables(plan: Plan) -> None:
    file = plan.health.get("file")
    if file and not os.path.isdir(os.path.dirname(os.path.abspath(file))):
        plan.complain(
            plan.table_origins["health"]["file"], f"the folder of {file!r} does not exist."
        )
    if file and os.path.isdir(file):
        plan.complain(plan.table_origins["health"]["file"], f"{file!r} is a folder, not a file.")
    _check_ports(plan)
    given = plan.table_origins["control"]
    if "port" in given and not plan.is_complained_about("token", "token_file"):
        try:
            check_token(plan.control.get("token"))
        except ConfigurationError as error:
            plan.complain(given.get("token", plan.document.position_of("control")), str(error))


def _check_ports(plan: Plan) -> None:
    """No two of the plan's servers may want one port."""
    places = {
        name: (parse_address(table["port"], name), plan.table_origins[name]["port"])
        for name, table in (("health", plan.health), ("control", plan.control))
        if table.get("port") is not None
    }
    listen = plan.arguments.get("listen")
    if isinstance(listen, str) and not plan.is_complained_about("listen"):
        with contextlib.suppress(ConfigurationError):  # the client says what is wrong with it
            places["push"] = listen_address(listen), plan.origins["listen"]
    for (first, (one, _)), (_, (other, where)) in itertools.combinations(places.items(), 2):
        if want_one_port(one, other):
            text = f"port {other[1]} is that of {_SERVERS[first]} already: give another one."
            plan.complain(where, text)


# --- one VEN --------------------------------------------------------------------------------------


def _client(plan: Plan) -> Optional[OpenADRClient]:
    arguments = {**STAND_INS, **plan.ven.arguments}
    client = _try_all(plan, OpenADRClient, arguments, plan.origins, "")
    if client is None:
        return None
    for handler in plan.handlers:
        try:
            client.add_handler(handler.name, handler.function, lead=handler.lead)
        except ConfigurationError as error:
            plan.complain(handler.where, str(error))
    for number, report in enumerate(plan.reports, 1):
        arguments = _fill_in(plan, client, report)
        _add_report(plan, client, report, arguments, f"[[reports]] number {number}")
    return client


def _add_report(
    plan: Plan, ven: Ven, report: Report, arguments: Mapping[str, Any], what: str
) -> None:
    origins = {key: f"{where.rpartition(', ')[0]}, {what}" for key, where in report.origins.items()}
    _try_all(plan, ven.add_report, arguments, origins, f"{report.where}, {what}")


# --- a fleet --------------------------------------------------------------------------------------


def _fleet(plan: Plan) -> Optional[Fleet]:
    common = dict(plan.ven.arguments)
    own = {key: value for key, value in plan.fleet.items() if key != "sites"}
    own.update({key: common.pop(key) for key in OF_FLEET if key in common})
    for key in NOT_OF_FLEET:
        if key in common:
            plan.complain(plan.origins.get(key, ""), f"{key} is not for a fleet: leave it out.")
            del common[key]
    common.pop("ven_name", None)
    if "listen" in own:
        own.update({key: common[key] for key in OF_LISTENER if key in common})
    fleet = _try_all(plan, Fleet, own, plan.origins, plan.document.position_of("fleet"))
    if fleet is None:
        return None
    for handler in plan.handlers:
        lead = {} if handler.lead is None else {"lead": handler.lead}
        try:
            fleet.add_handler(handler.name, handler.function, **lead)
        except (ConfigurationError, TypeError) as error:
            plan.complain(handler.where, str(error))
    for site in plan.sites:
        _add_site(plan, fleet, site, common)
    return fleet


def _add_site(plan: Plan, fleet: Fleet, site: Site, common: Mapping[str, Any]) -> None:
    origins = {**plan.origins, **site.origins}
    for key in [each for each in OF_FLEET if each in site.arguments]:
        plan.complain(origins[key], f"{key} is for all VENs together: write it under [ven].")
        del site.arguments[key]
    arguments = {**STAND_INS, **common, **site.arguments}
    ven = _try_all(plan, fleet.add, arguments, origins, site.where)
    if ven is None:
        return
    for report in [*plan.reports, *site.reports]:
        arguments = _arguments_for(plan, ven, report)
        _add_report(plan, ven, report, arguments, "[[reports]]")


def _arguments_for(plan: Plan, ven: Ven, report: Report) -> dict[str, Any]:
    """A report's arguments for one VEN of a fleet: the callback gets it."""
    arguments = _fill_in(plan, ven, report)
    function: Optional[Callable[..., object]] = arguments.pop("callback", None)
    if function is not None:
        mode = str(arguments.get("data_collection_mode", "incremental"))
        if _takes_a_ven(function, mode):
            arguments["callback"] = _for_ven(function, ven)
        else:
            plan.complain(
                report.origins.get("callback", report.where),
                f"{getattr(function, '__name__', function)}() cannot be called with a VEN: in a "
                "fleet a callback gets the VEN that the value is for.",
            )
    return arguments


def _fill_in(plan: Plan, ven: Ven, report: Report) -> dict[str, Any]:
    """A report's arguments for one VEN: ``{ven_name}`` in texts is its name."""
    arguments = dict(report.arguments)
    for key, value in report.arguments.items():
        if isinstance(value, str):
            arguments[key] = value.replace("{ven_name}", ven.settings.ven_name)
            for word in re.findall(r"\{(\w+)\}", value):
                if word != "ven_name" and nearest(word, ["ven_name"]):
                    text = f"there is no {{{word}}}. Did you mean {{ven_name}}?"
                    plan.complain(report.origins[key], text)
    return arguments


def _takes_a_ven(function: Callable[..., object], mode: str) -> bool:
    named = ("date_from", "date_to", "sampling_interval") if mode == "full" else ()
    try:
        inspect.signature(function).bind(None, **dict.fromkeys(named))
    except TypeError:
        return False
    except ValueError:  # built in, without a signature
        return True
    return True


def _for_ven(function: Callable[..., object], ven: Ven) -> Callable[..., object]:
    """``function`` for one VEN. No partial, for the same function is never called twice at a time,
    and the VENs of a fleet have meters of their own.
    """

    def callback(**period: object) -> object:
        return function(ven, **period)

    callback.__name__ = callback.__qualname__ = getattr(function, "__name__", "callback")
    callback.__module__ = function.__module__
    return callback


# --- all that is wrong at once --------------------------------------------------------------------


def _try_all(
    plan: Plan,
    make: Callable[..., T],
    arguments: Mapping[str, Any],
    origins: Mapping[str, str],
    where: str,
) -> Optional[T]:
    """What ``make`` gives for these arguments. Those that it refuses are complained about and left
    out, until the others are judged too; None where it cannot be told which one is meant.
    """
    left = dict(arguments)
    made, error = _try(make, left)
    while error is not None:
        named, after = _find_refused(make, left, error)
        if named in STAND_INS and left[named] == STAND_INS[named]:
            return None  # complained about already
        plan.complain(origins.get(named, where or plan.document.name), error)
        if not named:
            return None
        left, (made, error) = _without(left, named), after
    return made


def _find_refused(
    make: Callable[..., T], arguments: Mapping[str, object], error: str
) -> tuple[str, Trial[T]]:
    """The argument that ``make`` refuses with this error, an empty text where it is none, and what
    comes without it: then the error is gone, or another one. Those that it names are tried first.
    """
    words: list[str] = re.findall(r"\w+", error)
    for name in dict.fromkeys([*filter(arguments.__contains__, words), *arguments]):
        after = _try(make, _without(arguments, name))
        if after[1] != error:
            return name, after
    return "", (None, error)


def _try(make: Callable[..., T], arguments: Mapping[str, object]) -> Trial[T]:
    try:
        return make(**arguments), None
    except ConfigurationError as error:
        return None, str(error)


def _without(arguments: Mapping[str, object], name: str) -> dict[str, object]:
    """The arguments without one, and without those that make no sense without it."""
    gone = FILES if name in FILES else (name,)
    left = {key: value for key, value in arguments.items() if key not in gone}
    if name in STAND_INS:
        left[name] = STAND_INS[name]
    return left
