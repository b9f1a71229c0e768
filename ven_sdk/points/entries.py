"""Readings as text: what callbacks may return becomes *entries*, and entries become payloads.

An entry is empty (no value) or what :class:`Entry` reads and writes: a number (``1.23``, with all
its digits), a JSON list (number or status, confidence, accuracy, quality), a JSON object (a
resource status) or a JSON string (a Green Button feed). Before it may stand a mark: ``~`` for a
value that stands in for a missing one, ``=`` for one that has not changed. A row packs its entries
with tabs, which none of them contains. Any thread.
"""

from __future__ import annotations

import json
import math
import numbers
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, Optional, Protocol, cast

from .. import arguments
from ..arguments import as_float, flag, is_number, scalar
from ..enums import DATA_QUALITY
from ..errors import ConfigurationError
from ..instants import LAST, to_utc
from ..schema.points import Number, ReportPayload, ResourceStatus
from ..text import class_name, repr_of, text_of

if TYPE_CHECKING:
    from typing_extensions import TypeGuard

GAP, UNCHANGED = "~", "="
NON_SPECIFIC = DATA_QUALITY.BAD_NON_SPECIFIC.value
LAST_KNOWN = DATA_QUALITY.BAD_LAST_KNOWN_VALUE.value
PREVIOUS = DATA_QUALITY.PREVIOUS_VALUE_USED.value
MOST_SAMPLES = 2_000_000
"""Values of one call of a callback: what gives more than that never ends, and takes all memory."""
_KNOWN_QUALITIES = frozenset(DATA_QUALITY.values)


class SampleBatch(NamedTuple):
    """What a callback gave: moments (None: the one it was called for) and entries, oldest first.

    ``naive`` says that a datetime had no time zone; ``useless``, that something was given, and none
    of it is a value.
    """

    samples: tuple[tuple[Optional[datetime], str], ...] = ()
    naive: bool = False
    useless: bool = False


NO_VALUE = SampleBatch()


# --- what callbacks return ------------------------------------------------------------------------


def read_numbers(result: object) -> SampleBatch:
    """Of an incremental or range callback: a value, a Sample, ``(datetime, value)``, an iterable of
    those, or None.
    """
    return _read(result, number_entry)


def read_statuses(result: object) -> SampleBatch:
    """Of a TELEMETRY_STATUS callback: a ResourceStatus, alone or in what ``read_numbers`` knows."""
    return _read(result, status_entry)


def read_feed(result: object) -> SampleBatch:
    """Of a HISTORY_GREENBUTTON callback: the Atom feed as text or bytes. ``TypeError`` for a value
    of another type.
    """
    if result is None:
        return NO_VALUE
    text = (
        bytes(result).decode("utf-8")
        if isinstance(result, (bytes, bytearray, memoryview))
        else result
    )
    if not isinstance(text, str):
        raise TypeError(f"it returned {class_name(result)}; expected an Atom feed as text or bytes")
    return SampleBatch(((None, json.dumps(text)),)) if text.strip() else NO_VALUE


def _read(result: object, entry_of: Callable[[object], str]) -> SampleBatch:
    naive = is_nan = False
    samples: list[tuple[Optional[datetime], str]] = []
    for count, item in enumerate(_items(result)):
        if count == MOST_SAMPLES:
            raise ValueError(f"it returned more than {MOST_SAMPLES:,} values")
        at, value, extras = _sample(item)
        entry = with_quality(entry_of(value), *extras)
        if at is not None:
            naive = naive or at.utcoffset() is None
            at = to_utc(at)
        if entry:
            samples.append((at, entry))
        is_nan = is_nan or (not entry and value is not None)
    if len(samples) > 1:
        samples.sort(key=lambda sample: sample[0] or LAST)
    return SampleBatch(tuple(samples), naive, useless=is_nan and not samples)


def _items(result: object) -> Iterable[object]:
    """The samples in a result: itself, unless it is an iterable of them."""
    single = (
        result is None
        or isinstance(result, (str, bytes, bytearray, memoryview, Mapping, numbers.Number))
        or _is_pair(result)
        or (hasattr(result, "item") and not getattr(result, "ndim", 0))
    )
    return (result,) if single or not isinstance(result, Iterable) else result


def _is_pair(item: object) -> TypeGuard[tuple[datetime, object]]:
    return isinstance(item, Sequence) and len(item) == 2 and isinstance(item[0], datetime)


