"""What all records share: frozen, slotted, keyword-only dataclasses that read as mappings
(``event['event_id']``) too.

``@element`` turns a class whose fields are declared with :mod:`.slots` into such a record, also on
Python 3.9, whose dataclasses have neither ``slots=`` nor ``kw_only=``. Constructors are generated
at first use. Records hold no XML and may be shared between threads.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from datetime import datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Callable, ClassVar, TypeVar

from ..errors import ConfigurationError
from ..presentation import Presentable
from .slots import MISSING, Slot

if TYPE_CHECKING:
    from collections.abc import Mapping as _Base
    from inspect import Signature

    _MappingBase = _Base[str, Any]
else:
    _MappingBase = object

R = TypeVar("R", bound="Record")


class Items(tuple[Any, ...]):
    """The sequences in records: tuples that compare equal to lists as well."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return tuple.__eq__(self, tuple(other) if isinstance(other, list) else other) is True

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return tuple.__hash__(self)


NONE = Items()


class view(property):
    """A computed value that is a key too. ``leading`` ones come before the fields."""

    leading = False


class leading_view(view):
    """A view that ``keys()`` names before the fields."""

    leading = True


class alias(property):
    """Another name of a field: readable, but not among the keys."""

    def __init__(self, name: str) -> None:
        super().__init__(attrgetter(name), doc=f"The same as ``{name}``.")
        self.name = name


