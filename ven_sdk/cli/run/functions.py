"""``module:function`` from a file or variable to the function. Runs the user's module, on the main
thread.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
import traceback
from types import ModuleType
from typing import Callable, Optional

from ...errors import ConfigurationError
from ...near_names import did_you_mean
from ...text import class_name, repr_of, text_of
from ...usercode.decisions import DEFER
from ...usercode.exceptions import traceback_of

STDLIB: frozenset[str] = getattr(sys, "stdlib_module_names", frozenset())
"""Names of Python's own modules; none are known before Python 3.10."""
DECISIONS: dict[object, object] = {"optIn": "optIn", "optOut": "optOut", "defer": DEFER}
"""What may stand in the place of a function that decides about events."""


class Termination(SystemExit):
    """The program was told to end, while the user's module was imported or anywhere else."""


def constant_decision(word: object) -> Callable[..., object]:
    """A handler that always decides the same: ``optIn``, ``optOut``, or ``defer`` (somebody answers
    later, by the control API).
    """
    decision = DECISIONS[word]

    def decide(*event: object) -> object:
        return decision

    return decide


def import_function(reference: object, folder: str) -> Callable[..., object]:
    """The function that ``"package.module:name"`` names; modules beside the file (``folder``) are
    found.

    ConfigurationError says what is missing, with near names, or where in the user's own code the
    import broke.
    """
    found = import_object(reference, folder)
    if not callable(found):
        raise ConfigurationError(
            f"{reference!r} is no function but {class_name(found)} {repr_of(found)[:60]}."
        )
    return found


def import_object(reference: object, folder: str) -> object:
    """The object that ``"package.module:name"`` names, whatever it is. ``ConfigurationError`` as
    :func:`import_function` raises it.
    """
    module_name, colon, name = text_of(reference).partition(":")
    if not isinstance(reference, str) or not colon or not _is_reference(module_name, name):
        raise ConfigurationError(
            f'expected "module:function", found {repr_of(reference)}.'
            f"{_explain_reference(text_of(reference))}"
        )
    found: object = _module(module_name.strip(), folder)
    for part in name.strip().split("."):
        try:
            found = getattr(found, part)
        except AttributeError as cause:
            hint = did_you_mean(part, [each for each in dir(found) if not each.startswith("_")])
            raise ConfigurationError(
                f"there is no {part!r} in {module_name} ({_file(found)}).{hint}"
            ) from cause
        except Exception as cause:
            raise ConfigurationError(
                f"looking for {part!r} in {module_name} raised {_tell(cause)}."
            ) from cause
    return found


def _is_reference(module_name: str, name: str) -> bool:
    return re.fullmatch(r"\w+(\.\w+)*", module_name.strip()) is not None and bool(name.strip())


def _explain_reference(reference: str) -> str:
    """What a wrong reference was meant to be: a decision, or a name with a dot or a path in it."""
    if reference in DECISIONS:
        return f" Only on_event and on_update_event take {reference!r}."
    before, name = re.fullmatch(r"(.*?)[.:/\\]*(\w*)", reference, re.DOTALL).groups()  # type: ignore[union-attr]
    module_name = re.split(r"[/\\]", before.removesuffix(".py"))[-1]
    if _is_reference(module_name, name) and name.isidentifier():
        return f" Did you mean '{module_name}:{name}'?"
    return did_you_mean(reference, [str(each) for each in DECISIONS])


def _module(name: str, folder: str) -> object:
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return _import_sibling(name, folder) or importlib.import_module(name)
    except ModuleNotFoundError as cause:
        if cause.name and (name == cause.name or name.startswith(f"{cause.name}.")):
            raise ConfigurationError(
                f"there is no module {name!r}: neither in {folder} nor installed."
                f"{_near(name, folder)}"
            ) from cause
        raise ConfigurationError(
            f"the module {name!r} needs {cause.name!r}, which is not installed ({_place(cause)})."
        ) from cause
    except SyntaxError as cause:
        raise ConfigurationError(
            f"the module {name!r} has a syntax error: {cause.msg} ({cause.filename}, line "
            f"{cause.lineno})."
        ) from cause
    except (KeyboardInterrupt, Termination):
        raise
    except BaseException as cause:  # SystemExit too: a script that was meant to be run by itself
        raise ConfigurationError(f"importing {name!r} raised {_tell(cause)}.") from cause


def _import_sibling(name: str, folder: str) -> Optional[ModuleType]:
    """The module of that file beside the TOML file, where Python has another one of that name, such
    as its own ``site``; None where the usual import finds the right one.
    """
    path = os.path.join(folder, f"{name}.py")
    known = sys.modules.get(name)
    if not os.path.isfile(path) or (known is None and name not in STDLIB):
        return None
    if known is not None and os.path.realpath(_file(known)) == os.path.realpath(path):
        return known
    alias = f"_ven_sdk_beside.{name}"
    loaded = sys.modules.get(alias)
    if loaded is not None and os.path.realpath(_file(loaded)) == os.path.realpath(path):
        return loaded
    spec = importlib.util.spec_from_file_location(alias, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[alias] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[alias]
        raise
    return module


def _near(name: str, folder: str) -> str:
    try:
        there = [entry[:-3] for entry in os.listdir(folder) if entry.endswith(".py")]
    except OSError:
        there = []
    return did_you_mean(name, there)


def _tell(cause: BaseException) -> str:
    return f"{class_name(cause)}: {text_of(cause)} ({_place(cause)})"


def _place(cause: BaseException) -> str:
    """Where in the user's code it happened: the innermost frame."""
    frames = traceback.extract_tb(traceback_of(cause))
    return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else "no place known"


def _file(module: object) -> str:
    return str(getattr(module, "__file__", None) or "built in")