class _SampleShape(Protocol):
    """What has the fields of a Sample: its class stands with the user's objects, above."""

    at: object
    value: object
    confidence: object
    accuracy: object
    data_quality: object


def _is_sample(item: object) -> TypeGuard[_SampleShape]:
    return not isinstance(item, type) and hasattr(item, "at") and hasattr(item, "data_quality")


def _sample(
    item: object,
) -> tuple[Optional[datetime], object, tuple[object, object, object]]:
    if _is_pair(item):
        return item[0], item[1], (None, None, None)
    if _is_sample(item):
        if item.at is not None and not isinstance(item.at, datetime):
            raise TypeError(f"at is {repr_of(item.at)}; expected a datetime")
        return item.at, item.value, (item.confidence, item.accuracy, item.data_quality)
    return None, item, (None, None, None)


# --- entries --------------------------------------------------------------------------------------


def number_entry(value: object) -> str:
    """A number as text, with the precision that it came with; empty for None and NaN. TypeError for
    anything else. ``ValueError`` for a number that no report can hold.
    """
    if value is None:
        return ""
    if hasattr(value, "item") and not isinstance(value, float):
        value = value.item()  # a numpy scalar
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        text = int.__repr__(value)
    elif isinstance(value, float):
        text = float.__repr__(value)  # numpy.float64 is a float whose own repr is no number
    elif isinstance(value, Decimal):
        text = str(value)
    elif is_number(value):  # a Fraction, or a number of some library
        text = repr(as_float(value))
    else:
        raise TypeError(
            f"it returned {repr_of(value):.80} ({class_name(value)}); expected a number, "
            "None, a Sample, (datetime, value) or an iterable of those"
        )
    size = float(text)
    if math.isinf(size):
        raise ValueError(f"it returned {text:.40}, which a report cannot hold")
    return "" if math.isnan(size) else text


def status_entry(value: object) -> str:
    """A ResourceStatus (or a dict of its fields) as text; empty for None. ``TypeError`` for a value
    of another type.
    """
    if value is None:
        return ""
    if not isinstance(value, ResourceStatus):
        if not isinstance(value, Mapping):
            raise TypeError(f"it returned {repr_of(value):.80}; expected a ResourceStatus or None")
        value = ResourceStatus.from_dict(value)
    return json.dumps(_jsonable(value), separators=(",", ":"))


def _jsonable(record: Mapping[str, object]) -> dict[str, object]:
    """A status with its numbers checked; Decimal and numpy numbers stand as text. ``ValueError``
    for a nan, for which there is no place: what is not known is left out.
    """
    found: dict[str, object] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            found[name] = _jsonable(value)
        elif name in ("online", "manual_override"):
            found[name] = flag(name, value)
        else:
            found[name] = number_entry(value)
            if not found[name]:
                raise ValueError(f"it returned a status whose {name} is {text_of(value):.20}")
    return found


def _accuracy_entry(accuracy: object) -> str:
    try:
        return number_entry(accuracy)
    except (TypeError, ValueError) as cause:
        raise type(cause)(f"accuracy is {repr_of(accuracy)}; expected a number") from cause


def with_quality(
    entry: str, confidence: object = None, accuracy: object = None, quality: object = None
) -> str:
    """``entry`` with what is known about how good it is. ValueError names what is out of range."""
    if not entry or (confidence is None and accuracy is None and quality is None):
        return entry
    percent = scalar(confidence)
    if percent is not None and not (
        is_number(percent) and 0 <= as_float(percent) <= 100 and percent == int(percent)
    ):
        raise ValueError(
            f"confidence is {repr_of(confidence)}; expected a percentage from 0 to 100, a whole "
            f"number"
        )
    word = str.__str__(quality) if isinstance(quality, str) else quality
    if word is not None and not (isinstance(word, str) and word in _KNOWN_QUALITIES):
        if not isinstance(word, str) or not word.startswith("x-") or word == "x-":
            raise ValueError(
                f"data_quality is {repr_of(quality)}; expected one of enums.DATA_QUALITY or an x- "
                "token"
            )
        arguments.text("data_quality", word)
    accurate = _accuracy_entry(accuracy) or None
    return json.dumps(
        [
            entry,
            None if percent is None else int(percent),
            accurate,
            word,
        ],
        separators=(",", ":"),
    )


