"""Names of arguments: a mistyped or a superfluous one is answered with the nearest right one. Pure
functions.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable, Mapping
from types import FunctionType
from typing import Callable, Optional, TypeVar

from .brackets import ValueMethod, gives_value, refuse_call
from .errors import ArgumentError, NoSuchKeyError, ReadOnlyError, VenError
from .near_names import did_you_mean, missing_attribute, nearest, public_names

F = TypeVar("F", bound=Callable[..., object])
C = TypeVar("C")
HANDLERS = ("on_", "before_event")
"""How the names of handlers begin."""
CLOSE = 0.84
"""How alike ``on_evnt`` and ``on_event`` are, which ``on_event_start`` is not."""
BY_NAME = inspect.Parameter.KEYWORD_ONLY


def refuse_unknown(function: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse an argument that ``function`` does not have: ``ArgumentError`` names the nearest."""
    __tracebackhide__ = True  # pytest shows the caller's line
    known = tuple(dict.fromkeys(name for name in known if name not in ("self", "limits")))
    for name in given:
        if name not in known:
            others = f"Known are: {', '.join(known)}." if known else "It takes none."
            raise ArgumentError(
                f"{function} takes no argument {name!r}.{_meaning(name, known)} {others}"
            )


def _meaning(name: str, known: Iterable[str]) -> str:
    """What was meant by an argument that there is not: the nearest, or a handler; or ``""``."""
    if not name.startswith(HANDLERS) or nearest(name, known, CLOSE):
        return did_you_mean(name, known)
    return f" A handler is added afterwards: add_handler({name!r}, function)."


def named_arguments(function: F) -> F:
    """Before a public function: arguments that it does not have, and those that are missing, are
    an ``ArgumentError`` that names the nearest right one.
    """

    @functools.wraps(function)
    def call_checked(*values: object, **named: object) -> object:
        __tracebackhide__ = True  # pytest shows the caller's line
        try:
            return function(*values, **named)
        except TypeError:
            explained = _explain(function, values, named)
            if explained is None:
                raise
        raise explained from None  # Python's own words would stand above ours

    return call_checked  # type: ignore[return-value]


def _explain(
    function: Callable[..., object], values: tuple[object, ...], named: Mapping[str, object]
) -> Optional[ArgumentError]:
    """What to say where ``function`` cannot be called with these arguments; else None."""
    signature = inspect.signature(function)
    own = _name_of(function, values)
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    try:
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            refuse_unknown(f"{own}()", named, signature.parameters)
        signature.bind(*values, **named)
    except ArgumentError as refusal:
        return refusal.with_traceback(None)
    except TypeError as cause:
        by_name = [each.name for each in signature.parameters.values() if each.kind is BY_NAME]
        hint = (
            f" Give by name: {', '.join(by_name)}." if by_name and "too many" in str(cause) else ""
        )
        return ArgumentError(f"{own}(): {cause}.{hint}")
    return None


def _name_of(function: Callable[..., object], values: tuple[object, ...]) -> str:
    """A function as its caller wrote it: a method with the class of its object, whichever base has
    it.
    """
    path, _, name = function.__qualname__.rpartition(".")
    owner = values[0] if values and path else None
    cls = owner if isinstance(owner, type) else type(owner)
    if name == "__init__":
        own = getattr(getattr(cls, "__init__"), "__wrapped__", None) is function  # noqa: B009
        return cls.__name__ if own else path
    return f"{cls.__name__}.{name}" if hasattr(cls, name) else function.__qualname__


def named_methods(cls: type[C]) -> type[C]:
    """A class whose public methods, those of our base classes included, answer a mistyped argument
    as :func:`named_arguments` does, and those that give a value say where their brackets are
    missing.
    """
    for base in cls.__mro__:
        found = vars(base).items() if base.__module__.startswith("ven_sdk.") else ()
        for name, method in list(found):
            public = isinstance(method, FunctionType) and not name.startswith("_")
            if public and getattr(cls, name) is method:
                checked = method if hasattr(method, "__wrapped__") else named_arguments(method)
                setattr(cls, name, ValueMethod(checked) if gives_value(checked) else checked)
            elif isinstance(method, classmethod) and base is cls:
                setattr(cls, name, classmethod(named_arguments(method.__func__)))
    return cls


def checked_names(cls: type[C]) -> type[C]:
    """A class whose constructor answers a mistyped name as :func:`named_arguments` does."""
    init: Callable[..., object] = vars(cls)["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    setattr(cls, "__init__", named_arguments(init))  # noqa: B010
    return cls


def checked_value(cls: type[C]) -> type[C]:
    """A dataclass whose constructor and methods answer as :func:`checked_names` and
    :func:`named_methods` do, and which names the nearest where an attribute is read that it does
    not have, or one by ``[...]``. It cannot be changed or called.
    """

    def read_attribute(self: object, name: str) -> object:
        raise missing_attribute(self, name, lambda: [*vars(self), *public_names(cls)])

    def read_key(self: object, key: object) -> object:
        near = nearest(key, [*vars(self), *public_names(cls)])
        write = f".{near}" if near else f"one of: .{', .'.join(vars(self))}"
        raise NoSuchKeyError(f"{cls.__name__} has attributes, not [{key!r}]. Write {write}.")

    def keep_attribute(self: object, name: str, value: object = None) -> None:
        near = did_you_mean(name, vars(self)) if name not in vars(self) else ""
        raise ReadOnlyError(f"{cls.__name__} is fixed: {name} cannot be set or deleted.{near}")

    setattr(cls, "__getattr__", read_attribute)  # noqa: B010
    setattr(cls, "__getitem__", read_key)  # noqa: B010
    setattr(cls, "__setattr__", keep_attribute)  # noqa: B010
    setattr(cls, "__delattr__", keep_attribute)  # noqa: B010
    setattr(cls, "__call__", refuse_call)  # noqa: B010
    setattr(cls, "do_not_call_in_templates", True)  # noqa: B010  # Django calls what is callable
    return named_methods(checked_names(cls))


def show_arguments(of: Callable[..., object], like: Callable[..., object]) -> None:
    """``help()`` and ``inspect`` show the function ``of`` with the arguments of ``like``."""
    setattr(of, "__signature__", inspect.signature(like))  # noqa: B010


def _read_missing(error: VenError, name: str) -> object:
    raise missing_attribute(error, name, lambda: [*vars(error), *public_names(type(error))])


def _check_errors(cls: type[VenError]) -> None:
    """Have the constructors of our errors answer, too: their module is below this one."""
    if "__init__" in vars(cls):
        checked_names(cls)
    for each in cls.__subclasses__():
        _check_errors(each)


_check_errors(VenError)
setattr(VenError, "__getattr__", _read_missing)  # noqa: B010
