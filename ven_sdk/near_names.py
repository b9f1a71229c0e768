"""Which known name a mistyped one stands for: the one place that makes "Did you mean ...?". Pure
functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Callable

from .errors import NoSuchAttributeError

CLOSE = 0.6
SHORT = 3
"""Letters of a word that is like another only where both begin with the same one."""
ELSEWHERE: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("ca", "cacert", "cacerts", "cafile", "cabundle", "truststore"), ("ca_file",)),
    **dict.fromkeys(("verify", "verifyssl", "sslverify"), ("ca_file",)),
    **dict.fromkeys(("certificate", "clientcert", "certfile", "certpath"), ("cert",)),
    **dict.fromkeys(("privatekey", "keyfile", "certkey", "clientkey"), ("key",)),
    **dict.fromkeys(("password", "passwd", "keypassword", "pin"), ("passphrase",)),
    **dict.fromkeys(("db", "database", "storage", "state", "persist"), ("store", "status")),
    **dict.fromkeys(
        ("poll", "polling", "pollinterval", "pollrate", "pollperiod", "interval"),
        ("poll_frequency",),
    ),
    **dict.fromkeys(("host", "url", "endpoint", "address"), ("vtn_url", "url")),
    "server": ("vtn_url", "url", "vtn"),
    **dict.fromkeys(
        ("samplerate", "rate", "period", "granularity"), ("sampling_rate", "granularity")
    ),
    "timeout": ("wait",),
    **dict.fromkeys(("mode",), ("data_collection_mode",)),
    **dict.fromkeys(("close", "disconnect", "shutdown", "loopstop"), ("stop",)),
    **dict.fromkeys(("connect", "loopstart"), ("start",)),
    **dict.fromkeys(("loopforever", "serveforever", "mainloop"), ("run",)),
    **dict.fromkeys(("connected", "isconnected"), ("status", "state")),
    **dict.fromkeys(("registered", "isregistered"), ("status", "state")),
    **dict.fromkeys(("sendreport", "publish", "pushvalue", "sendvalue"), ("report_value",)),
    **dict.fromkeys(("handler", "callback", "func", "fn"), ("function",)),
    **dict.fromkeys(("onconnect", "onconnected"), ("on_registered",)),
    **dict.fromkeys(("ondisconnect", "ondisconnected"), ("on_registration_lost",)),
    **dict.fromkeys(("onmessage",), ("on_event",)),
    **dict.fromkeys(("tick", "sleep", "forward"), ("advance",)),
    **dict.fromkeys(("set", "settime", "moveto", "travel"), ("advance_to",)),
    **dict.fromkeys(("metrics", "prometheus", "live"), ("health",)),
    **dict.fromkeys(("debug", "verbose", "verbosity"), ("debug", "log_level", "level")),
    **dict.fromkeys(("timezone", "zone"), ("tz",)),
    "ven": ("ven_id", "ven_ids", "ven_name"),
    **dict.fromkeys(("venname", "device", "site", "vens"), ("ven_name", "ven_id", "ven")),
    "venid": ("ven_id", "ven"),
    "id": ("event_id", "signal_id", "opt_id", "r_id", "ven_id"),
    **dict.fromkeys(
        ("start", "begin", "starttime", "dtstart"), ("dtstart", "active_period", "begin")
    ),
    "intervals": ("steps",),
    **dict.fromkeys(("end", "endtime", "dtend"), ("duration", "active_period")),
    "value": ("signal_payload", "payload", "intervals"),
    **dict.fromkeys(
        ("payload", "level"),
        ("signal_payload", "payload", "value", "current_level", "intervals", "event_signals"),
    ),
    "reregister": ("request_reregistration", "register"),
}
"""What other libraries call things, without case and separators, and what they are called here."""


def nearest(word: object, known: Iterable[str], close: float = CLOSE) -> str:
    """The known name that is most like ``word``, whatever the case and the separators; ``""`` where
    none is like it, or it is no text. ``close`` is the likeness wanted, between 0 and 1.
    """
    if not isinstance(word, str):
        return ""
    from difflib import get_close_matches  # costs 2 ms, and only mistakes need it

    names = list(known)
    for meant in map(_simplify, ELSEWHERE.get(_simplify(word), ())):
        found = next((name for name in names if _simplify(name) == meant), "")
        if found:
            return found
    plain = list(dict.fromkeys(map(_simplify, names)))
    if len(_simplify(word)) <= SHORT:  # "ven" is no slip of the finger for "event_id"
        plain = [name for name in plain if name[:1] == _simplify(word)[:1]]
    near = get_close_matches(_simplify(word), plain, 1, close)
    alike = [name for name in names if near and _simplify(name) == near[0]]
    return max(alike, key=lambda name: _same_letters(name, word), default="")


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """`` Did you mean 'name'?`` with a blank before it, or ``""``: to be added to an error."""
    near = nearest(word, known)
    return f" Did you mean {near!r}?" if near else ""


def missing_attribute(
    owner: object, name: str, known: Callable[[], Iterable[str]]
) -> NoSuchAttributeError:
    """The error for an attribute that ``owner``, an object or a class, does not have. ``known()``
    lists what it has, when the text is read.
    """
    cls = owner if isinstance(owner, type) else type(owner)
    return _missing(f"{cls.__name__} has no attribute {name!r}.", name, known)


def missing_name(module: str, name: str, known: Iterable[str]) -> NoSuchAttributeError:
    """The error for a name that a module does not have: perhaps another public one has it."""

    def explain() -> str:
        return "" if name.startswith("_") else _home_of(name) or did_you_mean(name, known)

    return NoSuchAttributeError(f"module {module!r} has no attribute {name!r}.", explain)


def missing_in_rows(rows: Sequence[object], name: str) -> NoSuchAttributeError:
    """The error for an attribute that a sequence does not have: perhaps each of its items has
    it.
    """

    def explain() -> str:
        if name.startswith("_"):
            return ""
        if rows and hasattr(rows[0], name):
            return f" Each item has it: write [0].{name}, or a loop."
        return did_you_mean(name, public_names(type(rows))) or " Its items stand by number: [0]."

    return NoSuchAttributeError(f"{type(rows).__name__} has no attribute {name!r}.", explain)


def _missing(text: str, name: str, known: Callable[[], Iterable[str]]) -> NoSuchAttributeError:
    return NoSuchAttributeError(
        text, lambda: "" if name.startswith("_") else did_you_mean(name, known())
    )


def _home_of(name: str) -> str:
    """`` It is ven_sdk.enums.OPT.`` for a public name of ours, or ``""``."""
    package = __name__.partition(".")[0]
    for module in (package, f"{package}.testing", f"{package}.objects", f"{package}.enums"):
        if name in import_module(module).__all__:
            return f" It is {module}.{name}."
    return ""


def public_names(cls: type) -> list[str]:
    """The attributes of a class that are for its users."""
    return [name for name in dir(cls) if not name.startswith("_")]


def _same_letters(name: str, word: str) -> int:
    """In how many places two words have the same letter, in the same case."""
    return sum(ours == theirs for ours, theirs in zip(name, word))


def _simplify(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
