"""``client.opt_in`` and ``client.opt_out``: the VEN's decision, given or changed by its user (E18,
E23). Pure functions; they run as steps.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING, Optional

from ....errors import ConfigurationError, StateError
from ....events import timing, versions
from ....events.execution import carry_out
from ....state.outcome import Note, Outcome
from ....text import is_xml, repr_of, shorten
from ....usercode.decisions import OPTS
from .. import opts
from . import transitions

if TYPE_CHECKING:
    from ....state.events import EventState
    from ...state.book import Book


def opt(
    book: "Book", event_id: str, opt_type: str, reason: Optional[str], now: datetime
) -> Outcome:
    """``client.opt_in`` and ``client.opt_out``: the VEN's decision, given or changed at any time
    (E18, E23).

    Raises StateError for an event that is unknown, refused, cancelled or over, and
    ConfigurationError for an ID that is no text or a reason that XML cannot carry. A running
    handler's later return counts no more. ``reason`` goes out as the response's description.
    """
    if opt_type not in OPTS:
        raise ConfigurationError(f"opt_type must be 'optIn' or 'optOut', not {repr_of(opt_type)}.")
    if not isinstance(event_id, str):
        raise ConfigurationError(f"event_id must be a text, not {repr_of(event_id)}.")
    _check_reason(reason)
    held = book.events.get(event_id)
    if held is None or transitions.is_gone(held):
        raise StateError(
            f"There is no event {repr_of(event_id)}. Known: "
            f"{shorten(', '.join(map(repr, sorted(book.events)[:10]))) or 'none'}."
        )
    _check_open(held, event_id, now)
    outcome = carry_out(book, event_id, held, versions.choose(held, opt_type, reason), now)
    standing = opts.find_opt_of(book, event_id)
    if standing is None:
        return outcome
    return outcome + Outcome(
        notes=(
            Note(
                f"The VTN ignores this opt for what opt {standing!r} about event {event_id!r} "
                f"speaks for (O1.2). Change that by client.create_opt(..., event_id={event_id!r}).",
                logging.WARNING,
            ),
        )
    )


def _check_reason(reason: object) -> None:
    if reason is not None and not (isinstance(reason, str) and is_xml(reason)):
        raise ConfigurationError(
            f"reason must be a text that XML can carry, or None, not {repr_of(reason)}."
        )


def _check_open(held: "EventState", event_id: str, now: datetime) -> None:
    status = timing.status(held, now)
    if held.code != "200":
        raise StateError(
            f"Event {event_id!r} was refused with code {held.code} ({held.reason}); there is "
            f"nothing to opt for."
        )
    if status in ("cancelled", "completed"):
        raise StateError(f"Event {event_id!r} is {status}; its opt can no longer be changed.")
