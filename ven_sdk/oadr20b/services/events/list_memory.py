"""What is kept of a list of events for the answers to come: under which requestID each event was
last listed (E23), and responses about what is not held. Pure functions.
"""

from __future__ import annotations

from collections.abc import Set

from ....state.replacement import replace
from ...state.event_list import EventList


def remember_list(
    before: EventList, newest: EventList, known: Set[str], complete: bool
) -> EventList:
    """``newest`` with what is still needed of the lists before it. ``known`` are the eventIDs that
    were held when it came; after a ``complete`` one nothing is owed about what it leaves out.
    """
    answered = {(one.event_id, one.modification_number) for one in newest.others}
    waiting = tuple(
        one
        for one in before.others
        if (one.event_id, one.modification_number) not in answered
        and (not complete or one.event_id in newest.present)
    )
    return replace(
        newest,
        older=_older_ids(before, newest, known),
        due=((before.due - newest.present) & known) | newest.due,
        others=(*waiting, *newest.others),
    )


def _older_ids(before: EventList, newest: EventList, known: Set[str]) -> dict[str, str]:
    """The requestIDs of earlier lists, for what is not in this one; the same dict where a short
    list changes nothing in it.
    """
    present, left = newest.present, before.present - newest.present
    unchanged = before.older.keys().isdisjoint(present) and len(before.older) <= len(known)
    if not left and unchanged:
        return before.older
    older = {**before.older, **dict.fromkeys(left, before.request_id)}
    return {key: value for key, value in older.items() if key in known and key not in present}
