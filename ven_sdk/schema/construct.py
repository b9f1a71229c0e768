"""Generated constructors: what a record's ``__init__`` and the reader's fast way of making records
look like as code.

Code is generated because thousands of intervals are made for one message: a loop over the fields
costs five times as much. A constructor converts what users write (lists, dicts, seconds), and
refuses what is of a wrong type, such as a text for a moment. Whether a value of the right type may
stand there (vocabulary, range, pattern, zone) is checked by the writer: a test VTN says wrong
things on purpose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Callable, Optional, SupportsFloat, TypeVar, cast

from ..argument_names import refuse_unknown
from ..arguments import any_duration, flag, scalar
from ..brackets import BoundValueMethod
from ..errors import ArgumentError, ConfigurationError
from ..text import repr_of
from .declaration import MISSING, Declaration
from .items import NONE, Items
from .record import Record

R = TypeVar("R", bound=Record)
REQUIRED = object()
"""The default of a field that must be given."""


def constructor(cls: type[Record]) -> Callable[..., None]:
    """The ``__init__`` of a record class: keywords only, except for the names in
    ``cls.positional``.
    """
    scope: dict[str, object] = {
        "cls": cls,
        "datetime": datetime,
        "checked": checked_value,
        "Items": Items,
        "items": as_items,
        "NONE": NONE,
        "timedelta": timedelta,
        "as_duration": as_duration,
        "REQUIRED": REQUIRED,
        "refuse": _refuse,
    }
    fields = cls.fields
    ahead = [_parameter(name, fields[name], scope) for name in cls.positional]
    rest = [
        _parameter(name, declaration, scope)
        for name, declaration in fields.items()
        if name not in cls.positional
    ]
    required = [name for name, declaration in fields.items() if _is_required(declaration)]
    wrong = " or ".join(["_more", "_unknown", *(f"{name} is REQUIRED" for name in required)])
    given = "".join(f"{name}, " for name in required)
    lines = [
        f"def __init__({', '.join(['self', *ahead, '*_more', *rest, '**_unknown'])}):",
        f"    if {wrong}:",
        f"        refuse(type(self), _more, _unknown, ({given}))",
    ]
    for name, declaration in fields.items():
        scope["set_" + name] = getattr(cls, name).__set__
        lines.append(f"    set_{name}(self, {_conversion(name, declaration, scope)})")
    if hasattr(cls, "after_init"):
        lines.append("    self.after_init()")
    # the text is our own
    exec(compile("\n".join(lines) or "pass", f"<{cls.__name__}.__init__>", "exec"), scope)
    made = cast("Callable[..., None]", scope["__init__"])
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


def _is_required(declaration: Declaration) -> bool:
    return declaration.default is MISSING


def _refuse(
    cls: type[Record],
    more: tuple[object, ...],
    unknown: Mapping[str, object],
    given: tuple[object, ...],
) -> None:
    """``ArgumentError`` for names that a record does not have, and for fields without a value."""
    refuse_unknown(f"{cls.__name__}()", unknown, cls.fields)
    if more:
        others = ", ".join(name for name in cls.fields if name not in cls.positional)
        raise ArgumentError(
            f"{cls.__name__}() takes {len(cls.positional)} arguments without a name. Give the "
            f"others by name: {others or 'there are none'}."
        )
    required = [name for name, declaration in cls.fields.items() if _is_required(declaration)]
    missing = [name for name, value in zip(required, given) if value is REQUIRED]
    raise ArgumentError(f"{cls.__name__}() needs {', '.join(missing)}.")


def _parameter(name: str, declaration: Declaration, scope: dict[str, object]) -> str:
    if _is_required(declaration):
        return f"{name}=REQUIRED"
    scope["default_" + name] = declaration.default
    return f"{name}=default_{name}"


def _conversion(name: str, declaration: Declaration, scope: dict[str, object]) -> str:
    """The expression that turns an argument into what the field holds; the usual type is passed on
    by one test.
    """
    if declaration.kind == "duration":
        return (
            f"{name} if {name} is None or type({name}) is timedelta else as_duration({name}, "
            f"'{name}')"
        )
    if declaration.repeated:
        scope["record_" + name] = declaration.record
        kind = f"'{_ITEMS[declaration.kind]}'" if declaration.kind in _ITEMS else None
        return (
            f"{name} if type({name}) is Items else items({name}, record_{name}, '{name}', {kind})"
        )
    if declaration.kind in ("child", "measurement"):
        scope["record_" + name] = declaration.record
        scope["as_" + name] = as_record
        return (
            f"{name} if {name} is None or type({name}) is record_{name} else as_{name}({name}, "
            f"record_{name}, '{name}')"
        )
    kind = _KINDS.get(declaration.kind)
    if kind is None:
        return name
    usual = " or ".join(
        [f"{name} is None", *(f"type({name}) is {each}" for each in _USUAL[kind].split())]
    )
    return f"{name} if {usual} else checked({name}, '{kind}', '{name}', cls)"


_KINDS = {
    **dict.fromkeys(("text", "token", "attribute", "markup"), "text"),
    **dict.fromkeys(("number", "decimal"), "number"),
    **dict.fromkeys(("boolean", "test_flag"), "boolean"),
    "integer": "whole number",
    "date_time": "datetime",
}
_ITEMS = {"texts": "text", "numbers": "number"}
_USUAL = {
    "text": "str",
    "number": "int float",
    "boolean": "bool",
    "whole number": "int",
    "datetime": "datetime",
}
"""The types that pass by one test each."""


def checked_value(value: object, kind: str, name: str, cls: Optional[type] = None) -> object:
    """``value`` if a field of that kind can hold it; ``ConfigurationError`` names the field."""
    if kind == "boolean":
        return flag(name, value)
    if isinstance(value, _ACCEPTED[kind]):
        return value
    if kind.endswith("number") and _is_number_elsewhere(value, kind):
        return value
    owner = f" of {_article(cls.__name__)}" if cls is not None else ""
    hint = f" Write '{repr_of(value)}'." if kind == "text" and type(value) is int else ""
    raise ConfigurationError(f"{name}{owner} must be a {kind}, not {repr_of(value)}.{hint}")


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'AEIO' else 'a'} {name}"


_ACCEPTED: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "number": (int, float, Decimal),
    "whole number": (int,),
    "datetime": (datetime,),
}


def _is_number_elsewhere(value: object, kind: str) -> bool:
    """Whether a value of somebody else's type, such as numpy's, is a number."""
    if isinstance(value, (str, bytes, type, BoundValueMethod)):
        return False
    plain = scalar(value)  # of numpy; its arrays and moments can do what numbers can
    if plain is not value:
        return isinstance(plain, _ACCEPTED[kind])
    is_one = getattr(value, "shape", ()) == ()
    return is_one and (
        hasattr(value, "__index__") or (kind == "number" and isinstance(value, SupportsFloat))
    )


def as_items(
    value: object, record: Optional[type[Record]], name: str, kind: Optional[str] = None
) -> Items[object]:
    """A field's sequence of what was given: a list, a tuple, any iterable, one record alone, or
    None. ``ConfigurationError`` for anything else.
    """
    if value is None:
        return NONE
    if isinstance(value, (str, bytes)):
        raise ConfigurationError(
            f"{name} is a sequence, not the single text {repr_of(value)}. Write [{repr_of(value)}]."
        )
    if isinstance(value, Mapping):
        value = (value,)
    if not isinstance(value, Iterable):
        raise ConfigurationError(f"{name} is a sequence, not {repr_of(value)}.")
    if record is not None:
        return Items(as_record(item, record, name) for item in value)
    return Items(checked_value(item, kind, name) for item in value) if kind else Items(value)


def as_record(value: object, record: Optional[type[Record]], name: str) -> object:
    """A record of what was given: itself, a dict of its fields, or what the class's ``of`` knows
    how to convert. ``ConfigurationError`` for anything else.
    """
    if record is None or isinstance(value, Record):
        return value
    convert = getattr(record, "of", None)
    if convert is not None:
        try:
            return convert(value)
        except ConfigurationError as cause:
            raise ConfigurationError(f"{name}: {cause}") from None
    if isinstance(value, Mapping):
        return record.from_dict(value)
    raise ConfigurationError(
        f"{name} takes a {record.__name__}, or a dict of its fields, not {repr_of(value)}."
    )


def as_duration(value: object, name: str) -> timedelta:
    """A timedelta of a duration, also of a negative one; anything else is a ConfigurationError."""
    return value if type(value) is timedelta else any_duration(name, value)


def builder(cls: type[R]) -> Callable[..., R]:
    """``build(a, b, ...)``: a record of these very values, in the order of the fields,
    several times faster than ``__init__``.

    A twin class with the same slots but without the ban on assignment is filled, and becomes the
    record by one change of its class. For the reader, which has checked the values. (Only a class
    with neither a ``__setattr__`` nor a ``__delattr__`` of Python has the fast assignment of C.)
    """
    names: list[str] = list(cls.fields)
    unguarded = {
        "__slots__": vars(cls)["__slots__"],
        "__setattr__": object.__setattr__,
        "__delattr__": object.__delattr__,
    }
    twin = type(cls.__name__ + "Twin", cls.__bases__, unguarded)
    lines = [f"def build({', '.join(names)}):", "    made = new(twin)"]
    lines += [f"    made.{name} = {name}" for name in names]
    lines += ["    made.__class__ = cls", "    return made"]
    scope: dict[str, object] = {"new": object.__new__, "twin": twin, "cls": cls}
    exec(compile("\n".join(lines), f"<{cls.__name__}.build>", "exec"), scope)  # our own text
    return cast("Callable[..., R]", scope["build"])
