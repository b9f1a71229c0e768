"""Our frozen dataclasses as JSON-able data, and back, exactly: what the store writes down. Pure
functions, cached.

Records and plain dataclasses become dicts of their fields, without what has its default; moments
and durations become strings and microseconds. The types are not in the data: :func:`load` takes
them from the annotations.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable
from collections.abc import Mapping as AnyMapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import (
    Any,
    Callable,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from ..errors import PayloadError, StateError
from .declaration import MISSING, Declaration
from .items import Items
from .record import Record, restore

Convert = Callable[[Any], object]
"""One way or the other for values of one type: what it is called with came from such a value."""
_MICROSECOND = timedelta(microseconds=1)
_AS_THEY_ARE = (str, int, float, bool, type(None))


def dump(value: object) -> object:
    """JSON-able data of a record, a dataclass, or anything that may stand in one. A TypeError names
    what cannot.
    """
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    return _dumper(kind)(value)


def load(kind: object, data: object) -> Any:
    """The value of type ``kind`` (a class or a type annotation) that :func:`dump` made ``data`` of.

    :class:`StateError` if it cannot be: the data is of another type, or of another version of it.
    """
    try:
        return _loader(kind)(data)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as cause:
        raise StateError(
            f"Stored data is no {getattr(kind, '__name__', kind)}: {type(cause).__name__}: "
            f"{cause}. It is damaged, or was written by another version."
        ) from cause


# --- fields ---------------------------------------------------------------------------------------


@cache
def _fields(cls: type) -> tuple[tuple[str, object, object], ...]:
    """Name, type and default (or MISSING) of each field that is remembered."""
    hints = get_type_hints(cls)
    if issubclass(cls, Record):
        return tuple(
            (name, hints.get(name, object), _declared_default(declaration))
            for name, declaration in cls.fields.items()
        )
    return tuple(
        (field.name, hints.get(field.name, object), _default(field))
        for field in dataclasses.fields(cls)  # type: ignore[arg-type]
        if field.init
    )


def _declared_default(declaration: Declaration) -> object:
    return (
        Items()
        if declaration.repeated
        else None
        if declaration.default is MISSING
        else declaration.default
    )


def _default(field: dataclasses.Field[object]) -> object:
    if field.default is not dataclasses.MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else MISSING


def _is_default(value: object, default: object) -> bool:
    return value is default or (type(value) is type(default) and bool(value == default))


# --- out ------------------------------------------------------------------------------------------


def _find_dumper(kind: type) -> Convert:
    for base, convert in _DUMPERS:
        if issubclass(kind, base):
            return convert
    if dataclasses.is_dataclass(kind):
        fields = _fields(kind)
        return lambda value: {
            name: dump(held)
            for name, held, default in (
                (name, getattr(value, name), default) for name, _, default in fields
            )
            if not _is_default(held, default)
        }
    raise TypeError(
        f"{kind.__name__} has no form in JSON. Records, dataclasses, texts, numbers, times, "
        f"tuples and dicts have."
    )


_dumper: Callable[[type], Convert] = cache(_find_dumper)


def _dump_moment(value: datetime) -> str:
    return value.isoformat()


def _dump_mapping(value: AnyMapping[object, object]) -> object:
    if all(type(key) is str for key in value):
        return {key: dump(item) for key, item in value.items()}
    return [[dump(key), dump(item)] for key, item in value.items()]


def _dump_error(value: PayloadError) -> dict[str, object]:
    return {"message": str(value), "path": value.path, "value": value.value}


_DUMPERS: tuple[tuple[Union[type, tuple[type, ...]], Convert], ...] = (
    (Enum, lambda value: dump(value.value)),
    (bool, bool),
    (int, int),
    (float, float),
    (str, str.__str__),
    (datetime, _dump_moment),
    (timedelta, lambda value: value // _MICROSECOND),
    (Decimal, str),
    (bytes, lambda value: value.hex()),
    (PayloadError, _dump_error),
    (dict, _dump_mapping),
    ((tuple, list, frozenset, set), lambda value: [dump(item) for item in value]),
)


# --- in -------------------------------------------------------------------------------------------


@cache
def _loader(kind: object) -> Convert:
    if kind in (Any, object, *_AS_THEY_ARE):
        return _LOADERS.get(kind, lambda data: data)
    origin = get_origin(kind)
    if origin is Union or (sys.version_info >= (3, 10) and _is_pipe_union(kind)):
        return _union_loader(get_args(kind))
    if origin is not None:
        return _container_loader(origin, get_args(kind))
    if kind in _LOADERS:
        return _LOADERS[kind]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _dataclass_loader(kind)
    if kind in _BARE:
        return _BARE[kind]
    if isinstance(kind, TypeVar):
        return lambda data: data
    raise TypeError(f"{kind!r} cannot be loaded.")


def _is_pipe_union(kind: object) -> bool:
    import types

    return isinstance(kind, types.UnionType)


def _union_loader(options: tuple[object, ...]) -> Convert:
    """None, texts and numbers are told by their type in JSON; of several others the first that fits
    is taken.
    """
    plain = tuple(option for option in options if option in _AS_THEY_ARE)
    rest = [_loader(option) for option in options if option not in _AS_THEY_ARE]

    def convert(data: object) -> object:
        if data is None or (type(data) in plain and not rest):
            return data
        for option in rest:
            try:
                return option(data)
            except (KeyError, TypeError, ValueError, AttributeError):
                continue
        if type(data) in plain:
            return data
        raise ValueError(f"{data!r} fits none of {options}")

    if len(rest) == 1 and not any(option is not type(None) for option in plain):
        only = rest[0]
        return lambda data: None if data is None else only(data)
    return convert


def _container_loader(origin: object, arguments: tuple[object, ...]) -> Convert:
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        item = _loader(arguments[0])
        return lambda data: tuple([item(part) for part in data])
    if origin is tuple:
        items = [_loader(argument) for argument in arguments]
        return lambda data: tuple(convert(part) for convert, part in zip(items, data))
    if isinstance(origin, type) and issubclass(origin, AnyMapping):
        key, value = map(_loader, arguments)
        return lambda data: {
            key(k): value(v) for k, v in (data.items() if isinstance(data, dict) else data)
        }
    item = _loader(arguments[0]) if arguments else _loader(object)
    make = _SEQUENCES.get(origin, tuple)
    return lambda data: make([item(part) for part in data])


def _dataclass_loader(cls: type) -> Convert:
    """A function from a dict to an instance. Compiled late, so that classes may refer to each other
    and to themselves.
    """
    plan: list[tuple[str, Convert, object]] = []

    def convert(data: object) -> object:
        if not plan:
            fields = cls.fields if issubclass(cls, Record) else {}
            plan[:] = [
                (name, _field_loader(hint, name in fields and fields[name].repeated), default)
                for name, hint, default in _fields(cls)
            ]
        if not isinstance(data, dict):
            raise TypeError(f"a dict was expected for {cls.__name__}, not {type(data).__name__}")
        unknown = data.keys() - {name for name, _, _ in plan}
        if unknown:
            raise ValueError(f"{cls.__name__} has no field {sorted(unknown)}")
        values = {
            name: load_field(data[name]) if name in data else default
            for name, load_field, default in plan
        }
        if issubclass(cls, Record):
            return restore(cls, tuple(values.values()))
        return cls(**{name: value for name, value in values.items() if value is not MISSING})

    return convert


def _field_loader(hint: object, repeated: bool) -> Convert:
    if not repeated:
        return _loader(hint)
    (item,) = map(_loader, get_args(hint))
    return lambda data: Items([item(part) for part in data])


def _load_moment(data: str) -> datetime:
    moment = datetime.fromisoformat(data)
    return moment.astimezone(timezone.utc) if moment.tzinfo is not None else moment


def _load_error(data: dict[str, str]) -> PayloadError:
    return PayloadError(data["message"], path=data["path"], value=data["value"])


def _load_number(data: object) -> float:
    if isinstance(data, bool) or not isinstance(data, (int, float)):
        raise TypeError(f"{data!r} is no number")
    return data


_SEQUENCES: dict[object, Callable[[Iterable[object]], object]] = {
    list: list,
    set: set,
    frozenset: frozenset,
}
_BARE: dict[object, Convert] = {tuple: tuple, list: list, dict: dict, frozenset: frozenset}
_LOADERS: dict[object, Convert] = {
    datetime: _load_moment,
    timedelta: lambda data: timedelta(microseconds=data),
    Decimal: Decimal,
    bytes: bytes.fromhex,
    PayloadError: _load_error,
    float: _load_number,
}
