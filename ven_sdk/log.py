"""What the SDK logs: the default handler, the wire log with its secrets cut out, and failures that
repeat.

Nothing is configured unless :func:`enable_default_logging` is called. Which events are worth a line
is decided where they happen. Any thread may call everything here; no lock is held while a line is
written.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
import traceback
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Optional, TextIO, Union

from .argument_names import named_arguments
from .errors import ConfigurationError
from .text import one_line, repr_of, shorten

if TYPE_CHECKING:
    from types import TracebackType

    ExceptionInfo = Union[
        tuple[type[BaseException], BaseException, Optional[TracebackType]],
        tuple[None, None, None],
    ]

if TYPE_CHECKING:  # Python 3.9 and 3.10 cannot subscript the class at run time
    _StreamHandler = logging.StreamHandler[TextIO]
else:
    _StreamHandler = logging.StreamHandler

PACKAGE = "ven_sdk"
WIRE = "ven_sdk.wire"
"""Name of the logger that message bodies go to, at DEBUG only and as :class:`RedactedBody`."""

_setup = threading.Lock()


# --- the default handler --------------------------------------------------------------------------


class OneLine(logging.Formatter):
    """Time with its offset, level, logger, message: one line a record, whatever the message
    holds. A traceback follows indented, so that no line of it looks like a record.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: Optional[str] = None) -> str:
        return (
            datetime.fromtimestamp(record.created)
            .astimezone()
            .isoformat(sep=" ", timespec="milliseconds")
        )

    def formatMessage(self, record: logging.LogRecord) -> str:
        return one_line(super().formatMessage(record))

    def formatException(
        self,
        ei: Union[
            tuple[type[BaseException], BaseException, Optional[TracebackType]],
            tuple[None, None, None],
        ],
    ) -> str:
        lines = super().formatException(ei).splitlines()
        return "\n".join(f"    {one_line(line)}" for line in lines)


