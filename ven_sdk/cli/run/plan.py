"""What ``run`` is to do: a VEN, or a fleet of them, put together from the command line, ``VEN_*``
variables and a TOML file, in this order of precedence, each value with the place that it came from.

Every problem is found before one is raised. No thread. :mod:`.build` makes the client of it.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Callable, NamedTuple, Optional

from ...errors import ConfigurationError
from ...usercode.handlers import PARAMETERS
from . import keys
from .file import Document, Place
from .functions import DECISIONS, constant_decision, import_function
from .sites import Cell, read_sites

_SECTIONS: dict[str, type] = {
    "ven": dict,
    "vens": list,
    "fleet": dict,
    "handlers": dict,
    "reports": list,
    "log": dict,
    "health": dict,
    "control": dict,
}
_OTHER_VARIABLES = ("VEN_CONFIG", "VEN_PASSPHRASE_FILE", "VEN_CONTROL_TOKEN_FILE")
DECIDING = ("on_event", "on_update_event")
_CLOSE = 0.84
"""How alike an unknown variable must be to a known one to count as mistyped: clusters set
VEN_SERVICE_HOST and the like.
"""
_LINE = re.compile(r", line (\d+)(?:, column (\d+))?")


class Handler(NamedTuple):
    """A handler: its name, the function, its ``lead``, and where it was named."""

    name: str
    function: Callable[..., object]
    lead: Optional[timedelta]
    where: str


@dataclass
class Report:
    """The arguments of a data point, and where each stands."""

    arguments: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    where: str = ""


@dataclass
class Site:
    """One VEN: the client's arguments, where each came from, and data points of its own."""

    arguments: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    reports: list[Report] = field(default_factory=list)
    where: str = ""


@dataclass
class Plan:
    """What is run. ``ven``: the VEN, or what the VENs of a fleet (``sites``) have in common."""

    document: Document
    ven: Site = field(default_factory=Site)
    sites: list[Site] = field(default_factory=list)
    handlers: list[Handler] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    fleet: dict[str, Any] = field(default_factory=dict)
    log: dict[str, Any] = field(default_factory=dict)
    health: dict[str, Any] = field(default_factory=dict)
    control: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    is_fleet: bool = False

    @property
    def arguments(self) -> dict[str, Any]:
        """The client's arguments."""
        return self.ven.arguments

    def complain(self, where: str, text: str) -> None:
        """Note a problem, once."""
        problem = f"{where}: {text}" if where else text
        if problem not in self.problems:
            self.problems.append(problem)

    def complain_all(self) -> None:
        """Raise what was noted, if anything was, in the order of the file. It is a
        ``ConfigurationError`` with a line for each.
        """
        if self.problems:
            raise ConfigurationError("\n".join(sorted(self.problems, key=_order)))


def _order(problem: str) -> tuple[int, int]:
    found = _LINE.search(problem.split(": ")[0])
    return (int(found[1]), int(found[2] or 0)) if found else (0, 0)


def make_plan(
    document: Document, environment: Mapping[str, str], overrides: Mapping[str, Mapping[str, Any]]
) -> Plan:
    """The plan; ConfigurationError with a line for each problem. ``overrides`` are tables from the
    command line. Values that only the client can judge are looked at when it is built.
    """
    plan = Plan(document)
    _sections(plan)
    _values(plan, "ven", keys.CLIENT, plan.ven.arguments, environment, overrides)
    for name, known in keys.TABLES.items():
        _values(plan, name, known, getattr(plan, name), environment, overrides)
    plan.ven.origins = plan.origins
    _secret_file(plan, "ven", "passphrase", plan.ven.arguments, environment)
    _secret_file(plan, "control", "token", plan.control, environment)
    _credentials(plan, environment)
    _handlers(plan, environment)
    plan.reports = _reports(plan, plan.document.values.get("reports"), ("reports",))
    _sites(plan)
    _unknown_variables(plan, environment)
    _missing(plan)
    return plan


# --- tables of values -----------------------------------------------------------------------------