class Record(Presentable, _MappingBase):
    """One element of a message, or of what the SDK remembers: immutable, comparable and hashable by
    value.

    As a mapping, iteration, ``len``, ``in`` and ``get`` see what carries a value; ``[k]`` of a
    known key that is absent is None; an unknown key is a ``KeyError`` that names near ones. Records
    equal dicts that say the same.
    """

    __slots__ = ()
    slots: ClassVar[dict[str, Slot]] = {}
    declared: ClassVar[dict[str, Slot]] = {}
    positional: ClassVar[tuple[str, ...]] = ()
    _keys: ClassVar[tuple[str, ...]] = ()
    _readable: ClassVar[dict[str, str]] = {}
    _values_of: ClassVar[Callable[[Any], tuple[Any, ...]]]
    _compared_of: ClassVar[Callable[[Any], Any]]

    def __init__(self, *args: Any, **values: Any) -> None:
        from .construct import constructor

        cls = type(self)
        cls.__init__ = constructor(cls)  # type: ignore[method-assign]
        cls.__init__(self, *args, **values)

    def flaw(self) -> str:
        """What contradicts the schema although each field alone is right; an empty string if
        nothing does.
        """
        return ""

    # --- a value, not a place ---------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        raise dataclasses.FrozenInstanceError(
            f"{type(self).__name__} is immutable, so {name} cannot be set. "
            f"Make a changed copy: record.replace({name}=...)."
        )

    def __delattr__(self, name: str) -> None:
        raise dataclasses.FrozenInstanceError(
            f"{type(self).__name__} is immutable, so {name} cannot be deleted."
        )

    def __eq__(self, other: object) -> bool:
        if type(other) is type(self):
            return bool(self._compared_of() == other._compared_of())
        if isinstance(other, Mapping) and not isinstance(other, Record):
            return self._says(other)
        return NotImplemented

    def __ne__(self, other: object) -> bool:
        same = self.__eq__(other)
        return same if same is NotImplemented else not same

    def _says(self, other: Mapping[Any, Any]) -> bool:
        """Whether a dict says the same: its keys are ours, and what it leaves out is absent or
        computed here.
        """
        if any(key not in self._readable for key in other):
            return False
        return all(_same(getattr(self, key), value) for key, value in other.items()) and all(
            _same(getattr(self, key), None)
            for key in self._keys
            if key not in other and key in self.slots
        )

    def __hash__(self) -> int:
        return hash((type(self).__name__, self._compared_of()))

    def __reduce__(self) -> tuple[Any, ...]:
        return restore, (type(self), self._values_of())

    def __copy__(self: R) -> R:
        return self

    def __deepcopy__(self: R, memo: Any) -> R:
        return self

    def __repr__(self) -> str:
        shown = (
            f"{name}={getattr(self, name)!r}"
            for name, slot in self.slots.items()
            if not slot.hidden and not _same(getattr(self, name), None)
        )
        return f"{type(self).__name__}({', '.join(shown)})"

    def replace(self: R, **changes: Any) -> R:
        """A copy with some fields changed."""
        values = {name: getattr(self, name) for name in self.slots}
        for name in changes:
            if name in values and self.slots[name].companion:
                values.pop(self.slots[name].companion, None)
        return type(self)(**{**values, **changes})

    # --- as a mapping -----------------------------------------------------------------------------

    def __getitem__(self, key: str) -> Any:
        if key in self._readable:
            return getattr(self, key)
        from difflib import get_close_matches

        near = get_close_matches(str(key), list(self._readable), 3, 0.5) or list(self._keys)
        raise KeyError(f"{type(self).__name__} has no key {key!r}. Near ones: {', '.join(near)}.")

    def __iter__(self) -> Iterator[str]:
        return (key for key in self._keys if getattr(self, key) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return True

    def __contains__(self, key: object) -> bool:
        return key in self._readable and getattr(self, str(key)) is not None

    def keys(self) -> KeysView[str]:
        """The names of what carries a value."""
        return KeysView(self)

    def items(self) -> ItemsView[str, Any]:
        """Names and values of what carries one."""
        return ItemsView(self)

    def values(self) -> ValuesView[Any]:
        """What carries a value, in the order of the keys."""
        return ValuesView(self)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of ``key``, or ``default`` where it is absent or unknown."""
        value = getattr(self, key) if key in self._readable else None
        return default if value is None else value

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts and lists, with datetimes and timedeltas in them; what is absent is left
        out.
        """
        return {key: _plain(value) for key, value in self.items()}

    def to_json(self, **options: Any) -> str:
        """JSON text: times as ISO 8601 with ``Z``, durations in seconds. ``options`` go to
        ``json.dumps``.
        """
        return json.dumps(self.to_dict(), default=_jsonable, **options)

    @classmethod
    def from_dict(cls: type[R], data: Mapping[str, Any]) -> R:
        """The record that a dict describes; nested dicts and lists become records. Computed keys
        are ignored.

        An unknown key is a :class:`~ven_sdk.ConfigurationError`, and so is a required one that is
        missing.
        """
        values: dict[str, Any] = {}
        for key, value in data.items():
            name = cls._readable.get(key, key if key in cls.slots else None)
            if name is None:
                raise ConfigurationError(
                    f"{cls.__name__} has no field {key!r}. It has: {', '.join(cls.slots)}."
                )
            if name in cls.slots and (name == key or name not in data):
                values[name] = value
        try:
            return cls(**values)
        except TypeError as cause:
            raise ConfigurationError(
                f"{cls.__name__} cannot be made of {sorted(values)}: {cause}"
            ) from cause


Mapping.register(Record)


def _same(one: Any, other: Any) -> bool:
    """Equality for which None and an empty sequence or mapping are the same: nothing."""
    nothing = other is None or (isinstance(other, (list, tuple, Mapping)) and not len(other))
    if one is None or (isinstance(one, (tuple, dict)) and not one):
        return nothing
    return not nothing and bool(one == other)


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _jsonable(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        return int(seconds) if seconds.is_integer() else seconds
    return str(value)


def restore(cls: type[R], values: tuple[Any, ...]) -> R:
    """The record of ``cls`` with exactly these field values, in the order of its slots: nothing is
    checked or converted.
    """
    record = cls.__new__(cls)
    for name, value in zip(cls.slots, values):
        object.__setattr__(record, name, value)
    return record


class _Signature:
    """What ``help()`` and ``inspect.signature`` show of a record's constructor, compiled at
    its first use.
    """

    def __get__(self, _instance: object, cls: type[Record]) -> Signature:
        from inspect import Parameter, Signature

        def parameter(name: str) -> Parameter:
            slot = cls.slots[name]
            ahead = name in cls.positional
            required = slot.default is MISSING and not slot.repeated
            given = () if slot.default is MISSING else slot.default
            return Parameter(
                name,
                Parameter.POSITIONAL_OR_KEYWORD if ahead else Parameter.KEYWORD_ONLY,
                default=Parameter.empty if required else given,
                annotation=_annotation(cls, name),
            )

        rest = (name for name in cls.slots if name not in cls.positional)
        return Signature([parameter(name) for name in (*cls.positional, *rest)])


def _annotation(cls: type[Record], name: str) -> str:
    found = (vars(base).get("__annotations__", {}).get(name) for base in cls.__mro__)
    return str(next((each for each in found if each is not None), "Any"))


def element(cls: type[R]) -> type[R]:
    """Make a record of a class whose fields are declared with slots (and with those of its
    bases).
    """
    own = {name: value for name, value in vars(cls).items() if isinstance(value, Slot)}
    stored = {name: slot for name, slot in own.items() if slot.stored}
    namespace = {
        name: value
        for name, value in vars(cls).items()
        if name not in own and name not in ("__dict__", "__weakref__")
    }
    namespace["__slots__"] = tuple(stored)
    namespace["slots"] = {**cls.slots, **stored}
    namespace["declared"] = {**cls.declared, **own}
    made: Any = type(cls.__name__, cls.__bases__, namespace)
    _name_keys(made)
    names = tuple(made.slots)
    made._values_of = _tuple_of(names)
    made._compared_of = _tuple_of(tuple(name for name in names if made.slots[name].compare))
    _declare_dataclass(made)
    made.__signature__ = _Signature()
    return made  # type: ignore[no-any-return]


def _tuple_of(names: tuple[str, ...]) -> Any:
    """A property-like method that gives the values of ``names`` as a tuple, at the speed of C where
    there are several.
    """
    if len(names) > 1:
        getter = attrgetter(*names)
    elif names:
        single = attrgetter(names[0])
        return lambda self: (single(self),)
    else:
        return lambda self: ()
    return lambda self: getter(self)


def _name_keys(cls: type[Record]) -> None:
    """Fix which names ``keys()`` and ``[...]`` know: fields, views and aliases."""
    views: dict[str, property] = {}
    for base in reversed(cls.__mro__):
        views.update(
            {name: value for name, value in vars(base).items() if isinstance(value, (view, alias))}
        )
    fields = [name for name, slot in cls.slots.items() if not slot.hidden]
    leading = [name for name, value in views.items() if isinstance(value, leading_view)]
    rest = [
        name for name, value in views.items() if isinstance(value, view) and name not in leading
    ]
    cls._keys = (*leading, *fields, *rest)
    cls._readable = {
        **{name: name for name in cls._keys},
        **{name: value.name for name, value in views.items() if isinstance(value, alias)},
    }


def _declare_dataclass(cls: type[Record]) -> None:
    """Let ``dataclasses.fields`` and its kin see the record; making one by ``dataclasses`` would
    not give slots on 3.9.
    """
    fields: dict[str, Any] = {}
    for name, slot in cls.slots.items():
        default: Any = dataclasses.MISSING if slot.default is MISSING else slot.default
        field: Any = dataclasses.field(default=default, compare=slot.compare)
        field.name, field.type, field._field_type = (
            name,
            cls.__annotations__.get(name, "Any"),
            _FIELD,
        )
        fields[name] = field
    cls.__dataclass_fields__ = fields  # type: ignore[attr-defined]


_FIELD: Any = vars(dataclasses)["_FIELD"]
