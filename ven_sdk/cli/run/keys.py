"""What may stand in a VEN's file and variables, and turning it into arguments of the client. Pure
functions.

The tables are kept equal to the signatures of ``OpenADRClient`` and ``add_report`` by a test.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta, timezone
from typing import Callable

from ...arguments import duration
from ...errors import ConfigurationError
from ...near_names import did_you_mean
from ...text import repr_of, without_secrets
from ...usercode.handlers import PARAMETERS
from .log import FORMATS, LEVELS
from .server import local_address, parse_address

TRUE, FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
Kind = Callable[[object], object]


# --- kinds of values ------------------------------------------------------------------------------


def text(value: object) -> str:
    """A text. ``ConfigurationError`` for anything else."""
    if not isinstance(value, str):
        raise ConfigurationError(f"expected a text in quotes, found {describe_value(value)}.")
    return value


def path(value: object) -> str:
    """A path, ``~`` and ``$VARIABLES`` expanded. Relative ones count from the file's folder, see
    :func:`resolve_path`. ``ConfigurationError`` for anything else.
    """
    if not text(value).strip():
        raise ConfigurationError(f"expected a path, found {value!r}. Leave the key out.")
    if "\0" in text(value):
        raise ConfigurationError(f"expected a path, found {describe_value(value)}.")
    return os.path.expanduser(os.path.expandvars(text(value)))


def secret(value: object) -> str:
    """A text that no message shows. ``ConfigurationError`` for anything else."""
    if not isinstance(value, str):
        raise ConfigurationError("expected a text in quotes.")
    return value


def flag(value: object) -> bool:
    """true or false; as a variable also 1, 0, yes, no, on, off. ``ConfigurationError`` for anything
    else.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in (*TRUE, *FALSE):
        return value.strip().lower() in TRUE
    raise ConfigurationError(f"expected true or false, found {describe_value(value)}.")


def whole_number(value: object) -> int:
    """A whole number. ``ConfigurationError`` for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d{1,30}", value.strip()):
        return int(value)
    raise ConfigurationError(f"expected a whole number, found {describe_value(value)}.")


def number(value: object) -> float:
    """A number. ``ConfigurationError`` for anything else."""
    if (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and (isinstance(value, int) or math.isfinite(value))
    ):
        return value
    raise ConfigurationError(f"expected a number, found {describe_value(value)}.")


def seconds(value: object) -> timedelta:
    """A duration: seconds, or a text such as "90 s", "5 min", "2 h", "7 d". ``ConfigurationError``
    for anything else; its limits are those of the argument.
    """
    plain = isinstance(value, str) and re.fullmatch(r"\s*[0-9]+(\.[0-9]+)?\s*", value)
    try:
        return duration("the duration", float(str(value)) if plain else value, float("-1e9"))
    except ConfigurationError as cause:
        raise ConfigurationError(
            f'expected seconds, or a text such as "90 s", "5 min", "2 h" or "7 d", found '
            f"{describe_value(value)}."
        ) from cause


def whole_seconds(value: object) -> timedelta:
    """A duration in whole seconds: the schema has no fractions. ``ConfigurationError`` for anything
    else.
    """
    length = seconds(value)
    if length.microseconds:
        raise ConfigurationError(
            "expected whole seconds (OpenADR's schema has no fractions), found "
            f"{describe_value(value)}."
        )
    return length


def moment(value: object) -> datetime:
    """A date and time; without a zone it is UTC. ``ConfigurationError`` for anything else."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
        except ValueError:
            value = None
    if not isinstance(value, datetime):
        kind = "a date without a time" if isinstance(value, date) else describe_value(value)
        raise ConfigurationError(
            f"expected a date and time such as 2026-01-31T12:00:00Z, found {kind}."
        )
    return value if value.tzinfo else value.replace(tzinfo=timezone.utc)


def names(value: object) -> tuple[str, ...]:
    """Texts; in a variable, separated by commas. ``ConfigurationError`` for anything else."""
    values = (
        [each.strip() for each in value.split(",") if each.strip()]
        if isinstance(value, str)
        else value
    )
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise ConfigurationError(f"expected a list of texts, found {describe_value(value)}.")
    return tuple(values)


def table(value: object) -> dict[str, object]:
    """A table; in a variable it is JSON. ``ConfigurationError`` for anything else."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = describe_value(value)
    if not isinstance(value, dict):
        raise ConfigurationError(
            'expected a table such as { name = "value" }, found '
            f"{value if isinstance(value, str) else describe_value(value)}."
        )
    return value


def proxies(value: object) -> object:
    """A table of schemes and addresses; in a variable it is JSON. ``ConfigurationError`` for
    anything else.
    """
    try:
        return table(value)
    except ConfigurationError as cause:
        raise ConfigurationError(
            'expected a table such as { https = "http://proxy:3128" }, found '
            f"{describe_value(value)}."
        ) from cause


def any_value(value: object) -> object:
    """What the client itself looks at."""
    return value


def sampling(value: object) -> object:
    """A duration, or a table of min_period, max_period and on_change. ``ConfigurationError`` for
    anything else.
    """
    if not isinstance(value, dict):
        return seconds(value)
    from ...objects import SamplingRate

    known = ("min_period", "max_period", "on_change")
    unknown = sorted(set(value) - set(known))
    if unknown or "min_period" not in value or "max_period" not in value:
        raise ConfigurationError(
            f"expected min_period and max_period, and on_change if wanted, found "
            f"{', '.join(value)}.{did_you_mean(unknown[0], known) if unknown else ''}"
        )
    return SamplingRate(
        seconds(value["min_period"]),
        seconds(value["max_period"]),
        flag(value.get("on_change", False)),
    )


def log_level(value: object) -> str:
    """The name of a level of logging. ``ConfigurationError`` for anything else."""
    return _one_of(text(value), LEVELS).upper()


def log_format(value: object) -> str:
    """``text`` or ``json``. ``ConfigurationError`` for anything else."""
    return _one_of(text(value), FORMATS).lower()


def _one_of(value: str, choices: tuple[str, ...]) -> str:
    if value.lower() not in map(str.lower, choices):
        raise ConfigurationError(
            f"expected one of {', '.join(choices)}, found {describe_value(value)}."
            f"{did_you_mean(value, choices)}"
        )
    return value


def health_port(value: object) -> object:
    """A port, with or without an address. ``ConfigurationError`` for anything else."""
    parse_address(value, "health")
    return value


def control_port(value: object) -> object:
    """A port of this machine. ``ConfigurationError`` for anything else."""
    local_address(value, "control")
    return value


def describe_value(value: object) -> str:
    """A value for a message: short, and named as in TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (dict, list)):
        return "a table" if isinstance(value, dict) else "a list"
    if isinstance(value, (date, time)):
        return f"the {'time' if isinstance(value, time) else 'date'} {value}"
    if isinstance(value, str) and "://" in value:
        value = without_secrets(value)
    return repr_of(value)[:60]


