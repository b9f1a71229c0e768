"""Whether the VTN that answers is the one that the book knows. Events, opts and requests belong to
the VTN that they came from: another one on the same store starts clean. Pure functions of the book.

A VTN is known by its vtnID; where one of the two names none, by its address. A VEN that registers
learns it from the registration, a pre-provisioned one from the list of events that it asks for.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING, Optional

from ....state.outcome import Call, Note, Outcome
from ....text import shorten
from .. import events, opts
from ..task import is_blank
from .cancellation import forget_running
from .phases import change_phase

if TYPE_CHECKING:
    from ....state.registration import RegistrationFacts
    from ...state.book import Book


NO_CATALOGUE: RegistrationFacts = {
    "catalogue": None,
    "catalogue_created": None,
    "catalogue_request": None,
}
"""Facts of a registration whose VTN has not been sent the catalogue."""


def is_another_vtn(book: Book, vtn_id: Optional[str]) -> bool:
    """Whether what the book holds came from another VTN than ``vtn_id``, which answers now."""
    state = book.registration
    if state.vtn_id and not is_blank(vtn_id):
        return vtn_id != state.vtn_id
    return state.vtn_url is not None and state.vtn_url != book.settings.vtn_url


def forget_other_vtn(book: Book, now: datetime, vtn_id: Optional[str]) -> Outcome:
    """What the VTN before gave is gone, and the handlers are told."""
    state = book.registration
    before, after = state.vtn_id or state.vtn_url, vtn_id or book.settings.vtn_url
    reason = shorten(f"the VTN {before} was replaced by {after}")
    note = Note(f"Registration lost: {reason}. The VEN starts anew.", logging.WARNING)
    return (
        forget_running(book, now)
        + opts.forget_all(book, now)
        + events.drop_all(book, now, "with another VTN", is_another_vtn=True)
        + Outcome(calls=(Call("client", "on_registration_lost", (reason,)),), notes=(note,))
    )


def is_unexpected(book: Book, vtn_id: Optional[str]) -> bool:
    """Whether a pre-provisioned VEN asked for the list of events, and another VTN answered."""
    return not book.settings.register and is_another_vtn(book, vtn_id)


def is_elsewhere(book: Book, vtn_id: Optional[str]) -> bool:
    """Whether a registered VEN whose VTN has another address than before got a list of events of
    another VTN from there.
    """
    state, settings = book.registration, book.settings
    is_moved = settings.register and state.vtn_url not in (None, settings.vtn_url)
    return is_moved and vtn_id is not None and is_another_vtn(book, vtn_id)


def learn_vtn(book: Book, vtn_id: Optional[str]) -> RegistrationFacts:
    """What a registration remembers of the VTN that answers, as facts for ``change_phase``."""
    known = book.registration.vtn_id if is_blank(vtn_id) else vtn_id
    return {"vtn_id": known, "vtn_url": book.settings.vtn_url}


def start_anew(book: Book, now: datetime, vtn_id: Optional[str]) -> Outcome:
    """A pre-provisioned VEN goes on with another VTN, and asks it for its events once more: those
    of the one before are gone by then.
    """
    return forget_other_vtn(book, now, vtn_id) + change_phase(
        book,
        now,
        "registered",
        NO_CATALOGUE,
        registration_id=book.settings.registration_id,
        vtn_id=None if is_blank(vtn_id) else vtn_id,
        vtn_url=book.settings.vtn_url,
        resync=True,
    )
