"""What belongs to a plan's VENs: the sites of a fleet, handlers, data points. Imports the user's
modules, on the main thread.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import ConfigurationError
from ...near_names import did_you_mean
from ...usercode.handlers import PARAMETERS
from . import keys
from .file import Place
from .functions import DECISIONS, constant_decision, import_function
from .keys import hint
from .records import Handler, Plan, Report, Site
from .sites import Cell, Sites, read_sites
from .tables import GivenValue, put_value, table_of

DECIDING = ("on_event", "on_update_event")
OF_OWN = " What only your functions need of a site stands in a file of your own."


# --- VENs of a fleet ------------------------------------------------------------------------------


def read_fleet(plan: Plan) -> None:
    given = plan.document.values.get("vens")
    for number, table in enumerate(given if isinstance(given, list) else []):
        if isinstance(table, dict):
            plan.sites.append(_site(plan, table, ("vens", number)))
    if plan.fleet.get("sites"):
        try:
            sites = read_sites(plan.fleet["sites"])
        except ConfigurationError as error:
            plan.complain(plan.origins.get("sites", ""), str(error))
            sites = Sites([], [])
        for where, text in sites.problems:
            plan.complain(where, text)
        plan.sites += [_row(plan, row) for row in sites.rows]
    plan.is_fleet = "vens" in plan.document.values or "fleet" in plan.document.values


def _site(plan: Plan, table: Mapping[str, object], place: Place) -> Site:
    site = Site(where=plan.document.position_of(*place))
    for key, value in table.items():
        if key == "reports":
            site.reports = read_reports(plan, value, (*place, key))
        elif key in keys.CLIENT:
            where = f"{plan.document.position_of(*place, key)}, {key}"
            given = GivenValue(key, value, keys.CLIENT[key], where, plan.document.folder)
            put_value(plan, site.arguments, site.origins, given)
        else:
            where = f"{plan.document.position_of(*place, key, value=False)}, {key}"
            plan.complain(where, f"there is no key {key!r} in [[vens]].{hint(key, keys.CLIENT)}")
    return site


def _row(plan: Plan, row: Mapping[str, Cell]) -> Site:
    """A VEN of a table of sites: texts, as in variables."""
    site = Site(where=next((cell.row for cell in row.values()), ""))
    for key, cell in row.items():
        kind = keys.CLIENT.get(key)
        if kind is None:
            text = f"there is no key {key!r} for a VEN.{hint(key, keys.CLIENT)}{OF_OWN}"
            plan.complain(f"{cell.head}, {key}", text)
        elif cell.text:
            given = GivenValue(key, cell.text, kind, f"{cell.row}, {key}", cell.folder)
            put_value(plan, site.arguments, site.origins, given)
    return site


# --- functions ------------------------------------------------------------------------------------


def read_handlers(plan: Plan, environment: Mapping[str, str]) -> None:
    given = {
        name: (
            value,
            f"{plan.document.position_of('handlers', name, value=name in PARAMETERS)}, {name}",
        )
        for name, value in table_of(plan, "handlers").items()
    }
    for name in PARAMETERS:
        variable = f"VEN_{name.upper()}"
        if environment.get(variable):
            given[name] = (keys.names(environment[variable]), f"the variable {variable}")
    for name, (value, where) in given.items():
        if name not in PARAMETERS:
            plan.complain(where, f"there is no handler {name!r}.{hint(name, PARAMETERS)}")
            continue
        if value == []:
            plan.complain(where, 'expected "module:function", found an empty list.')
        if name in DECIDING and isinstance(value, list) and len(value) > 1:
            plan.complain(where, f"{name} is one function, as one decides; found {len(value)}.")
        for each in value if isinstance(value, (list, tuple)) else [value]:
            _handler(plan, name, each, where)


def _handler(plan: Plan, name: str, value: object, where: str) -> None:
    try:
        reference, lead = _function_and_lead(name, value)
        call = (
            constant_decision(reference)
            if name in DECIDING and isinstance(reference, str) and reference in DECISIONS
            else import_function(reference, plan.document.folder)
        )
        duration = None if lead is None else keys.seconds(lead)
        plan.handlers.append(Handler(name, call, duration, where))
    except ConfigurationError as error:
        plan.complain(where, str(error))


def _function_and_lead(name: str, value: object) -> tuple[object, object]:
    """The parts of a handler's value: a reference, or a table of ``function`` and ``lead``."""
    if not isinstance(value, dict):
        value = {"function": value}
    unknown = [key for key in value if key not in ("function", "lead")]
    if unknown or (name == "before_event" and "lead" not in value):
        near = did_you_mean(unknown[0], ("function", "lead")) if unknown else ""
        found = f", found the key {unknown[0]!r}" if unknown else ""
        raise ConfigurationError(
            f'expected {{ function = "module:function", lead = "5 min" }}{found}.{near}'
        )
    return value.get("function"), value.get("lead")


def read_reports(plan: Plan, given: object, place: Place) -> list[Report]:
    found = []
    for number, table in enumerate(given if isinstance(given, list) else []):
        report = Report(where=plan.document.position_of(*place, number))
        if not table:
            plan.complain(report.where, "[[reports]] is empty: give resource_id and measurement.")
        for key, value in table.items() if isinstance(table, dict) else ():
            if key not in keys.REPORT:
                where = f"{plan.document.position_of(*place, number, key, value=False)}, {key}"
                text = f"there is no key {key!r} in [[reports]].{hint(key, keys.REPORT)}"
                plan.complain(where, text)
                continue
            where = f"{plan.document.position_of(*place, number, key)}, {key}"
            put_value(
                plan,
                report.arguments,
                report.origins,
                GivenValue(key, value, keys.REPORT[key], where),
            )
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