# --- tables ---------------------------------------------------------------------------------------

CLIENT: dict[str, Kind] = {
    "ven_name": text,
    "vtn_url": text,
    "ven_id": text,
    "registration_id": text,
    "register": flag,
    "report_only": flag,
    "cert": path,
    "key": path,
    "passphrase": secret,
    "ca_file": path,
    "check_hostname": flag,
    "tls_fingerprint": text,
    "vtn_fingerprint": text,
    "replay_window": seconds,
    "disable_signature": flag,
    "allow_jitter": flag,
    "jitter": text,
    "poll_frequency": seconds,
    "store": path,
    "max_backlog": seconds,
    "timeout": seconds,
    "proxies": proxies,
    "max_response_size": whole_number,
    "strict": flag,
    "opt_timeout": seconds,
    "default_opt": text,
    "market_contexts": names,
    "targets": table,
    "signals": names,
    "implied_cancel": flag,
    "callback_workers": whole_number,
    "debug": flag,
    "show_fingerprint": flag,
    "push": text,
    "listen": text,
    "push_ack": text,
    "poll_fallback": seconds,
}

REPORT: dict[str, Kind] = {
    "callback": text,
    "resource_id": text,
    "measurement": any_value,
    "data_collection_mode": text,
    "report_specifier_id": text,
    "r_id": text,
    "report_name": text,
    "reading_type": text,
    "report_type": text,
    "report_duration": seconds,
    "report_dtstart": moment,
    "sampling_rate": sampling,
    "data_source": any_value,
    "scale": text,
    "unit": text,
    "power_ac": flag,
    "power_hertz": number,
    "power_voltage": number,
    "market_context": text,
    "end_device_asset_mrid": text,
    "report_data_source": any_value,
    "gaps": text,
    "interval_duration": flag,
}

LOG: dict[str, Kind] = {"level": log_level, "format": log_format}
HEALTH: dict[str, Kind] = {"port": health_port, "file": path}
CONTROL: dict[str, Kind] = {"port": control_port, "token": secret}
FLEET: dict[str, Kind] = {
    "sites": path,
    "exchange_workers": whole_number,
    "handler_workers": whole_number,
    "start_rate": number,
}
TABLES: dict[str, dict[str, Kind]] = {
    "log": LOG,
    "health": HEALTH,
    "control": CONTROL,
    "fleet": FLEET,
}

HEADERS: dict[str, str] = {
    "ven": "[ven]",
    "vens": "[[vens]]",
    "fleet": "[fleet]",
    "handlers": "[handlers]",
    "reports": "[[reports]]",
    "log": "[log]",
    "health": "[health]",
    "control": "[control]",
    "certify": "[certify]",
}
"""The tables of a file, as they begin."""
NO_LOG_FILE = " The log goes to standard error: redirect it, or let systemd keep it."


def variable(key: str, table: str = "ven") -> str:
    """The name of the variable for a key: VEN_NAME, VEN_VTN_URL, VEN_LOG_LEVEL."""
    name = key.removeprefix("ven_") if table == "ven" else f"{table}_{key}"
    return f"VEN_{name}".upper()


def resolve_path(value: str, folder: str) -> str:
    """A path of a file, counted from that file's folder; the address of a database stays."""
    if "://" in value:
        return value
    return os.path.normpath(os.path.join(folder, value))


def hint(word: str, known: Iterable[str]) -> str:
    """The nearest known word, the table where the word belongs, or all known words."""
    names = list(known)
    if known is LOG and "file" in word:
        return NO_LOG_FILE
    return place_of(word) or did_you_mean(word, names) or f" Known are: {', '.join(names)}."


def place_of(word: str) -> str:
    """`` It belongs under [ven].`` for a key of another table, or a table inside another; or
    ``""``.
    """
    if word in HEADERS:
        return f" It is a table of its own: begin it with a line {HEADERS[word]}."
    known_keys: dict[str, Iterable[str]] = {
        **TABLES,
        "ven": CLIENT,
        "handlers": PARAMETERS,
        "reports": REPORT,
    }
    for table, known in known_keys.items():
        if word in known:
            return f" It belongs under {HEADERS[table]}."
        if word.startswith(f"{table}_") and word[len(table) + 1 :] in known:
            return f" It is {word[len(table) + 1 :]} under {HEADERS[table]}."
    return ""
