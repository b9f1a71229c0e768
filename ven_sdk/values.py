"""Frozen dataclasses made cheaply: ``from ..values import dataclass`` where the standard one would
be too slow to import.

The standard library compiles six functions for each class, 0.7 ms; the SDK has some two dozen
classes, of which a program that only polls uses half. Here all classes share them, but for
``__init__``, which is compiled at the first instance. ``fields``, ``replace``, ``asdict`` and type
checkers see dataclasses like all others.
"""

from __future__ import annotations

import dataclasses
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Callable

_MISSING = dataclasses.MISSING


def _value(*, frozen: bool) -> Callable[[Any], Any]:
    """What ``dataclasses.dataclass(frozen=True)`` makes of a class without ``__post_init__``."""
    assert frozen, "values are immutable"

    def made(cls: Any) -> Any:
        cls = dataclasses.dataclass(init=False, repr=False, eq=False)(cls)
        names = [field.name for field in dataclasses.fields(cls) if field.compare]
        compared = attrgetter(*names) if names else lambda self: ()

        def __init__(self: Any, *values: Any, **named: Any) -> None:
            cls.__init__ = _constructor(cls)
            cls.__init__(self, *values, **named)

        def __eq__(self: Any, other: Any) -> Any:
            return (
                compared(self) == compared(other)
                if other.__class__ is self.__class__
                else NotImplemented
            )

        def __hash__(self: Any) -> int:
            return hash(compared(self))

        for method in (__init__, __eq__, __hash__, __repr__, __setattr__, __delattr__):
            if method.__name__ not in vars(cls):
                setattr(cls, method.__name__, method)
        cls.__signature__ = _Signature()
        return cls

    return made


class _Signature:
    """What ``help()`` and the documentation show of the constructor, which may not be compiled
    yet.
    """

    def __get__(self, _instance: Any, cls: Any) -> Any:
        from inspect import Parameter, Signature

        return Signature(
            [
                Parameter(
                    field.name,
                    Parameter.POSITIONAL_OR_KEYWORD,
                    default=_shown_default(field),
                    annotation=field.type,
                )
                for field in dataclasses.fields(cls)
            ]
        )


def _shown_default(field: Any) -> Any:
    from inspect import Parameter

    if field.default is not _MISSING:
        return field.default
    return Parameter.empty if field.default_factory is _MISSING else field.default_factory()


def __repr__(self: Any) -> str:
    shown = ", ".join(
        f"{field.name}={getattr(self, field.name)!r}"
        for field in dataclasses.fields(self)
        if field.repr
    )
    return f"{type(self).__qualname__}({shown})"


def __setattr__(self: Any, name: str, value: Any) -> None:
    raise dataclasses.FrozenInstanceError(
        f"{type(self).__name__} is immutable, so {name} cannot be set."
    )


def __delattr__(self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(
        f"{type(self).__name__} is immutable, so {name} cannot be deleted."
    )


def _constructor(cls: Any) -> Callable[..., None]:
    scope: dict[str, Any] = {"put": object.__setattr__, "MISSING": _MISSING}
    parameters: list[str] = ["self"]
    lines: list[str] = []
    for field in dataclasses.fields(cls):
        name, given = field.name, field.name
        if field.default is not _MISSING:
            scope[f"default_{name}"] = field.default
            parameters.append(f"{name}=default_{name}")
        elif field.default_factory is not _MISSING:
            scope[f"fresh_{name}"] = field.default_factory
            parameters.append(f"{name}=MISSING")
            given = f"fresh_{name}() if {name} is MISSING else {name}"
        else:
            parameters.append(name)
        lines.append(f"    put(self, {name!r}, {given})")
    source = "\n".join([f"def __init__({', '.join(parameters)}):", *(lines or ["    pass"])])
    exec(compile(source, f"<{cls.__name__}.__init__>", "exec"), scope)  # our own text
    made: Callable[..., None] = scope["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:
    dataclass = _value
