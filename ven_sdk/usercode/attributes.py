"""What may be set on a client or a fleet, and what can be read there: a mistyped attribute would
have no effect, and nobody would know. Any thread.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, NoReturn

from ..argument_names import named_methods
from ..errors import ArgumentError, ConfigurationError, NoSuchAttributeError, NoSuchKeyError
from ..near_names import did_you_mean, missing_attribute, public_names
from ..text import repr_of
from .handlers import PARAMETERS, check_name, nearest_handler


class CheckedAttributes:
    """Base of what users hold: ``owner.on_event = f`` adds a handler, and a name that it does not
    have is one of our errors, which names the nearest, when it is set and when it is read.

    Classes of users may have attributes of their own. ``_own`` may be set once, by the constructor;
    ``_elsewhere`` says where that is which people look for here.
    """

    _own: ClassVar[tuple[str, ...]] = ()
    _elsewhere: ClassVar[Mapping[str, str]] = {}

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Neither pickle nor copy: there is one of it, with its threads and connections."""
        word = _word_for(self)
        raise ArgumentError(
            f"A {word} cannot be pickled or copied, or given to another process: it has threads, "
            f"connections and a store. Make the {word} where it runs, from the same arguments."
        )

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.__module__.startswith("ven_sdk."):
            named_methods(cls)

    if not TYPE_CHECKING:  # type checkers refuse unknown names by themselves

        def __setattr__(self, name: str, value: object) -> None:
            if not name.startswith("_") and (name not in self._own or name in vars(self)):
                check_attribute(self, name)
            if name.startswith("on_"):
                self.add_handler(name, value)
            else:
                super().__setattr__(name, value)

        def __delattr__(self, name: str) -> None:
            if name not in vars(self):
                word = _word_for(self)
                raise ConfigurationError(
                    f"{word}.{name} cannot be deleted. A function for events is replaced by "
                    f"another: {word}.on_event = function."
                )
            super().__delattr__(name)

        def __getattr__(self, name: str) -> object:
            handler = nearest_handler(name)
            if handler is not None and not name.startswith("_"):
                raise _unreadable_handler(self, name, handler)
            if name in self._elsewhere:
                raise NoSuchAttributeError(
                    f"{type(self).__name__} has no attribute {name!r}. It is "
                    f"{self._elsewhere[name]}."
                )
            raise missing_attribute(self, name, lambda: [*public_names(type(self)), *self._own])

        def __getitem__(self, key: object) -> object:
            raise NoSuchKeyError(
                f"A {_word_for(self)} has attributes and methods, not [{repr_of(key):.60}]."
                f"{did_you_mean(key, public_names(type(self)))}"
            )

        def __setitem__(self, key: object, value: object = None) -> None:
            word = _word_for(self)
            does = "add() and remove() do" if word == "fleet" else "its methods do"
            raise ArgumentError(
                f"[{repr_of(key):.60}] of a {word} cannot be set or deleted: {does} that."
            )

        __delitem__ = __setitem__


def _unreadable_handler(owner: object, name: str, handler: str) -> NoSuchAttributeError:
    """The error for a handler that is read, as ``@client.on_event`` does."""
    word, lead = _word_for(owner), ", lead='5 min'" if handler == "before_event" else ""
    return NoSuchAttributeError(
        f"{type(owner).__name__} has no attribute {name!r} to read. A function becomes a handler "
        f"by @{word}.on({handler!r}{lead}) before it, or by {word}.add_handler({handler!r}, "
        f"function{lead})."
    )


def _word_for(owner: object) -> str:
    return "fleet" if "Fleet" in type(owner).__name__ else "client"


def check_handler_name(name: object, owner: str) -> None:
    """Refuse ``@owner.on`` without the name of a handler: ``ConfigurationError``."""
    if callable(name):
        raise ConfigurationError(
            f"@{owner}.on wants the name of a handler: write @{owner}.on('on_event') before "
            f"{getattr(name, '__name__', name)!s}."
        )
    check_name("handler", name, PARAMETERS)


def check_attribute(owner: object, name: str) -> None:
    """Refuse to set what ``owner``, a client or a fleet, does not have or what can only be read.
    ``ConfigurationError`` names what would be right.
    """
    cls = type(owner)
    word = _word_for(owner)
    handler = nearest_handler(name)
    if handler == "before_event":
        raise ConfigurationError(
            f"A {word} has no attribute {name!r} to set. Write {word}.add_handler('before_event', "
            "function, lead='5 min')."
        )
    if handler not in (None, name):
        raise ConfigurationError(
            f"A {word} has no attribute {name!r}. Did you mean {word}.{handler}?"
        )
    ours = cls.__module__.startswith("ven_sdk.")
    given = inspect.signature(cls).parameters if ours else {}
    to_constructor = f" Give {name} to the constructor." if name in given else ""
    held = getattr(cls, name, None)
    if isinstance(held, property) or name in vars(owner) or (ours and callable(held)):
        raise ConfigurationError(f"{word}.{name} can be read, not set.{to_constructor}")
    if ours and not name.startswith("on_"):
        near = did_you_mean(name, [*public_names(cls), *PARAMETERS, *given])
        raise ConfigurationError(
            f"A {word} has no attribute {name!r}.{to_constructor or near} What the constructor "
            "takes is given to the constructor."
        )
