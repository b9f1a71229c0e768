"""Looking at rows: one trial each, and what came of it. The main thread."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator

from ...errors import ConfigurationError, VenError
from ...testing.vtn.journal import Received
from .rows import (
    DECLARED,
    NOT_SHOWN,
    SHOWN,
    SKIPPED,
    Declaration,
    Finding,
    NotShown,
    Row,
    Skip,
)
from .table import in_order
from .trial import Trial
from .trial_parts import Run


def examine(rows: Iterable[Row], run: Run) -> Iterator[Finding]:
    """The findings, each as soon as it is made. ``ConfigurationError`` where the VEN cannot be
    started at all.
    """
    with _silence_log():
        for row in in_order(rows):
            yield look_at(row, run)


def look_at(row: Row, run: Run) -> Finding:
    """What a row shows of the VEN. ``ConfigurationError`` where it cannot be started."""
    trial = Trial(run, row)
    try:
        state, text, advice = _outcome(row, trial)
    finally:
        trial.close()
    return Finding(row, state, text, advice, len(messages_of(row, run)))


def messages_of(row: Row, run: Run) -> list[Received]:
    """The messages that the VEN sent for a row."""
    return [received for number, received in run.received if number == row.number]


def _outcome(row: Row, trial: Trial) -> tuple[str, str, str]:
    try:
        return SHOWN, row.show(trial), ""
    except NotShown as missing:
        return NOT_SHOWN, str(missing), " ".join(filter(None, (missing.advice, _cut(trial))))
    except Declaration as word:
        return DECLARED, str(word), ""
    except Skip as reason:
        return SKIPPED, str(reason), ""
    except ConfigurationError:
        raise
    except VenError as error:
        return NOT_SHOWN, f"a call ended with: {error}", ""


def _cut(trial: Trial) -> str:
    """What is to be said where a wait came to nothing and would have gone on."""
    if not trial.cut_waits:
        return ""
    return (
        f"A wait of {max(trial.cut_waits):g} s ended after {trial.run.patience:g} s (--patience): "
        "look at this row without it."
    )


@contextlib.contextmanager
def _silence_log() -> Iterator[None]:
    """The SDK's log stays out of the result: what goes wrong is made to."""
    log = logging.getLogger("ven_sdk")
    before, log.disabled = log.disabled, True
    wanted = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(wanted)
        log.disabled = before
