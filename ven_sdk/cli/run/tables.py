"""Values of a plan's tables: from the file, from variables, from the command line, from files that
hold secrets. No thread.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from ...errors import ConfigurationError
from . import keys
from .keys import hint
from .records import Plan


class GivenValue(NamedTuple):
    """A value as it was given: for which key, of which kind, and where. Relative paths count from
    ``folder``; those without one stay as they are.
    """

    key: str
    value: object
    kind: keys.Kind
    where: str
    folder: str = ""


def read_table(
    plan: Plan,
    table: str,
    known: Mapping[str, keys.Kind],
    into: dict[str, object],
    environment: Mapping[str, str],
    overrides: Mapping[str, Mapping[str, object]],
) -> None:
    files = {"ven": "passphrase_file", "control": "token_file"}
    is_shared = table in ("ven", "fleet")
    origins = plan.origins if is_shared else plan.table_origins.setdefault(table, {})
    for key, value in table_of(plan, table).items():
        if key in known:
            where = f"{plan.document.position_of(table, key)}, {key}"
            given = GivenValue(key, value, known[key], where, plan.document.folder)
            put_value(plan, into, origins, given)
        elif key != files.get(table):
            where = f"{plan.document.position_of(table, key, value=False)}, {key}"
            plan.complain(where, f"there is no key {key!r} in [{table}].{hint(key, known)}")
    for key, kind in known.items():
        name = keys.variable(key, table)
        if environment.get(name):
            given = GivenValue(key, environment[name], kind, f"the variable {name}")
            put_value(plan, into, origins, given)
        option = overrides.get(table, {}).get(key)
        if option is not None:
            where = f"--{key if table == 'ven' else f'{table}-{key}'}".replace("_", "-")
            put_value(plan, into, origins, GivenValue(key, option, kind, where))


def put_value(
    plan: Plan, into: dict[str, object], origins: dict[str, str], given: GivenValue
) -> None:
    try:
        converted = given.kind(given.value)
    except ConfigurationError as error:
        plan.complain(given.where, str(error))
        return
    is_path = given.kind is keys.path and given.folder
    into[given.key] = keys.resolve_path(str(converted), given.folder) if is_path else converted
    origins[given.key] = given.where


def read_secret_file(
    plan: Plan, table: str, key: str, into: dict[str, object], environment: Mapping[str, str]
) -> None:
    """A secret that is mounted as a file, as container platforms and systemd do."""
    given = table_of(plan, table).get(f"{key}_file")
    variable = keys.variable(f"{key}_file", table)
    where = f"{plan.document.position_of(table, f'{key}_file')}, {key}_file"
    name = environment.get(variable)
    if name:
        where = f"the variable {variable}"
    elif given is not None:
        try:
            name = keys.resolve_path(keys.path(given), plan.document.folder)
        except ConfigurationError as error:
            plan.complain(where, str(error))
    if not name or key in into:
        return
    try:
        into[key] = _content(name)
    except ConfigurationError as error:
        plan.complain(where, str(error))


def _content(name: str) -> str:
    try:
        with open(name, encoding="utf-8") as file:
            return file.read().rstrip("\r\n")
    except OSError as cause:
        raise ConfigurationError(f"{name!r} cannot be read: {cause.strerror or cause}.") from cause
    except UnicodeDecodeError as cause:
        raise ConfigurationError(f"{name!r} is not UTF-8 (byte {cause.start}).") from cause


def read_credentials(plan: Plan, environment: Mapping[str, str]) -> None:
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
            read_secret_file(plan, table, key, into, given)


def _has_content(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return bool(file.read(4096).strip())
    except OSError:
        return False


def table_of(plan: Plan, name: str) -> Mapping[str, object]:
    found = plan.document.values.get(name)
    return found if isinstance(found, dict) else {}
