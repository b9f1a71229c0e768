"""What all records share: frozen, slotted, keyword-only dataclasses that read as mappings
(``event['event_id']``) too.

``@element`` (:mod:`.element`) turns a class whose fields are declared with :mod:`.declarations`
into such a record. Records hold no XML and may be shared between threads.
"""

from __future__ import annotations

import json
from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from datetime import datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Callable, ClassVar, Generic, TypeVar

from ..argument_names import named_arguments, refuse_unknown
from ..errors import ArgumentError, ConfigurationError, NoSuchKeyError, ReadOnlyError
from ..near_names import did_you_mean, missing_attribute, nearest, public_names
from ..presentation import Presentable
from ..text import repr_of
from .declaration import Declaration

FieldValue = Any
"""What a field holds, for those who name it by a text: ``record[key]`` and JSON."""

if TYPE_CHECKING:
    from abc import ABCMeta as _MetaBase
    from collections.abc import Mapping as _Base

    _MappingBase = _Base[str, FieldValue]
else:
    _MappingBase = object
    _MetaBase = type


R = TypeVar("R", bound="Record")
_JSON_OPTIONS = (
    *("skipkeys", "ensure_ascii", "check_circular", "allow_nan"),
    *("cls", "indent", "separators", "sort_keys"),
)
"""The arguments of ``json.dumps`` that may be given to :meth:`Record.to_json`."""
T = TypeVar("T")


if TYPE_CHECKING:
    view = property
    leading_view = property

    class alias(Generic[T]):
        """Another name of a field: readable, but not among the keys."""

        def __init__(self, name: str) -> None:
            self.name = name

        def __get__(self, record: object, owner: object = None) -> T: ...

else:

    class view(property):
        """A computed value that is a key too."""

    class leading_view(view):
        """A view that ``keys()`` names before the fields."""

    class alias(property, Generic[T]):
        """Another name of a field: readable, but not among the keys."""

        def __init__(self, name: str) -> None:
            super().__init__(attrgetter(name), doc=f"The same as ``{name}``.")
            self.name = name


class _RecordType(_MetaBase):
    """Answers an attribute that a class of records does not have."""

    if not TYPE_CHECKING:

        def __getattr__(cls, name: str) -> object:
            raise missing_attribute(cls, name, lambda: (*cls._readable, *public_names(cls)))


