"""What a vocabulary is: a ``str`` enum whose docstring lists its members and what each is for. The
words themselves are in :mod:`.enums`. Nothing here runs in a thread.
"""

from __future__ import annotations

import inspect
from enum import Enum, EnumMeta
from typing import TYPE_CHECKING, TypeVar

from .brackets import ValueList, refuse_call
from .errors import ArgumentError, ConfigurationError, NoSuchKeyError, ReadOnlyError
from .near_names import did_you_mean, missing_attribute
from .text import repr_of

V = TypeVar("V")


def _names_in(cls: type) -> list[str]:
    """What a vocabulary is asked for: its members, and the lists of them."""
    return [*cls.__dict__.get("_member_map_", ()), "members", "values"]


class _VocabularyType(EnumMeta):
    """Gives the classes themselves ``values`` and ``members``, and a docstring that lists them."""

    _is_made: bool

    def __init__(cls, *class_parts: object) -> None:
        super().__init__(*class_parts)
        if len(cls):
            lines = "".join(map(cls._line, cls.__members__))
            cls.__doc__ = f"{inspect.cleandoc(cls.__doc__ or '')}\n\nAttributes:\n{lines}"
            cls._is_made = True

    @property
    def members(cls) -> list[str]:
        """The names, sorted, aliases included."""
        return ValueList(sorted(cls.__members__))

    @property
    def values(cls) -> list[str]:
        """The values in the order of the schema, each once, as plain ``str``."""
        return ValueList(str.__str__(member.value) for member in cls)  # type: ignore[var-annotated]

    if not TYPE_CHECKING:

        def __getattr__(cls, name: str) -> object:
            found = cls.__dict__.get("_member_map_", {}).get(name)  # Python 3.9 asks here for them
            if found is None:
                raise missing_attribute(cls, name, lambda: _names_in(cls))
            return found

        def __setattr__(cls, name: str, value: object) -> None:
            if "_is_made" in cls.__dict__ and not name.startswith("_"):
                raise ReadOnlyError(f"{cls.__name__} is fixed: {name} cannot be set.")
            super().__setattr__(name, value)

        def __delattr__(cls, name: str) -> None:
            try:
                super().__delattr__(name)
            except AttributeError as cause:
                raise ReadOnlyError(f"{cls.__name__} is fixed: {cause}") from None

        def __call__(cls, *values: object, **named: object) -> object:
            if len(values) == 1 and not named:
                return super().__call__(*values)
            known = ", ".join(cls.values)
            raise ArgumentError(
                f"{cls.__name__}(...) takes one value and gives its member. "
                + (f"Known are: {known}." if known else "It is a base and has no members.")
            )

    def __contains__(cls, value: object) -> bool:
        """Whether it is a member, or the value of one, by every version of Python."""
        return isinstance(value, str) and value in cls.values

    def __getitem__(cls: type[V], name: str) -> V:
        try:
            return super().__getitem__(name)  # type: ignore[misc, no-any-return]
        except KeyError:
            hint = did_you_mean(name, cls.__members__)  # type: ignore[attr-defined]
            raise NoSuchKeyError(f"{cls.__name__} has no member {name!r}.{hint}") from None

    def _line(cls, name: str) -> str:
        """A member in the docstring; an alias names what it stands for."""
        member: Vocabulary = cls.__members__[name]
        about = member.__doc__ if member.name == name else f"another name of {member.name}"
        return f"    {name} ({member.value!r}): {about}.\n"


class Vocabulary(str, Enum, metaclass=_VocabularyType):
    """Base of the vocabularies: a member is its value wherever a ``str`` is wanted. Its
    ``__doc__`` says what it is for.
    """

    _value_: str

    def __new__(cls, value: str, meaning: str = "") -> "Vocabulary":
        """A member of its value and what that is for."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.__doc__ = meaning
        return member

    @classmethod
    def _missing_(cls, value: object) -> None:
        raise ConfigurationError(
            f"{repr_of(value)} is not in {cls.__name__}.{did_you_mean(value, cls.values)} Known "
            f"are: {', '.join(cls.values)}."
        )

    if not TYPE_CHECKING:  # type checkers refuse both by themselves

        def __getattr__(self, name: str) -> object:
            raise missing_attribute(self, name, lambda: ("name", "value", *dir(str)))

        def __setattr__(self, name: str, value: object) -> None:
            if not name.startswith("_"):
                raise ReadOnlyError(
                    f"{type(self).__name__}.{self.name} is fixed: {name} cannot be set."
                )
            super().__setattr__(name, value)

    __call__ = refuse_call

    @property
    def do_not_call_in_templates(self) -> bool:
        """For Django, which calls what is callable."""
        return True

    __str__ = str.__str__
    __format__ = str.__format__  # type: ignore[assignment]
