"""Calling a function of the user. It may raise anything, SystemExit included, raise an exception
that cannot be shown, return an awaitable, or fork: what comes back is a value or a HandlerError,
once.

Runs on pool threads.
"""

from __future__ import annotations

import inspect
import logging
import os
from collections.abc import Iterator, Mapping
from traceback import walk_tb
from typing import NoReturn, Optional

from ..errors import HandlerError
from ..text import class_name, text_of
from .exceptions import traceback_of
from .functions import Function, name_of

logger: logging.Logger = logging.getLogger(__name__)

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep
_INSTALLED = ("site-packages", "dist-packages")


def invoke(
    function: Function,
    arguments: tuple[object, ...] = (),
    keywords: Optional[Mapping[str, object]] = None,
) -> object:
    """What ``function`` returned, or a HandlerError (never raised) with the cause. The child of a
    fork that it made ends here.
    """
    process = os.getpid()
    try:
        result = function(*arguments, **(keywords or {}))
        if os.getpid() != process:
            _end_child(function, process, 0)
        if not _has_not_run(result):
            return result
    except BaseException as cause:  # SystemExit too: user code must not end one of our threads
        if os.getpid() != process:
            _end_child(function, process, cause.code if type(cause) is SystemExit else 1)
        name = name_of(function)
        logger.debug("%s raised", name, exc_info=True)
        error = HandlerError(f"{name} raised {describe_failure(cause)}", handler=name)
        error.__cause__ = cause
        return error
    close_awaitable(result)
    what = "a generator" if inspect.isgenerator(result) else "an awaitable"
    return HandlerError(
        f"{name_of(function)} returned {what}, which was closed. Handlers and callbacks are "
        f"plain functions: return the value itself.",
        handler=name_of(function),
    )


def _end_child(function: Function, parent: int, code: object) -> NoReturn:
    """End this process, which ``function`` forked: the VEN runs in its parent, and would be told
    and answered twice. ``code`` is what ``sys.exit`` takes.
    """
    try:
        logger.warning(
            "%s forked, and its child %d came back: it ends, for the VEN runs in process %d. End "
            "a child with os._exit().",
            name_of(function),
            os.getpid(),
            parent,
        )
    finally:
        os._exit(code if isinstance(code, int) else int(code is not None))


def _has_not_run(result: object) -> bool:
    """Whether ``result`` is what a function returns of which nothing has been done yet."""
    return inspect.isawaitable(result) or inspect.isgenerator(result)


def close_awaitable(awaitable: object) -> None:
    """End an awaitable that nobody will await, so that it does not complain when it goes."""
    try:
        end = getattr(awaitable, "close", None) or getattr(awaitable, "cancel", None)
        if end is not None:
            end()
    except BaseException:  # it is user code that runs here
        logger.debug("An awaitable could not be closed", exc_info=True)


def describe_failure(cause: BaseException) -> str:
    """An exception from user code in a sentence, with the user's own line that led to it."""
    place = _own_line(cause)
    return f"{class_name(cause)}: {text_of(cause)}".rstrip(". :") + (
        f" ({place})." if place else "."
    )


def _own_line(cause: BaseException) -> str:
    """``line N of file``: the deepest frame in user code, not that of a library below it.

    A program that is itself installed as a package has no frame outside: there it is the deepest
    frame of the package that was called.
    """
    frames = list(_frames(cause))[1:]  # the first is the call, which is ours
    if not frames:
        return ""
    package = frames[0][2]
    file, line, _ = next(
        (one for one in reversed(frames) if not _is_library(one[0])),
        next(one for one in reversed(frames) if one[2] == package),
    )
    if file.startswith(_OURS):  # of what came back from user code, and no line of it is to blame
        return ""
    return text_of(f"line {line} of {os.path.basename(file)}")


def _frames(cause: BaseException) -> Iterator[tuple[str, int, str]]:
    """File, line and top-level package of every frame, the outermost first."""
    for frame, line in walk_tb(traceback_of(cause)):
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        yield frame.f_code.co_filename, line, package


def _is_library(file: str) -> bool:
    folders = file.replace("\\", "/").split("/")
    return file.startswith((_OURS, _STANDARD_LIBRARY, "<frozen ")) or any(
        folder in folders for folder in _INSTALLED
    )