class _DefaultHandler(_StreamHandler):
    """Writes to what ``sys.stderr`` is at that moment: notebooks and test runners replace it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)
        self.setFormatter(OneLine())

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # the parent keeps what was current at construction
        return sys.stderr


@named_arguments
def enable_default_logging(level: Union[int, str] = logging.INFO) -> None:
    """Log what the SDK says to stderr, one line a record. Called again it only changes the
    ``level`` (a number of ``logging``, or a name such as ``'DEBUG'``).

    The root logger is left alone. A program that configures logging itself does not need this.
    Raises :class:`~ven_sdk.errors.ConfigurationError` for a level that logging does not know.
    """
    logger = logging.getLogger(PACKAGE)
    with _setup:
        _set_level(logger, level)
        if not any(isinstance(handler, _DefaultHandler) for handler in logger.handlers):
            logger.addHandler(_DefaultHandler())


def _set_level(logger: logging.Logger, level: Union[int, str]) -> None:
    try:
        if isinstance(level, bool):
            raise TypeError("a truth value is no level")
        logger.setLevel(level.upper() if isinstance(level, str) else level)
    except Exception as cause:  # a level whose repr raises, too
        raise ConfigurationError(
            f"There is no log level {repr_of(level)}. Use 'DEBUG', 'INFO', 'WARNING', 'ERROR', "
            f"'CRITICAL' or a number of the logging module."
        ) from cause


# --- handlers that raise --------------------------------------------------------------------------


class PackageLogger(logging.Logger):
    """A logger whose handlers cannot spoil what is done beside the line: what one raises goes to
    stderr, as the errors that ``logging`` itself catches do, once a minute.
    """

    def handle(self, record: logging.LogRecord) -> None:
        """Give the line to the handlers; an exception of theirs ends here."""
        try:
            super().handle(record)
        except Exception:
            _show_failure()
        except BaseException:  # such as SystemExit; it ends the user's own threads only
            if not threading.current_thread().name.startswith(PACKAGE):
                raise
            _show_failure()


def guard_loggers() -> None:
    """Let no log handler of the user program stop a thread or spoil a step of the SDK. Called for
    each thread that is made, for all loggers that modules have by then.
    """
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if name.partition(".")[0] == PACKAGE and type(logger) is logging.Logger:
            logger.__class__ = PackageLogger


_shown_at: Optional[float] = None


def _show_failure() -> None:
    global _shown_at
    now = time.monotonic()
    is_new = _shown_at is None or now - _shown_at >= 60.0
    if is_new and logging.raiseExceptions and sys.stderr is not None:
        _shown_at = now
        with suppress(Exception):
            sys.stderr.write(
                f"A logging handler raised; a line of ven_sdk is lost.\n{traceback.format_exc()}"
            )


# --- the wire log ---------------------------------------------------------------------------------

_CUT = "[cut]"


@cache
def _secrets() -> tuple[re.Pattern[str], ...]:
    """Made when the first text is looked through. In each, group 1 stays and the rest of the match
    is cut.

    No quantifier can give back what it took to try again from the next place, so that a hostile
    body costs linear time. A key without its end is cut up to the end of the text.
    """
    return (
        re.compile(
            r"(-----BEGIN [A-Z0-9 ]{1,40}-----)(?!\[cut\])"
            r"[\s\S]*?(?:-----END [A-Z0-9 ]{1,40}-----|\Z)"
        ),
        re.compile(
            r"(<(?:[\w.-]{1,40}:)?(?:X509Certificate|SignatureValue|Modulus|PublicKey|P|Q|G|Y|J|SessionKey)"
            r"(?:\s[^<>]*)?>)[^<]+"
        ),
        re.compile(
            r"((?i:passphrase|password|passwd|secret|token)['\"]?\s{0,8}[=:]\s{0,8})(?:'[^']*'|\"[^\"]*\"|[^\s,;&<>]+)"
        ),
        re.compile(r"((?i:(?:proxy-)?authorization)['\"]?\s{0,8}[=:]\s{0,8}['\"]?)[^\r\n'\"]+"),
        re.compile(r"(\b[a-zA-Z][a-zA-Z0-9+.-]{1,10}://)[^\s/@<>'\"]+(?=@)"),
    )


def redact(text: str) -> str:
    """``text`` without keys, certificates, signature values, passphrases and credentials of URLs
    and headers.
    """
    for secret in _secrets():
        text = secret.sub(rf"\g<1>{_CUT}", text)
    return text


@dataclass(frozen=True)
class RedactedBody:
    """A message body for the wire log, decoded and redacted only when a handler writes the line.

    ``logging.getLogger(WIRE).debug("sent %s", RedactedBody(body))`` costs next to nothing while the
    wire log is off.
    """

    body: Union[str, bytes]

    def __str__(self) -> str:
        body = self.body
        return redact(body if isinstance(body, str) else body.decode("utf-8", "backslashreplace"))


# --- repeated failures ----------------------------------------------------------------------------


LIMIT = 256
"""Failures of one VEN that are remembered."""


class _Repetition:
    __slots__ = ("count", "next_line")

    def __init__(self) -> None:
        self.count, self.next_line = 0, 1

    def is_due(self) -> bool:
        """Count one more; whether it is worth a line."""
        self.count += 1
        if self.count < self.next_line:
            return False
        while self.next_line <= self.count:
            self.next_line *= 10
        return True


class Repeats:
    """Logs a failure that goes on the first time, then counts it and logs it again at the 10th,
    100th, 1000th time.

    At most ``limit`` failures are remembered; of more, the one not heard of for longest is
    forgotten, so it would be logged anew. The lock guards the table only. ``name`` stands
    before each line: whose trouble it is.
    """

    def __init__(
        self,
        logger: logging.Logger,
        *,
        limit: int = LIMIT,
        name: str = "",
    ) -> None:
        self._logger = logger
        self._prefix = f"{one_line(name)}: " if name else ""
        self._limit = limit
        self._lock = threading.RLock()
        self._table: OrderedDict[str, _Repetition] = OrderedDict()

    def note(self, key: str, level: int, text: str, *args: object) -> int:
        """Note that the failure ``key`` happened (once more); ``text % args`` is what is logged, on
        one line. Returns the count.
        """
        with self._lock:
            count, due = self._count_failure(key)
        if due and self._logger.isEnabledFor(level):
            times = f" ({count} times so far)" if count > 1 else ""
            self.log(level, f"{shorten(text % args if args else text)}{times}")
        return count

    def remind(self, key: str, level: int, text: str) -> bool:
        """Log that the failure ``key`` goes on, with its count; False where it does not."""
        count = self.count(key)
        if count:
            times = "once" if count == 1 else f"{count} times"
            self.log(level, f"{shorten(text)} ({times} so far)")
        return bool(count)

    def log(self, level: int, text: str) -> None:
        """A line that counts nothing, with the same name before it."""
        self._logger.log(level, "%s%s", self._prefix, one_line(text))

    def of(self, name: str) -> "Repeats":
        """A count of its own for one of many: what fails for it is told for it, and names it."""
        return Repeats(self._logger, limit=LIMIT, name=name)

    def end(self, key: str, what: str = "", level: int = logging.INFO) -> int:
        """Note that ``key`` ended: "``what`` (or the key) ended after n times" is logged, and the
        count starts anew.

        Returns the count; 0, and no line, where nothing was going on.
        """
        with self._lock:
            known = self._table.pop(key, None)
        if known is None:
            return 0
        times = "time" if known.count == 1 else "times"
        self.log(level, f"{shorten(what or key)} ended after {known.count} {times}.")
        return known.count

    def count(self, key: str) -> int:
        """How often ``key`` happened since it was last over."""
        with self._lock:
            known = self._table.get(key)
            return known.count if known else 0

    def _count_failure(self, key: str) -> tuple[int, bool]:
        known = self._table.setdefault(key, _Repetition())
        self._table.move_to_end(key)
        if len(self._table) > self._limit:
            self._table.popitem(last=False)
        due = known.is_due()
        return known.count, due
