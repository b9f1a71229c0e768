"""Brackets that are missing or too many: a method that is used like a value (``client.health.ok``),
and a value that is called like a function (``client.events()``). Pure functions and two values.
"""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import TYPE_CHECKING, Callable, NoReturn, Optional, TypeVar

from .errors import ArgumentError, NoSuchAttributeError
from .text import repr_of

if TYPE_CHECKING:
    from typing_extensions import TypeGuard

T = TypeVar("T")
K = TypeVar("K")
Function = Callable[..., object]
_UNARY = ("len", "iter", "int", "float", "index", "neg", "abs", "round", "enter")
_BINARY = ("lt", "le", "gt", "ge", "getitem", "contains")
_NUMERIC = ("add", "sub", "mul", "truediv", "floordiv", "mod")
OPERATORS: tuple[str, ...] = (*_UNARY, *_BINARY, *_NUMERIC, *(f"r{name}" for name in _NUMERIC))
"""What people do with the value that a method would have given."""


def refuse_call(value: object, *given: object) -> object:
    """``ArgumentError``: the ``__call__`` of values that people take for methods.

    Libraries ask ``callable()`` of what they are given, and call that with something (pandas with a
    table, ``re.sub`` with a match): they get the value itself, as if it could not be called.
    """
    if given:
        return value
    kind, shown = type(value).__name__, repr_of(value)
    whole = shown if shown.startswith(kind) else f"{kind} {shown}"
    raise ArgumentError(
        f"{whole[:70]}{'...' if whole[70:] else ''} is a value, not a function. Leave out the () "
        "behind it."
    )


class ValueList(list[T]):
    """A list that a property gives."""

    __call__ = refuse_call


class ValueDict(dict[K, T]):
    """A dict that a property gives."""

    __call__ = refuse_call


def is_function(value: object) -> TypeGuard[Function]:
    """Whether ``value`` can be called as a function: a value that only says that it is none
    cannot.
    """
    return callable(value) and getattr(type(value), "__call__", None) is not refuse_call  # noqa: B004


class ValueMethod:
    """Stands in a class for a method that gives a value and may be called without arguments. Read
    from the class it is the function itself, from an object a :class:`BoundValueMethod`.
    """

    def __init__(self, function: Function) -> None:
        self.function: Function = function
        self.__wrapped__: Function = function
        self.__doc__ = function.__doc__

    def __get__(self, owner: Optional[object], cls: Optional[type] = None) -> object:
        return self.function if owner is None else BoundValueMethod(self.function, owner)


class BoundValueMethod:
    """A bound method that says to call it where it is used like the value that it would give.

    It is true, as all methods are: programs ask ``if callback:`` before they call one.
    """

    __slots__ = ("__func__", "__self__", "__weakref__")

    def __init__(self, function: Function, owner: object) -> None:
        self.__func__: Function = function
        self.__self__: object = owner

    def __call__(self, *values: object, **named: object) -> object:
        __tracebackhide__ = True  # pytest shows the caller's line
        return self.__func__(self.__self__, *values, **named)

    def __get__(self, owner: object, cls: Optional[type] = None) -> BoundValueMethod:
        return self

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            return getattr(self.__func__, name)
        raise NoSuchAttributeError(self._explain(f".{name}"))

    def __setattr__(self, name: str, value: object) -> None:
        if name.startswith("__"):
            object.__setattr__(self, name, value)
        else:
            raise NoSuchAttributeError(self._explain(f".{name}"))

    @property
    def __signature__(self) -> inspect.Signature:
        whole = inspect.signature(self.__func__)
        return whole.replace(parameters=list(whole.parameters.values())[1:])

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (int, float, str, list, tuple)):
            raise ArgumentError(self._explain(f" == {repr_of(other)}"))
        return (
            isinstance(other, BoundValueMethod)
            and other.__func__ is self.__func__
            and other.__self__ is self.__self__
        )

    def __hash__(self) -> int:
        return hash((id(self.__self__), self.__func__))

    def __reduce__(self) -> tuple[object, ...]:
        return getattr, (self.__self__, self.__func__.__name__)

    def __repr__(self) -> str:
        return f"<bound method {self.__func__.__qualname__} of {self.__self__!r}>"

    def _explain(self, used: str = "") -> str:
        name = self.__func__.__name__
        return (
            f"{type(self.__self__).__name__}.{name} is a method, so call it: write {name}(){used}."
        )


def _refuse_operator(method: BoundValueMethod, *_: object) -> NoReturn:
    raise ArgumentError(method._explain())


def _refuse_operators() -> None:
    for name in OPERATORS:
        setattr(BoundValueMethod, f"__{name}__", _refuse_operator)


_refuse_operators()
BoundValueMethod.__doc__ = property(lambda method: method.__func__.__doc__)  # type: ignore[assignment]


def gives_value(function: Function) -> bool:
    """Whether a method of a class gives a value, and can be called without arguments."""
    if not isinstance(function, FunctionType) or inspect.isgeneratorfunction(function):
        return False
    if function.__annotations__.get("return") in (None, "None", "NoReturn"):
        return False
    free = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    rest = list(inspect.signature(function).parameters.values())[1:]
    return all(each.default is not each.empty or each.kind in free for each in rest)