def _sections(plan: Plan) -> None:
    for name, value in plan.document.values.items():
        where = plan.document.where(name)
        if name not in _SECTIONS:
            inside = " It belongs under [ven]." if name in keys.CLIENT else hint(name, _SECTIONS)
            plan.complain(
                where,
                f"there is no table or key {name!r} at the top.{inside} Known are [ven], [[vens]], "
                "[fleet], [handlers], [[reports]], [log], [health], [control].",
            )
        elif not isinstance(value, _SECTIONS[name]):
            header = (
                f"[[{name}]] (two brackets, once for each)"
                if _SECTIONS[name] is list
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
    files = {"ven": "passphrase_file", "control": "token_file"}
    for key, value in _table(plan, table).items():
        if key in known:
            where = f"{plan.document.where(table, key)}, {key}"
            _put(plan, into, plan.origins, key, value, known[key], where, plan.document.folder)
        elif key != files.get(table):
            where = f"{plan.document.where(table, key, value=False)}, {key}"
            plan.complain(where, f"there is no key {key!r} in [{table}].{hint(key, known)}")
    for key, kind in known.items():
        name = keys.variable(key, table)
        if environment.get(name):
            text, where = environment[name], f"the variable {name}"
            _put(plan, into, plan.origins, key, text, kind, where, "")
        given = overrides.get(table, {}).get(key)
        if given is not None:
            where = f"--{key if table == 'ven' else f'{table}-{key}'}".replace("_", "-")
            _put(plan, into, plan.origins, key, given, kind, where, "")


def _put(
    plan: Plan,
    into: dict[str, Any],
    origins: dict[str, str],
    key: str,
    value: Any,
    kind: keys.Kind,
    where: str,
    folder: str,
) -> None:
    try:
        converted = kind(value)
    except ConfigurationError as error:
        plan.complain(where, str(error))
        return
    is_path = kind is keys.path and folder
    into[key] = keys.resolve_path(converted, folder) if is_path else converted
    origins[key] = where


def _secret_file(
    plan: Plan, table: str, key: str, into: dict[str, Any], environment: Mapping[str, str]
) -> None:
    """A secret that is mounted as a file, as container platforms and systemd do."""
    given = _table(plan, table).get(f"{key}_file")
    name = environment.get(keys.variable(f"{key}_file", table)) or (
        keys.resolve_path(str(given), plan.document.folder) if given else None
    )
    if not name or key in into:
        return
    try:
        with open(name, encoding="utf-8") as file:
            into[key] = file.read().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as cause:
        plan.complain(
            plan.document.where(table, f"{key}_file"),
            f"{key}_file {name!r} cannot be read: {cause}.",
        )


def _credentials(plan: Plan, environment: Mapping[str, str]) -> None:
    """What systemd handed over (LoadCredential): files that count where nothing else says so. One
    that is missing or empty is not given.
    """
    folder = environment.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return
    for key in ("cert", "key", "ca_file"):
        path = os.path.join(folder, key)
        if key not in plan.ven.arguments and _has_content(path):
            plan.ven.arguments[key] = path
            plan.origins[key] = f"the credential {key}"
    for table, key, into in (
        ("ven", "passphrase", plan.ven.arguments),
        ("control", "token", plan.control),
    ):
        path = os.path.join(folder, key if table == "ven" else f"{table}_{key}")
        if _has_content(path):
            given = {**environment, keys.variable(f"{key}_file", table): path}
            _secret_file(plan, table, key, into, given)


def _has_content(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return bool(file.read(4096).strip())
    except OSError:
        return False


def _table(plan: Plan, name: str) -> Mapping[str, Any]:
    found = plan.document.values.get(name)
    return found if isinstance(found, dict) else {}


# --- VENs of a fleet ------------------------------------------------------------------------------


def _sites(plan: Plan) -> None:
    given = plan.document.values.get("vens")
    for number, table in enumerate(given if isinstance(given, list) else []):
        if isinstance(table, dict):
            plan.sites.append(_site(plan, table, ("vens", number)))
    if plan.fleet.get("sites"):
        try:
            rows = read_sites(plan.fleet["sites"])
        except ConfigurationError as error:
            plan.complain(plan.origins.get("sites", ""), str(error))
            rows = []
        plan.sites += [_row(plan, row) for row in rows]
    plan.is_fleet = "vens" in plan.document.values or "fleet" in plan.document.values


def _site(plan: Plan, table: Mapping[str, Any], place: Place) -> Site:
    site = Site(where=plan.document.where(*place))
    for key, value in table.items():
        if key == "reports":
            site.reports = _reports(plan, value, (*place, key))
        elif key in keys.CLIENT:
            where = f"{plan.document.where(*place, key)}, {key}"
            kind, folder = keys.CLIENT[key], plan.document.folder
            _put(plan, site.arguments, site.origins, key, value, kind, where, folder)
        else:
            where = f"{plan.document.where(*place, key, value=False)}, {key}"
            plan.complain(where, f"there is no key {key!r} in [[vens]].{hint(key, keys.CLIENT)}")
    return site


def _row(plan: Plan, row: Mapping[str, Cell]) -> Site:
    """A VEN of a table of sites: texts, as in variables."""
    site = Site(where=next((cell.row for cell in row.values()), ""))
    for key, cell in row.items():
        kind = keys.CLIENT.get(key)
        if kind is None:
            text = f"there is no key {key!r} for a VEN.{hint(key, keys.CLIENT)}"
            plan.complain(f"{cell.head}, {key}", text)
        elif cell.text:
            where = f"{cell.row}, {key}"
            _put(plan, site.arguments, site.origins, key, cell.text, kind, where, cell.folder)
    return site


def _missing(plan: Plan) -> None:
    """What every VEN needs, where nothing was wrong with it already."""
    name = plan.document.name
    if plan.is_fleet:
        if not plan.sites:
            plan.complain(name, 'the fleet has no VEN: write [[vens]], or sites = "sites.csv".')
        if "ven_name" in plan.ven.arguments:
            where = plan.origins["ven_name"]
            plan.complain(where, "each VEN of a fleet has a name of its own: under [[vens]].")
        for site in plan.sites:
            if "ven_name" not in site.arguments and not _complained(plan, "ven_name"):
                plan.complain(site.where, "ven_name is missing.")
            if "vtn_url" not in {**plan.ven.arguments, **site.arguments} and not _complained(
                plan, "vtn_url"
            ):
                plan.complain(site.where, "vtn_url is missing, here and under [ven].")
        return
    for key in ("ven_name", "vtn_url"):
        if key not in plan.ven.arguments and not _complained(plan, key):
            where = f'write {key} = "..." under [ven] in {name}, or ' if name else ""
            plan.complain(name, f"{key} is missing: {where}set {keys.variable(key)}.")


def _complained(plan: Plan, key: str) -> bool:
    return any(f", {key}:" in problem for problem in plan.problems)


# --- functions ------------------------------------------------------------------------------------


def _handlers(plan: Plan, environment: Mapping[str, str]) -> None:
    given = {
        name: (value, f"{plan.document.where('handlers', name, value=name in PARAMETERS)}, {name}")
        for name, value in _table(plan, "handlers").items()
    }
    for name in PARAMETERS:
        variable = f"VEN_{name.upper()}"
        if environment.get(variable):
            given[name] = (keys.names(environment[variable]), f"the variable {variable}")
    for name, (value, where) in given.items():
        if name not in PARAMETERS:
            plan.complain(where, f"there is no handler {name!r}.{hint(name, PARAMETERS)}")
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
        call = (
            constant_decision(reference)
            if name in DECIDING and reference in DECISIONS
            else import_function(reference, plan.document.folder)
        )
        duration = None if lead is None else keys.seconds(lead)
        plan.handlers.append(Handler(name, call, duration, where))
    except ConfigurationError as error:
        plan.complain(where, str(error))


def _reports(plan: Plan, given: object, place: Place) -> list[Report]:
    found = []
    for number, table in enumerate(given if isinstance(given, list) else []):
        report = Report(where=plan.document.where(*place, number))
        for key, value in table.items() if isinstance(table, dict) else ():
            if key not in keys.REPORT:
                where = f"{plan.document.where(*place, number, key, value=False)}, {key}"
                text = f"there is no key {key!r} in [[reports]].{hint(key, keys.REPORT)}"
                plan.complain(where, text)
                continue
            where = f"{plan.document.where(*place, number, key)}, {key}"
            _put(plan, report.arguments, report.origins, key, value, keys.REPORT[key], where, "")
            if key == "callback" and key in report.arguments:
                _callback(plan, report, where)
        found.append(report)
    return found


def _callback(plan: Plan, report: Report, where: str) -> None:
    try:
        report.arguments["callback"] = import_function(
            report.arguments["callback"], plan.document.folder
        )
    except ConfigurationError as error:
        plan.complain(where, str(error))
        del report.arguments["callback"]


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


def hint(word: str, known: Iterable[str]) -> str:
    """The nearest known word, or all of them."""
    names = list(known)
    near = difflib.get_close_matches(word, names, 1)
    return f" Did you mean {near[0]!r}?" if near else f" Known are: {', '.join(names)}."
