"""``@element`` makes a record of a class whose fields are declared with :mod:`.declarations`,
also on Python 3.9, whose dataclasses have neither ``slots=`` nor ``kw_only=``.

A record's constructor is compiled when the first record of its class is made: a VEN uses few of
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Callable, cast

from . import declarations as wire
from .construct import constructor
from .dataclass_seam import declare_dataclass
from .declaration import MISSING, Declaration
from .record import R, Record, alias, leading_view, view

if TYPE_CHECKING:
    from inspect import Signature

    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_facts):
        """Nothing at run time: it tells type checkers which parameters a record's class has."""
        return lambda decorator: decorator


class _Signature:
    """What ``help()`` and ``inspect.signature`` show of a record's constructor, compiled at
    its first use.
    """

    def __get__(self, _instance: object, cls: type[Record]) -> Signature:
        from inspect import Parameter, Signature

        def parameter(name: str) -> Parameter:
            declaration = cls.fields[name]
            ahead = name in cls.positional
            required = declaration.default is MISSING
            return Parameter(
                name,
                Parameter.POSITIONAL_OR_KEYWORD if ahead else Parameter.KEYWORD_ONLY,
                default=Parameter.empty if required else declaration.default,
                annotation=_annotation(cls, name),
            )

        rest = (name for name in cls.fields if name not in cls.positional)
        return Signature([parameter(name) for name in (*cls.positional, *rest)])


def _annotation(cls: type[Record], name: str) -> str:
    found = (vars(base).get("__annotations__", {}).get(name) for base in cls.__mro__)
    return str(next((each for each in found if each is not None), "object"))


@dataclass_transform(
    eq_default=False,
    kw_only_default=True,
    frozen_default=True,
    field_specifiers=(
        wire.text,
        wire.texts,
        wire.token,
        wire.boolean,
        wire.integer,
        wire.number,
        wire.numbers,
        wire.decimal,
        wire.date_time,
        wire.duration,
        wire.attribute,
        wire.child,
        wire.children,
        wire.targets,
        wire.measurement,
        wire.markup,
        wire.test_flag,
        wire.unwired_field,
        wire.unwired_items,
        wire.unwired_value,
    ),
)
def element(cls: type[R]) -> type[R]:
    """Make a record of a class whose fields are declared (and with those of its
    bases).
    """
    own = {name: value for name, value in vars(cls).items() if isinstance(value, Declaration)}
    stored = {name: declaration for name, declaration in own.items() if declaration.stored}
    fields = {**cls.fields, **stored}
    namespace = {
        name: value
        for name, value in vars(cls).items()
        if name not in own and name not in ("__dict__", "__weakref__")
    }
    namespace["__slots__"] = tuple(stored)
    namespace["fields"] = fields
    namespace["declared"] = {**cls.declared, **own}
    namespace["__init__"] = _compile_and_construct
    namespace.setdefault("positional", _positional(fields))
    namespace["_values_of"] = _tuple_of(tuple(fields))
    namespace["_compared_of"] = _tuple_of(tuple(name for name in fields if fields[name].compare))
    namespace["__signature__"] = _Signature()
    record = cast("type[R]", type(cls.__name__, cls.__bases__, namespace))
    _name_keys(record)
    declare_dataclass(record)
    return record


def _compile_and_construct(self: Record, *args: object, **values: object) -> None:
    """The constructor until the first record of its class is made."""
    cls = type(self)
    cls.__init__ = constructor(cls)  # type: ignore[method-assign]
    cls.__init__(self, *args, **values)


def _positional(fields: Mapping[str, Declaration]) -> tuple[str, ...]:
    return tuple(name for name, declaration in fields.items() if not declaration.kw_only)


def _tuple_of(names: tuple[str, ...]) -> Callable[[Record], tuple[object, ...]]:
    """A method that gives the values of ``names`` as a tuple, at the speed of C where there are
    several.
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
    views: dict[str, object] = {}
    for base in reversed(cls.__mro__):
        views.update(
            {name: value for name, value in vars(base).items() if isinstance(value, (view, alias))}
        )
    fields = [name for name, declaration in cls.fields.items() if not declaration.hidden]
    leading = [name for name, value in views.items() if isinstance(value, leading_view)]
    rest = [
        name for name, value in views.items() if isinstance(value, view) and name not in leading
    ]
    cls._keys = (*leading, *fields, *rest)
    cls._readable = {
        **{name: name for name in cls._keys},
        **{name: value.name for name, value in views.items() if isinstance(value, alias)},
    }
