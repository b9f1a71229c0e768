"""``help()`` answers: the list of arguments in a docstring is the signature's, in its order and
with its defaults.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest

from ven_sdk import ConfigurationError, enums
from ven_sdk.arguments import duration

MODULES = ("ven_sdk", "ven_sdk.testing")
NOT_FOR_USERS = {"Ven"}
"""Classes that users get and do not make."""
MANY = 3
"""More arguments than this stand in a list, not in a sentence."""
ITEM = re.compile(r"^    (\*{0,2}\w+)(?: \((.+?)\))?: (?=\S)", re.MULTILINE)


def _signature(of: Any) -> dict[str, inspect.Parameter]:
    try:
        found = inspect.signature(of).parameters
    except ValueError:  # an exception without a constructor of its own
        return {}
    return {name: one for name, one in found.items() if name != "self"}


def _public() -> Iterator[tuple[str, Any]]:
    for module in map(import_module, MODULES):
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isclass(value) and value.__module__.startswith("ven_sdk"):
                if name not in NOT_FOR_USERS:
                    yield f"{module.__name__}.{name}", value
                for attribute, member in inspect.getmembers(value, inspect.isroutine):
                    if not attribute.startswith("_") and _is_ours(member):
                        yield f"{module.__name__}.{name}.{attribute}", member
            elif inspect.isfunction(value):
                yield f"{module.__name__}.{name}", value


def _is_ours(member: Any) -> bool:
    return (getattr(member, "__module__", None) or "").startswith("ven_sdk")


PUBLIC = {name: value for name, value in _public() if _signature(value)}


def _listed(doc: str) -> dict[str, "str | None"]:
    """Arguments and the defaults that are written with them; empty where there is no list."""
    found = re.search(r"^(?:Arguments|Attributes):\n((?: {4}.*\n?|\n)+)", doc, re.MULTILINE)
    return {} if found is None else dict(ITEM.findall(found[1]))


def _flaws(of: Any) -> Iterator[str]:
    doc, parameters = inspect.getdoc(of) or "", _signature(of)
    listed = _listed(doc)
    if listed:
        names = [_starred(one) for one in parameters.values()]
        if list(listed) != names:
            yield f"lists {list(listed)}, takes {names}"
            return
        if "Arguments:\n" in doc:
            yield from (
                f"{name} has the default {one.default!r}, not {listed[_starred(one)]}"
                for name, one in parameters.items()
                if not _is_default(name, one, listed[_starred(one)] or "")
            )
    else:
        unnamed = [name for name in parameters if f"``{name}" not in doc]
        if unnamed:
            yield f"does not say what {', '.join(unnamed)} is"
        if len(parameters) > MANY:
            yield f"has {len(parameters)} arguments and no list of them"


def _starred(parameter: inspect.Parameter) -> str:
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}
    return stars.get(parameter.kind, "") + parameter.name


def _is_default(name: str, parameter: inspect.Parameter, written: str) -> bool:
    default = parameter.default
    if default is parameter.empty or repr(default) == "<factory>" or default in ({}, ()):
        return written == ""
    try:
        return bool(ast.literal_eval(written) == default)
    except (ValueError, SyntaxError):
        pass
    try:
        seconds = duration(name, written)
    except ConfigurationError:
        return False
    return seconds == (default if isinstance(default, timedelta) else timedelta(seconds=default))


@pytest.mark.parametrize("name", PUBLIC)
def test_help_lists_every_argument_with_its_default(name: str) -> None:
    assert list(_flaws(PUBLIC[name])) == []


@pytest.mark.parametrize("words", enums.Vocabulary.__subclasses__(), ids=lambda one: one.__name__)
def test_help_of_a_vocabulary_says_what_each_member_is_for(words: type[enums.Vocabulary]) -> None:
    listed = _listed(inspect.getdoc(words) or "")

    assert list(listed) == list(words.__members__)
    for name, member in words.__members__.items():
        assert listed[name] == repr(member.value)
        assert len(member.__doc__ or "") >= 1 and member.__doc__ != str.__doc__


def test_what_help_must_not_say_is_found() -> None:
    def wrong(first: int, second: int = 2) -> None:
        """A lie.

        Arguments:
            first: one.
            second (3): two.
        """

    def silent(first: int) -> None:
        """Nothing."""

    cases: list[tuple[Callable[..., None], str]] = [(wrong, "default 2, not 3"), (silent, "first")]
    for function, flaw in cases:
        (said,) = _flaws(function)
        assert flaw in said