class Record(Presentable, _MappingBase, metaclass=_RecordType):
    """One element of a message, or of what the SDK remembers: immutable, comparable and hashable by
    value.

    As a mapping, iteration, ``len``, ``in`` and ``get`` see what carries a value; ``[k]`` of a
    known key that is absent is None; an unknown key is a ``KeyError`` that names near ones. Records
    equal dicts that say the same.
    """

    __slots__ = ()
    fields: ClassVar[dict[str, Declaration]] = {}
    declared: ClassVar[dict[str, Declaration]] = {}
    positional: ClassVar[tuple[str, ...]] = ()
    _keys: ClassVar[tuple[str, ...]] = ()
    _readable: ClassVar[dict[str, str]] = {}
    _values_of: ClassVar[Callable[[Record], tuple[object, ...]]]
    _compared_of: ClassVar[Callable[[Record], tuple[object, ...]]]

    def __init__(self, *args: object, **values: object) -> None:
        """``ArgumentError``: only ``@element`` gives a class of records its constructor."""
        raise ArgumentError(f"{type(self).__name__} has no constructor: decorate it with @element.")

    def flaw(self) -> str:
        """What contradicts the schema although each field alone is right; an empty string if
        nothing does.
        """
        return ""

    # --- a value, not a place ---------------------------------------------------------------------

    if not TYPE_CHECKING:  # type checkers refuse to set any attribute by themselves

        def __setattr__(self, name: str, value: object) -> None:
            right = name if name in self.fields else nearest(name, self.fields) or name
            raise ReadOnlyError(
                f"{type(self).__name__} is immutable, so {name} cannot be set. "
                f"Make a changed copy: record.replace({right}=...)."
            )

        def __delattr__(self, name: str) -> None:
            raise ReadOnlyError(
                f"{type(self).__name__} is immutable, so {name} cannot be deleted. "
                f"Make a changed copy: record.replace({name}=None)."
            )

        def __getattr__(self, name: str) -> object:
            cls = type(self)
            raise missing_attribute(self, name, lambda: (*cls._readable, *public_names(cls)))

        def __setitem__(self, key: object, value: object) -> None:
            self.__setattr__(str(key), value)

        def __delitem__(self, key: object) -> None:
            self.__delattr__(str(key))

        def __lt__(self, other: object) -> bool:
            name = type(self).__name__
            raise ArgumentError(
                f"{name} records have no order: {repr_of(other)} is not before or after one. "
                "Compare fields, or sort by one: sorted(records, key=lambda record: "
                f"record.{next(iter(self.fields), 'field')})."
            )

        __le__ = __gt__ = __ge__ = __lt__

    def __eq__(self, other: object) -> bool:
        if type(other) is type(self):
            return bool(self._compared_of() == other._compared_of())
        if isinstance(other, Mapping) and not isinstance(other, Record):
            return self._equals_mapping(other)
        return NotImplemented

    def __ne__(self, other: object) -> bool:
        same = self.__eq__(other)
        return same if same is NotImplemented else not same

    def _equals_mapping(self, other: Mapping[str, object]) -> bool:
        """Whether a dict says the same: its keys are ours, and what it leaves out is absent or
        computed here.
        """
        if any(key not in self._readable for key in other):
            return False
        return all(_same(getattr(self, key), value) for key, value in other.items()) and all(
            _same(getattr(self, key), None)
            for key in self._keys
            if key not in other and key in self.fields
        )

    def __hash__(self) -> int:
        return hash((type(self).__name__, self._compared_of()))

    def __reduce__(self) -> tuple[object, ...]:
        return restore, (type(self), self._values_of())

    def __copy__(self: R) -> R:
        return self

    def __deepcopy__(self: R, memo: object) -> R:
        return self

    def __repr__(self) -> str:
        shown = (
            f"{name}={getattr(self, name)!r}"
            for name, declaration in self.fields.items()
            if not declaration.hidden and not _same(getattr(self, name), None)
        )
        return f"{type(self).__name__}({', '.join(shown)})"

    @named_arguments
    def replace(self: R, **changes: object) -> R:
        """A copy with some fields changed."""
        if not changes.keys() <= self.fields.keys():
            refuse_unknown(f"{type(self).__name__}.replace()", changes, self.fields)
        values = {name: getattr(self, name) for name in self.fields}
        for name in changes:
            if name in values and self.fields[name].companion:
                values.pop(self.fields[name].companion, None)
        return type(self)(**{**values, **changes})

    # --- as a mapping -----------------------------------------------------------------------------

    def __getitem__(self, key: str) -> FieldValue:
        if key in self._readable:
            return getattr(self, key)
        from difflib import get_close_matches

        near = get_close_matches(str(key), list(self._readable), 3, 0.5) or list(self._keys)
        raise NoSuchKeyError(
            f"{type(self).__name__} has no key {key!r}. Near ones: {', '.join(near)}."
        )

    def __iter__(self) -> Iterator[str]:
        return (key for key in self._keys if getattr(self, key) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return True

    def __contains__(self, key: object) -> bool:
        return key in self._readable and getattr(self, str(key)) is not None

    @named_arguments
    def keys(self) -> KeysView[str]:
        """The names of what carries a value."""
        return KeysView(self)

    @named_arguments
    def items(self) -> ItemsView[str, FieldValue]:
        """Names and values of what carries one."""
        return ItemsView(self)

    @named_arguments
    def values(self) -> ValuesView[FieldValue]:
        """What carries a value, in the order of the keys."""
        return ValuesView(self)

    @named_arguments
    def get(self, key: str, default: object = None) -> FieldValue:
        """The value of ``key``, or ``default`` where it is absent or unknown."""
        value = getattr(self, key) if key in self._readable else None
        return default if value is None else value

    @named_arguments
    def to_dict(self) -> dict[str, FieldValue]:
        """Plain dicts and lists, with datetimes and timedeltas in them; what is absent is left
        out.
        """
        return {key: _to_plain(value) for key, value in self.items()}

    @named_arguments
    def to_json(self, **options: Any) -> str:
        """JSON text: times as ISO 8601 with ``Z``, durations in seconds. ``options`` go to
        ``json.dumps``. ``ArgumentError`` for those that it does not have, or cannot use.
        """
        function = f"{type(self).__name__}.to_json()"
        refuse_unknown(function, options, _JSON_OPTIONS)
        try:
            return json.dumps(self.to_dict(), default=_jsonable, **options)
        except TypeError as cause:
            raise ArgumentError(f"{function} cannot use {options!r}: {cause}.") from cause

    @classmethod
    @named_arguments
    def from_dict(cls: type[R], data: Mapping[str, object]) -> R:
        """The record that a dict describes; nested dicts and lists become records. Computed keys
        are ignored.

        An unknown key is a :class:`~ven_sdk.ConfigurationError`, and so is a required one that is
        missing.
        """
        values: dict[str, object] = {}
        if not isinstance(data, Mapping):
            raise ConfigurationError(f"{cls.__name__} is made of a dict, not of {repr_of(data)}.")
        for given, value in data.items():
            key = str.__str__(given) if isinstance(given, str) else ""
            name = cls._readable.get(key, key if key in cls.fields else None)
            if name is None:
                raise ConfigurationError(
                    f"{cls.__name__} has no field {repr_of(given)}."
                    f"{did_you_mean(key, cls.fields)} It has: "
                    f"{', '.join(cls.fields)}."
                )
            if name in cls.fields and (name == key or name not in data):
                values[name] = value
        try:
            return cls(**values)
        except ArgumentError as cause:
            raise ConfigurationError(
                f"{cls.__name__} cannot be made of {sorted(values)}: {cause}"
            ) from cause


Mapping.register(Record)


def _same(one: object, other: object) -> bool:
    """Equality for which None and an empty sequence or mapping are the same: nothing."""
    nothing = other is None or (isinstance(other, (list, tuple, Mapping)) and not len(other))
    if one is None or (isinstance(one, (tuple, dict)) and not one):
        return nothing
    return not nothing and bool(one == other)


def _to_plain(value: object) -> object:
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, (list, tuple)):
        return [_to_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _to_plain(item) for key, item in value.items()}
    return value


def _jsonable(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        return int(seconds) if seconds.is_integer() else seconds
    return str(value)


def restore(cls: type[R], values: tuple[object, ...]) -> R:
    """The record of ``cls`` with exactly these field values, in the order of its fields: nothing is
    checked or converted.
    """
    record = cls.__new__(cls)
    for name, value in zip(cls.fields, values):
        object.__setattr__(record, name, value)
    return record