def check_sample(sample: object) -> None:
    """Refuse a Sample whose fields no report can hold. ``ConfigurationError`` for anything else."""
    try:
        _, value, extras = _sample(sample)
        is_status = isinstance(value, (ResourceStatus, Mapping))
        (status_entry if is_status else number_entry)(value)
        with_quality("0", *extras)
    except (TypeError, ValueError) as cause:
        if isinstance(cause, ConfigurationError):
            raise
        raise ConfigurationError(
            f"Sample: {str(cause).replace('it returned', 'the value is')}."
        ) from cause


def pack(entries: Sequence[str]) -> str:
    """The entries of one row as one text."""
    return "\t".join(entries)


def unpack(packed: str) -> list[str]:
    """The entries of a row."""
    return packed.split("\t")


def count_values(packed: str) -> int:
    """How many values a row holds, without those that stand in for others."""
    return sum(1 for entry in unpack(packed) if is_value(entry))


def is_value(entry: str) -> bool:
    """Whether it was measured: neither missing nor standing in for a missing one."""
    return bool(entry) and entry[0] not in (GAP, UNCHANGED)


class Entry(NamedTuple):
    """One value of one data point, taken apart. ``mark`` is GAP, UNCHANGED or empty; ``number`` has
    all its digits; with neither ``number``, ``status`` nor ``feed`` nothing was ever known.
    """

    mark: str = ""
    number: Optional[str] = None
    status: Optional[ResourceStatus] = None
    feed: Optional[str] = None
    confidence: Optional[int] = None
    accuracy: Optional[str] = None
    quality: Optional[str] = None

    @classmethod
    def parse(cls, text: str) -> "Entry":
        """What ``text`` says."""
        mark = text[:1] if text[:1] in (GAP, UNCHANGED) else ""
        body = text[len(mark) :]
        if body[:1] != "[":
            return cls._value(body)._replace(mark=mark)
        inner, confidence, accuracy, quality = json.loads(body)
        value = cls._value(inner)
        return value._replace(mark=mark, confidence=confidence, accuracy=accuracy, quality=quality)

    @classmethod
    def _value(cls, body: str) -> "Entry":
        if body[:1] == "{":
            return cls(status=status(json.loads(body)))
        return cls(feed=json.loads(body)) if body[:1] == '"' else cls(number=body or None)

    def format(self) -> str:
        """The text that ``parse`` understands."""
        body = self.number or ""
        if self.status is not None:
            body = status_entry(self.status)
        elif self.feed is not None:
            body = json.dumps(self.feed)
        return self.mark + with_quality(body, self.confidence, self.accuracy, self.quality)

    def payload(self, r_id: str) -> Optional[ReportPayload]:
        """The payload; one that stands in for a missing value says so by its quality (T19). None
        for a feed, which is no payload.
        """
        if self.feed is not None:
            return None
        if self.number is None and self.status is None:
            return ReportPayload(r_id=r_id, value=0, data_quality=NON_SPECIFIC)
        marked = {GAP: LAST_KNOWN, UNCHANGED: PREVIOUS}.get(self.mark)
        if self.mark == GAP and self.quality == NON_SPECIFIC:
            marked = NON_SPECIFIC
        return ReportPayload(
            r_id=r_id,
            confidence=None if marked else self.confidence,
            accuracy=None if self.accuracy is None else number(self.accuracy),
            value=None if self.number is None else number(self.number),
            resource_status=self.status,
            data_quality=marked or self.quality,
        )


def placeholder(is_status: bool) -> str:
    """The entry of a data point of which nothing was ever known: 0, or offline (T19)."""
    if not is_status:
        return GAP
    return Entry(GAP, status=ResourceStatus(online=False), quality=NON_SPECIFIC).format()


def payload(r_id: str, entry: str) -> Optional[ReportPayload]:
    """The payload of an entry; None where it is empty."""
    return Entry.parse(entry).payload(r_id) if entry else None


def number(text: str) -> Number:
    """The number in ``text``: int or float where that holds all its digits, otherwise Decimal,
    which is written like a float.
    """
    try:
        return int(text)
    except ValueError:
        value = float(text)
    return value if repr(value) == text else cast(Number, Decimal(text))


def status(data: Mapping[str, object]) -> ResourceStatus:
    """The ResourceStatus that ``status_entry`` wrote down, and an earlier version, with nan as an
    empty text.
    """
    return ResourceStatus.from_dict(
        {
            name: {part: number(text) for part, text in value.items() if text}
            if isinstance(value, Mapping)
            else value
            for name, value in data.items()
            if not isinstance(value, Mapping) or value.get("current")
        }
    )
