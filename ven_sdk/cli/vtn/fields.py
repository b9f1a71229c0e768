"""The fields of orders: what each may hold, and an error that names the field where it holds
something else. Pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Callable

from ...enums import SIGNAL_NAME
from ...errors import ConfigurationError
from ...near_names import did_you_mean
from ..run import keys

Kind = Callable[[object], Any]
LONGEST = timedelta(days=3650)
MOST_STEPS, MOST_LETTERS = 1000, 1000
LEVELS = (0, 1, 2, 3)
LEVEL_SIGNALS = ("SIMPLE", "simple")


class FieldError(ConfigurationError):
    """A field holds what it may not; ``field`` is its name."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(f"{field}: {text}")
        self.field = field


def check_fields(order: Mapping[str, object], kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """The fields that an order gives, converted; FieldError for one that there is not, or that
    holds something else.
    """
    unknown = sorted(str(name) for name in order if name not in {"do", "at", *kinds})
    if unknown:
        hint = did_you_mean(unknown[0], kinds)
        known = ", ".join(kinds) or "nothing"
        raise FieldError(unknown[0], f"{order['do']} takes {known}, not {unknown[0]!r}.{hint}")
    found = {}
    for name, kind in kinds.items():
        if order.get(name) is not None:
            try:
                found[name] = kind(order[name])
            except FieldError:
                raise
            except ConfigurationError as error:
                raise FieldError(name, str(error)) from error
    return found


def require_field(given: Mapping[str, Any], name: str, do: object) -> Any:
    """A field that the order cannot do without. ``FieldError`` where it is not given."""
    if name not in given:
        raise FieldError(name, f"{do} needs {name}.")
    return given[name]


# --- kinds ----------------------------------------------------------------------------------------


def name(value: object) -> str:
    """A name or ID: a printable text that is not empty. ``ConfigurationError`` for anything
    else.
    """
    found = keys.text(value)
    if not found.strip() or not found.isprintable() or len(found) > MOST_LETTERS:
        raise ConfigurationError(
            f"expected a printable text of up to {MOST_LETTERS} letters, found "
            f"{keys.describe_value(value)}."
        )
    return found


def comment(value: object) -> str:
    """A text for people: whatever may stand in XML. ``ConfigurationError`` for anything else."""
    found = keys.text(value)
    if len(found) > MOST_LETTERS or not all(each.isprintable() or each in "\n\t" for each in found):
        raise ConfigurationError(f"expected a text of up to {MOST_LETTERS} letters.")
    return found


def begin(value: object) -> timedelta:
    """When something begins, counted from now; negative where it has begun. ``ConfigurationError``
    for what is no duration.
    """
    length = keys.seconds(value)
    if abs(length) > LONGEST:
        raise ConfigurationError(f"at most {LONGEST.days} days from now.")
    return length


def spacing(value: object) -> timedelta:
    """A duration in whole seconds. ``ConfigurationError`` for anything else."""
    length = keys.whole_seconds(value)
    if length > LONGEST:
        raise ConfigurationError(f"at most {LONGEST.days} days.")
    return length


def delay(value: object) -> float:
    """A duration of a fault, in seconds. ``ConfigurationError`` for what is none."""
    length = keys.seconds(value)
    if length > LONGEST:
        raise ConfigurationError(f"at most {LONGEST.days} days.")
    return length.total_seconds()


def count(value: object) -> int:
    """How often: a whole number from 1 on. ``ConfigurationError`` for anything else."""
    number = keys.whole_number(value)
    if not 1 <= number <= 1_000_000:
        raise ConfigurationError(f"expected a whole number from 1 to 1000000, found {number}.")
    return number


def priority(value: object) -> int:
    """A priority: 0 is none, 1 the highest. ``ConfigurationError`` for anything else."""
    number = keys.whole_number(value)
    if not 0 <= number < 2**31:
        raise ConfigurationError(f"expected a whole number from 0 on, found {number}.")
    return number


def signal(value: object) -> str:
    """A signal's name: the standard's, or one of one's own that begins with x-.
    ``ConfigurationError`` names a near one.
    """
    found = name(value)
    if found not in SIGNAL_NAME.values and not found.startswith("x-"):
        hint = did_you_mean(found, SIGNAL_NAME.values)
        raise ConfigurationError(f"there is no {found!r}.{hint}")
    return found


def response_required(value: object) -> str:
    """Whether VENs are to answer. ``ConfigurationError`` for anything else."""
    if value not in ("always", "never"):
        raise ConfigurationError(
            f"expected 'always' or 'never', found {keys.describe_value(value)}."
        )
    return str(value)


def targets(value: object) -> dict[str, list[str]]:
    """Whom an event is for: kinds of targets, each with its IDs."""
    table = keys.table(value)
    return {name(kind): list(map(name, keys.names(ids))) for kind, ids in table.items()}


def steps(value: object) -> list[tuple[timedelta, float]]:
    """``[[60, 1], ["1 min", 2]]``: how long, and the payload. ``ConfigurationError`` for anything
    else, ``FieldError`` for a wrong part of a pair.
    """
    given = value if isinstance(value, (list, tuple)) and value else None
    if given is None or not all(
        isinstance(step, (list, tuple)) and len(step) == 2 for step in given
    ):
        raise ConfigurationError(
            "expected pairs of a duration and a value, such as [[60, 1], [60, 2]], found "
            f"{str(value)[:60]}."
        )
    if len(given) > MOST_STEPS:
        raise ConfigurationError(f"at most {MOST_STEPS} steps.")
    found = [(_length(length), _payload(payload)) for length, payload in given]
    if sum((length for length, _ in found), timedelta(0)) > LONGEST:
        raise FieldError("seconds", f"all steps together take at most {LONGEST.days} days.")
    if len(found) > 1 and any(not length for length, _ in found):
        raise FieldError("seconds", "a step of 0 s has no end: it must be the only one.")
    return found


def _is_pair(step: object) -> bool:
    return isinstance(step, (list, tuple)) and len(step) == 2


def _length(value: object) -> timedelta:
    try:
        return spacing(value)
    except ConfigurationError as error:
        raise FieldError("seconds", str(error)) from error


def _payload(value: object) -> float:
    try:
        number = keys.number(value)
    except ConfigurationError as error:
        raise FieldError("levels", str(error)) from error
    if abs(number) > 1e15:
        raise FieldError("levels", f"expected a number of a usual size, found {str(number)[:20]}.")
    return number


def check_levels(signal_name: str, given: "list[tuple[timedelta, float]]") -> None:
    """``FieldError`` where a SIMPLE signal has another level than 0 to 3. ``given``: durations and
    levels, which have no unit.
    """
    wrong = [payload for _, payload in given if payload not in LEVELS]
    if signal_name in LEVEL_SIGNALS and wrong:
        raise FieldError(
            "levels", f"{signal_name} takes the levels 0, 1, 2 and 3, not {wrong[0]:g}."
        )
