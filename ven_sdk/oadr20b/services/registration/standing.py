"""A registration that stands while the VEN registers again: by the user's wish, at a start, after a
query or a registration that failed. What fails at EiRegisterParty holds up nothing else, so the VEN
goes on as a registered one, and the bootstrap is tried beside that. Pure functions of the book.

``stands``, a fact of the registration, is the phase of that bootstrap, ``query`` or ``register``.
It goes when the VTN refuses the registration (R9), does not know the VEN (R13) or is another one.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ....state.outcome import NOTHING, Outcome
from ....state.registration import MADE
from .other_vtn import is_another_vtn
from .phases import change_phase, terms_of

if TYPE_CHECKING:
    from ....state.registration import RegistrationFacts
    from ...state.book import Book


def stands(book: Book) -> bool:
    """Whether there is a registration that is good until another one takes its place: with this
    VTN, and as the VEN is now.
    """
    state = book.registration
    is_made = state.phase in MADE or bool(state.stands)
    return is_made and state.terms == terms_of(book.settings) and not is_another_vtn(book, None)


def go_on_meanwhile(book: Book, now: datetime) -> Outcome:
    """The VEN cannot register again for now. The list of events does not wait for that either."""
    state, wants_list = book.registration, not book.settings.report_only
    if not state.stands or state.phase not in ("query", "register"):
        return NOTHING
    facts: RegistrationFacts = {"renewal": True, "stands": state.phase, "resync": wants_list}
    return change_phase(book, now, "registered", facts)


def joining_phase(book: Book) -> str:
    """The phase of the machine; while it goes on beside a registration that stands, of that."""
    state = book.registration
    return state.stands if state.phase == "registered" and state.stands else state.phase


def problems(book: Book) -> tuple[str, ...]:
    """A sentence for each thing that the VTN did not take, and that is sent again."""
    state, found = book.registration, []
    if state.stands and state.phase == "registered":
        found.append("The VEN cannot register again; it goes on with the registration that it has.")
    if state.refused_catalogue is not None:
        found.append(
            "The catalogue was refused, so the VTN asks for no reports. It is offered again, at "
            "least once an hour."
        )
    return tuple(found)
