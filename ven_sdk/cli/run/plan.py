"""What ``run`` is to do: a VEN put together from the command line, ``VEN_*`` variables and a TOML
file, in this order of precedence, each value with the place that it came from. Every problem is
found before one is raised. No thread.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Callable, Optional

from ...client import OpenADRClient
from ...errors import ConfigurationError
from ...usercode.handlers import PARAMETERS
from . import keys
from .file import Document
from .functions import import_function

_SECTIONS = ("ven", "handlers", "reports", "log", "health")
_OTHER_VARIABLES = ("VEN_CONFIG", "VEN_PASSPHRASE_FILE")
_CLOSE = 0.84
"""How alike an unknown variable must be to a known one to count as mistyped: clusters set
VEN_SERVICE_HOST and the like.
"""


@dataclass
class Plan:
    """The arguments of a client, its handlers and reports, and how it is watched. ``origins``:
    where an argument came from.
    """

    document: Document
    arguments: dict[str, Any] = field(default_factory=dict)
    handlers: list[tuple[str, Callable[..., Any], Optional[timedelta], str]] = field(
        default_factory=list
    )
    reports: list[tuple[dict[str, Any], int]] = field(default_factory=list)
    log: dict[str, Any] = field(default_factory=dict)
    health: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def complain(self, where: str, text: str) -> None:
        """Note a problem."""
        self.problems.append(f"{where}: {text}" if where else text)

    def complain_all(self) -> None:
        """Raise what was noted, if anything was."""
        if self.problems:
            raise ConfigurationError("\n".join(self.problems))


def make_plan(
    document: Document, environment: Mapping[str, str], overrides: Mapping[str, Mapping[str, Any]]
) -> Plan:
    """The plan; ConfigurationError with a line for each problem. ``overrides`` are tables from the
    command line.
    """
    plan = Plan(document)
    _sections(plan)
    _values(plan, "ven", keys.CLIENT, plan.arguments, environment, overrides)
    for name, known in keys.TABLES.items():
        _values(plan, name, known, getattr(plan, name), environment, overrides)
    _passphrase_file(plan, environment)
    _handlers(plan, environment)
    _reports(plan)
    _unknown_variables(plan, environment)
    for name in ("ven_name", "vtn_url"):
        if name not in plan.arguments and not any(
            f", {name}:" in problem for problem in plan.problems
        ):
            where = (
                f'write {name} = "..." under [ven] in {document.name}, or ' if document.name else ""
            )
            plan.complain(document.name, f"{name} is missing: {where}set {keys.variable(name)}.")
    plan.complain_all()
    return plan


def build_client(plan: Plan) -> OpenADRClient:
    """The client, not started; ConfigurationError with the place of what it refuses."""
    client = None
    try:
        client = OpenADRClient(**plan.arguments)
    except ConfigurationError as error:
        plan.complain(_origin(plan, str(error)), str(error))
        plan.complain_all()
    assert client is not None
    for name, call, lead, where in plan.handlers:
        try:
            client.add_handler(name, call, lead=lead)
        except ConfigurationError as error:
            plan.complain(where, str(error))
    for arguments, number in plan.reports:
        try:
            client.add_report(**arguments)
        except ConfigurationError as error:
            place = ("reports", number, _named_in(str(error), arguments))
            plan.complain(
                f"{plan.document.where(*place)}, [[reports]] number {number + 1}", str(error)
            )
    plan.complain_all()
    return client


# --- tables of values -----------------------------------------------------------------------------


def _sections(plan: Plan) -> None:
    for name, value in plan.document.values.items():
        wanted = list if name == "reports" else dict
        where = plan.document.where(name)
        if name not in _SECTIONS:
            inside = " It belongs under [ven]." if name in keys.CLIENT else _hint(name, _SECTIONS)
            plan.complain(
                where,
                f"there is no table or key {name!r} at the top.{inside} Known are "
                "[ven], [handlers], [[reports]], [log], [health].",
            )
        elif not isinstance(value, wanted):
            header = (
                "[[reports]] (two brackets, once for each report)"
                if name == "reports"
                else f"[{name}]"
            )
            plan.complain(where, f"{name} must be a table: begin it with a line {header}.")


def _values(
    plan: Plan,
    table: str,
    known: Mapping[str, keys.Kind],
    into: dict[str, Any],
    environment: Mapping[str, str],
    overrides: Mapping[str, Mapping[str, Any]],
) -> None:
    for key, value in _table(plan, table).items():
        where = f"{plan.document.where(table, key)}, {key}"
        if key not in known and (table, key) != ("ven", "passphrase_file"):
            plan.complain(where, f"there is no key {key!r} in [{table}].{_hint(key, known)}")
        elif key in known:
            _put(plan, into, key, value, known[key], where, plan.document.folder)
    for key, kind in known.items():
        name = keys.variable(key, table)
        if environment.get(name):
            _put(plan, into, key, environment[name], kind, f"the variable {name}", "")
        if overrides.get(table, {}).get(key) is not None:
            _put(
                plan,
                into,
                key,
                overrides[table][key],
                kind,
                f"--{key if table == 'ven' else f'{table}-{key}'}",
                "",
            )


def _put(
    plan: Plan, into: dict[str, Any], key: str, value: Any, kind: keys.Kind, where: str, folder: str
) -> None:
    try:
        converted = kind(value)
    except ConfigurationError as error:
        plan.complain(where, str(error))
        return
    into[key] = keys.resolve_path(converted, folder) if kind is keys.path and folder else converted
    plan.origins[key] = where


def _passphrase_file(plan: Plan, environment: Mapping[str, str]) -> None:
    """A passphrase that is mounted as a file, as container platforms do."""
    given = _table(plan, "ven").get("passphrase_file")
    name = environment.get("VEN_PASSPHRASE_FILE") or (
        keys.resolve_path(str(given), plan.document.folder) if given else None
    )
    if not name or "passphrase" in plan.arguments:
        return
    try:
        with open(name, encoding="utf-8") as file:
            plan.arguments["passphrase"] = file.read().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as cause:
        plan.complain(
            plan.document.where("ven", "passphrase_file"),
            f"passphrase_file {name!r} cannot be read: {cause}.",
        )


def _table(plan: Plan, name: str) -> Mapping[str, Any]:
    found = plan.document.values.get(name)
    return found if isinstance(found, dict) else {}


# --- functions ------------------------------------------------------------------------------------


def _handlers(plan: Plan, environment: Mapping[str, str]) -> None:
    given = {
        name: (value, f"{plan.document.where('handlers', name)}, {name}")
        for name, value in _table(plan, "handlers").items()
    }
    for name in PARAMETERS:
        variable = f"VEN_{name.upper()}"
        if environment.get(variable):
            given[name] = (keys.names(environment[variable]), f"the variable {variable}")
    for name, (value, where) in given.items():
        if name not in PARAMETERS:
            plan.complain(where, f"there is no handler {name!r}.{_hint(name, PARAMETERS)}")
            continue
        for each in value if isinstance(value, (list, tuple)) else [value]:
            _handler(plan, name, each, where)


def _handler(plan: Plan, name: str, value: Any, where: str) -> None:
    try:
        reference, lead = (
            (value.get("function"), value.get("lead")) if isinstance(value, dict) else (value, None)
        )
        if name == "before_event" and lead is None:
            raise ConfigurationError('expected { function = "module:function", lead = "5 min" }.')
        call = import_function(reference, plan.document.folder)
        plan.handlers.append((name, call, None if lead is None else keys.seconds(lead), where))
    except ConfigurationError as error:
        plan.complain(where, str(error))


def _reports(plan: Plan) -> None:
    given = plan.document.values.get("reports")
    for number, report in enumerate(given if isinstance(given, list) else []):
        arguments: dict[str, Any] = {}
        for key, value in report.items() if isinstance(report, dict) else ():
            where = f"{plan.document.where('reports', number, key)}, {key}"
            if key not in keys.REPORT:
                plan.complain(
                    where, f"there is no key {key!r} in [[reports]].{_hint(key, keys.REPORT)}"
                )
                continue
            _put(plan, arguments, key, value, keys.REPORT[key], where, "")
            if key == "callback" and key in arguments:
                _callback(plan, arguments, where)
        plan.reports.append((arguments, number))


def _callback(plan: Plan, arguments: dict[str, Any], where: str) -> None:
    try:
        arguments["callback"] = import_function(arguments["callback"], plan.document.folder)
    except ConfigurationError as error:
        plan.complain(where, str(error))


# --- words ----------------------------------------------------------------------------------------


def _unknown_variables(plan: Plan, environment: Mapping[str, str]) -> None:
    known = [
        *(keys.variable(key) for key in keys.CLIENT),
        *(f"VEN_{name.upper()}" for name in PARAMETERS),
        *(keys.variable(key, table) for table, entries in keys.TABLES.items() for key in entries),
        *_OTHER_VARIABLES,
    ]
    for name in sorted(environment):
        near = difflib.get_close_matches(name, known, 1, _CLOSE)
        if name.startswith("VEN_") and name not in known and near:
            plan.complain(
                f"the variable {name}", f"there is no such variable; did you mean {near[0]}?"
            )


def _hint(word: str, known: Any) -> str:
    near = difflib.get_close_matches(word, list(known), 1)
    return f" Did you mean {near[0]!r}?" if near else f" Known are: {', '.join(known)}."


def _origin(plan: Plan, message: str) -> str:
    return str(plan.origins.get(_named_in(message, plan.arguments), plan.document.name))


def _named_in(message: str, arguments: Mapping[str, Any]) -> str:
    """The argument that a message of the client's is about: the first that it names, or whose value
    it quotes.
    """
    words: list[str] = re.findall(r"\w+", message)
    for word in words:
        if word in arguments:
            return word
    quoted = [
        key
        for key, value in arguments.items()
        if isinstance(value, str) and value and value in message
    ]
    return quoted[0] if quoted else ""
