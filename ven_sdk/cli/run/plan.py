"""What ``run`` is to do: a VEN, or a fleet of them, put together from the command line, ``VEN_*``
variables and a TOML file, in this order of precedence, each value with the place that it came from.

Every problem is found before one is raised. No thread. :mod:`.build` makes the client of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...near_names import did_you_mean, nearest
from ...usercode.handlers import PARAMETERS
from . import keys
from .file import Document
from .keys import place_of
from .members import read_fleet, read_handlers, read_reports
from .records import Plan
from .tables import read_credentials, read_secret_file, read_table

_SECTIONS: dict[str, type] = {
    name: list if header.startswith("[[") else dict for name, header in keys.HEADERS.items()
}
_OTHER_VARIABLES = ("VEN_CONFIG", "VEN_PASSPHRASE_FILE", "VEN_CONTROL_TOKEN_FILE")
_MISTAKEN = {"VEN_URL": "VEN_VTN_URL"}
_VEN = ("It belongs under [ven]", "Did you mean 'ven'", "ven must be a table")
_VENS = ("vens must be a table", "Did you mean 'vens'", "Did you mean 'sites'")
_CLOSE = 0.84
"""How alike an unknown variable must be to a known one to count as mistyped: clusters set
VEN_SERVICE_HOST and the like.
"""


def make_plan(
    document: Document,
    environment: Mapping[str, str],
    overrides: Mapping[str, Mapping[str, object]],
) -> Plan:
    """The plan; ConfigurationError with a line for each problem. ``overrides`` are tables from the
    command line. Values that only the client can judge are looked at when it is built.
    """
    plan = Plan(document)
    _sections(plan)
    read_table(plan, "ven", keys.CLIENT, plan.ven.arguments, environment, overrides)
    for name, known in keys.TABLES.items():
        read_table(plan, name, known, getattr(plan, name), environment, overrides)
    read_secret_file(plan, "ven", "passphrase", plan.ven.arguments, environment)
    read_secret_file(plan, "control", "token", plan.control, environment)
    read_credentials(plan, environment)
    read_handlers(plan, environment)
    plan.reports = read_reports(plan, plan.document.values.get("reports"), ("reports",))
    read_fleet(plan)
    _unknown_variables(plan, environment)
    _complain_missing(plan)
    return plan


# --- tables of values -----------------------------------------------------------------------------


def _sections(plan: Plan) -> None:
    for name, value in plan.document.values.items():
        where = plan.document.position_of(name)
        if name not in _SECTIONS:
            near = place_of(name) or did_you_mean(name, _SECTIONS)
            known = ", ".join(keys.HEADERS.values())
            plan.complain(
                where, f"there is no table or key {name!r} at the top.{near} Known are {known}."
            )
        elif not isinstance(value, _SECTIONS[name]):
            more = " (two brackets, once for each)" if _SECTIONS[name] is list else ""
            header = f"{keys.HEADERS[name]}{more}"
            plan.complain(where, f"{name} must be a table: begin it with a line {header}.")


def _complain_missing(plan: Plan) -> None:
    """What every VEN needs, where nothing was wrong with it already."""
    name = plan.document.name
    if plan.is_fleet:
        table = plan.fleet.get("sites")
        refused = table and any(each.startswith(f"{table}, ") for each in plan.problems)
        refused = refused or plan.is_complained_about("sites") or _is_elsewhere(plan, *_VENS)
        if not (plan.sites or refused):
            plan.complain(name, 'the fleet has no VEN: write [[vens]], or sites = "sites.csv".')
        if "ven_name" in plan.ven.arguments:
            where = plan.origins["ven_name"]
            plan.complain(where, "each VEN of a fleet has a name of its own: under [[vens]].")
        for site in plan.sites:
            if "ven_name" not in site.arguments and not plan.is_complained_about("ven_name"):
                plan.complain(site.where, "ven_name is missing.")
            given = {**plan.ven.arguments, **site.arguments}
            if "vtn_url" not in given and not plan.is_complained_about("vtn_url"):
                plan.complain(site.where, "vtn_url is missing, here and under [ven].")
        return
    for key in ("ven_name", "vtn_url"):
        elsewhere = _is_elsewhere(plan, f"Did you mean {key!r}", *_VEN)
        if key not in plan.ven.arguments and not (elsewhere or plan.is_complained_about(key)):
            where = f'write {key} = "..." under [ven] in {name}, or ' if name else ""
            plan.complain(name, f"{key} is missing: {where}set {keys.variable(key)}.")


def _is_elsewhere(plan: Plan, *words: str) -> bool:
    """Whether a problem says, in one of these words, that the thing stands under another name."""
    return any(word in problem for problem in plan.problems for word in words)


def _unknown_variables(plan: Plan, environment: Mapping[str, str]) -> None:
    known = [
        *(keys.variable(key) for key in keys.CLIENT),
        *(f"VEN_{name.upper()}" for name in PARAMETERS),
        *(keys.variable(key, table) for table, entries in keys.TABLES.items() for key in entries),
        *_OTHER_VARIABLES,
    ]
    for name in sorted(environment):
        near = _MISTAKEN.get(name) or nearest(name.replace("VEN_VEN_", "VEN_", 1), known, _CLOSE)
        if name.startswith("VEN_") and name not in known and near:
            plan.complain(
                f"the variable {name}", f"there is no such variable; did you mean {near}?"
            )
