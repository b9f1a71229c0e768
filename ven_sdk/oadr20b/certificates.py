"""Certificates that end soon are warned of in time (L10): at each start, a minute later, when those
of the VTN are known, and then once an hour. Steps only.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..errors import SecurityError
from ..state.outcome import NOTHING, Note, Outcome, Step, Timer

if TYPE_CHECKING:
    from .identity import SigningIdentity
    from .state.book import Book

FIRST_LOOK, LATER_LOOK = timedelta(minutes=1), timedelta(hours=1)
"""Until the certificates are looked at again."""


def watch_certificates(identity: SigningIdentity, again: timedelta = FIRST_LOOK) -> Step:
    """The step that warns of certificates which end soon, and looks ``again``."""

    def step(book: Book, now: datetime) -> Outcome:
        if not identity.has_certificates:
            return NOTHING
        notes = []
        for end in identity.due_warnings(now):
            text = end.describe(now)
            error = SecurityError(text, expected=end.ends, received=now)
            notes.append(Note(text, logging.WARNING, once=text, error=error))
        timer = Timer("certificates", now + again, watch_certificates(identity, LATER_LOOK))
        return Outcome(notes=tuple(notes), timers=(timer,))

    return step
