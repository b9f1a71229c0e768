"""The user's report callbacks: what they are called, what they share, whether they can be called,
and calling them.

``gather`` runs on threads of the report pool; all else in the call that received the callback.
"""

from __future__ import annotations

import inspect
from collections.abc import Hashable, Mapping
from typing import Callable, Union

from ..brackets import is_function
from ..errors import ConfigurationError, HandlerError
from ..text import repr_of
from ..usercode import close_awaitable, describe_failure, name_of, refuse_async, unwrap
from .entries import SampleBatch

Callback = Callable[..., object]
Reader = Callable[[object], SampleBatch]

RANGE = ("date_from", "date_to", "sampling_interval")


def lane_of(callback: Callback) -> Hashable:
    """What must not be used by two calls at a time: the object of a method, otherwise the function
    itself.

    Many data points share a serial line. The identity stands for the object, which need not be
    hashable; the data point keeps it alive.
    """
    inner = unwrap(callback)
    owner = getattr(inner, "__self__", None)
    shared = inner if owner is None or inspect.ismodule(owner) else owner
    return ("report", id(shared))


def check_callback(callback: object, ranged: bool) -> Callback:
    """``callback``. ConfigurationError unless it is a plain function that can be called as its mode
    needs.
    """
    if not is_function(callback):
        raise ConfigurationError(f"callback must be a function, not {repr_of(callback)}.")
    refuse_async(callback, "callback")
    try:
        signature = inspect.signature(callback)
    except Exception:  # some built-in functions do not tell, and objects may fail at it
        return callback
    keywords = dict.fromkeys(RANGE) if ranged else {}
    try:
        signature.bind(**keywords)
    except TypeError as cause:
        wanted = ", ".join(f"{name}=..." for name in keywords)
        mode = (
            "data_collection_mode='full' and history reports call"
            if ranged
            else "data_collection_mode='incremental' calls"
        )
        raise ConfigurationError(
            f"{mode} callback({wanted}), but {name_of(callback)}{signature} cannot be called so: "
            f"{cause}."
        ) from cause
    return callback


def gather(
    callback: Callback, read: Reader, about: str, keywords: Mapping[str, object]
) -> Union[SampleBatch, HandlerError]:
    """Call ``callback`` and take in what it gave: iterables are consumed here, on the pool's
    thread, not under a lock. ``TypeError`` for an awaitable.
    """
    try:
        result = callback(**keywords)
        if inspect.isawaitable(result):
            close_awaitable(result)
            raise TypeError(
                "it returned an awaitable, which was closed; a callback returns the value itself"
            )
        return read(result)
    except BaseException as cause:  # SystemExit too: user code must not end one of our threads
        name = name_of(callback)
        error = HandlerError(
            f"Report callback {name} of {about} failed: {describe_failure(cause)}", handler=name
        )
        error.__cause__ = cause
        return error
