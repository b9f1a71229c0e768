"""Where a registration stands: its phase, and the values that are read from it. Pure functions."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Optional

from ....config import Settings
from ....state.change import Change
from ....state.outcome import Outcome
from ....state.replacement import replace
from ...schema.registration import CreatedPartyRegistration

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ....state.registration import RegistrationFacts
    from ...state.book import Book

PHASES = ("new", "query", "register", "reports", "events", "registered", "cancelling", "cancelled")
BOOTSTRAP = frozenset({"query", "register", "reports", "events"})
"""The phases of the bootstrap."""
SLOWEST_POLL, FASTEST_POLL, DEFAULT_POLL = (
    timedelta(hours=24),
    timedelta(seconds=1),
    timedelta(seconds=10),
)


def change_phase(
    book: Book,
    now: datetime,
    phase: str,
    facts: Optional[RegistrationFacts] = None,
    **others: Unpack[RegistrationFacts],
) -> Outcome:
    """The registration in ``phase``, with other facts of it. Nothing is written where it stays."""
    state = book.registration
    since = now if phase != state.phase else state.since
    changed: RegistrationFacts = {**(facts or {}), **others}
    new = replace(state, phase=phase, since=since, **changed)
    return Outcome() if new == state else Outcome(changes=(Change("registration", "", new),))


def after_registering(book: Book) -> str:
    """The phase that follows a registration: the catalogue only if the VTN has not got it (R8)."""
    if book.registration.catalogue != book.catalogue.digest():
        return "reports"
    return after_reports(book)


def after_reports(book: Book) -> str:
    """The phase that follows the catalogue: events, which a report-only VEN does not have."""
    return "registered" if book.settings.report_only else "events"


def phase_after(book: Book, phase: str, following: str) -> str:
    """``following`` where the registration is in ``phase``; otherwise the phase in which it is."""
    current = book.registration.phase
    return following if current == phase else current


def frequency(reply: CreatedPartyRegistration) -> Optional[timedelta]:
    """R14: the poll period that the VTN asks for, kept within 1 s and 24 h; None when it names
    none.
    """
    wanted = reply.requested_oadr_poll_freq
    return None if wanted is None else min(max(wanted, FASTEST_POLL), SLOWEST_POLL)


def poll_period(book: Book) -> timedelta:
    """The user's poll_frequency, else the VTN's, else 10 s (R14, P5)."""
    return book.settings.poll_frequency or book.registration.poll_frequency or DEFAULT_POLL


def terms_of(settings: Settings) -> str:
    """A digest of what a VEN says of itself when it registers, and of what it was given before."""
    facts = (
        settings.register,
        settings.ven_id,
        settings.registration_id,
        settings.report_only,
        settings.xml_signature,
        None if settings.push is None else settings.push.address,
    )
    return hashlib.blake2b(json.dumps(facts).encode(), digest_size=8).hexdigest()
