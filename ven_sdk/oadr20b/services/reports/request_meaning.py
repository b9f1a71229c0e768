"""What a request for a report means, as a state: its kind, what it samples, when it delivers
(docs/protocol/reports.rst, 'What a request asks for'). Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Optional

from ....config import JITTER, JITTER_CAP
from ....instants import EPOCH
from ....points.tables import point_key, points_of
from ....points.timing import INSTANT, LATEST, NONE, floor, moment_after
from ....state.replacement import replace
from ....state.reports import BLOCK, CATALOGUE, CHANGE, ONCE, PERIODIC, RequestState
from ...schema.reports import ReportRequest, ReportSpecifier
from ...state.book import Book

METADATA = "METADATA"
SHORTEST_BACK = timedelta(seconds=1)
"""Deliveries are never closer together, whatever fraction of a second is asked for."""
SHORTEST_CATALOGUE = timedelta(minutes=1)
"""The catalogue is never sent more often than this for a periodic METADATA request, but by a
strict VEN.
"""

_WANTED = ("specifier", "r_ids", "kind", "granularity", "back", "origin", "end")
"""Fields of a state that the request alone decides."""


def is_metadata(request: ReportRequest) -> bool:
    """Whether the catalogue itself is asked for."""
    return request.report_specifier.report_specifier_id == METADATA


def start(book: Book, request: ReportRequest, now: datetime) -> RequestState:
    """What a request means as a state."""
    wanted = request.report_specifier
    back = wanted.report_back_duration or NONE
    back = max(back, SHORTEST_BACK) if back else back
    step = min(wanted.granularity or NONE, back)  # T18; a one-shot has no spacing
    if is_metadata(request):
        return _catalogue_request(book, request, back, now)
    span = wanted.report_interval
    r_ids = tuple(dict.fromkeys(payload.r_id for payload in wanted.specifier_payloads)) or tuple(
        r_id for specifier, r_id in book.catalogue.by_key if specifier == wanted.report_specifier_id
    )
    state = RequestState(
        report_request_id=request.report_request_id,
        specifier=wanted.report_specifier_id,
        r_ids=r_ids,
        kind=_kind(book, wanted, step, back, now),
        granularity=step,
        back=back,
        created=now,
        origin=span.dtstart if span is not None else EPOCH,
        end=span.dtstart + span.duration if span is not None and span.duration else None,
        start=span.dtstart if span is not None and span.dtstart > now else None,
        last=_known_values(book, wanted.report_specifier_id, r_ids),
    )
    if state.kind == ONCE:
        return _one_shot(book, state, now)
    if state.kind == BLOCK:
        end = now if state.end is None else min(state.end, now)
        return replace(state, start=None, end=end, due=now, granularity=wanted.granularity or NONE)
    return _series(book, state, now)


def is_repeated(running: RequestState, asked: RequestState) -> bool:
    """Whether ``asked`` wants what ``running`` gives already: it goes on, and nothing begins anew
    (T15). A report of the moment, or of a span of the past, is given again.
    """
    if asked.kind not in (PERIODIC, CHANGE, CATALOGUE):
        return False
    begun = replace(asked, origin=running.origin) if asked.kind == CATALOGUE else asked
    return all(getattr(running, name) == getattr(begun, name) for name in _WANTED)


def _catalogue_request(
    book: Book, request: ReportRequest, back: timedelta, now: datetime
) -> RequestState:
    """A METADATA request: the catalogue goes out at once, and then every ``back`` (T8)."""
    back = max(back, SHORTEST_BACK if book.settings.strict else SHORTEST_CATALOGUE)
    return RequestState(
        report_request_id=request.report_request_id,
        specifier=METADATA,
        r_ids=(),
        kind=CATALOGUE,
        granularity=NONE,
        back=back,
        created=now,
        origin=now,
        due=now + back,
    )


def _kind(
    book: Book, wanted: ReportSpecifier, step: timedelta, back: timedelta, now: datetime
) -> str:
    span = wanted.report_interval
    is_history = any(
        key[0] == wanted.report_specifier_id and point.is_history
        for key, point in book.catalogue.by_key.items()
    )
    if is_history:
        return ONCE if span is None else BLOCK
    if not back:
        return ONCE
    if span is not None and span.duration and span.dtstart + span.duration <= now:
        return BLOCK
    return PERIODIC if step else CHANGE


def _one_shot(book: Book, state: RequestState, now: datetime) -> RequestState:
    """One report at once, whatever the interval says. Of summed data it is the last complete
    sample, with the span that this is about (T42).
    """
    points = points_of(book, state)
    moment, spacing = now.replace(microsecond=0), NONE
    if points and all(point.is_summed for point in points):
        spacing = max(point.sampling_rate.min_period for point in points)
        keys = [point_key(point.key) for point in points]
        if all(key in book.recent for key in keys):
            moment = max(book.recent[key].newest.at for key in keys)
    return replace(state, origin=moment, granularity=spacing, start=None, end=None, due=now)


def _series(book: Book, state: RequestState, now: datetime) -> RequestState:
    """With the first delivery (T17): at the begin of the series, or at once, where each report
    holds one sample of an instant; otherwise when the first period is over.
    """
    points = points_of(book, state)
    prompt = state.kind == PERIODIC and state.granularity == state.back
    prompt = prompt and not any(point.is_summed or point.is_ranged for point in points)
    spread = min(state.back * JITTER, JITTER_CAP) * book.chance.random()
    first = _first_moment(state, now)
    begin = state.start or first or now
    due = moment_after(state.origin, state.back, begin - INSTANT if prompt else begin)
    asked_from = due - state.back if state.start is None else max(state.start, due - state.back)
    return replace(
        state,
        due=due if state.end is None else min(due, state.end),
        jitter=spread if book.settings.allow_jitter else NONE,
        covered={point.r_id: asked_from for point in points if point.is_ranged},
        prompt=prompt,
        first=first,
    )


def _first_moment(state: RequestState, now: datetime) -> Optional[datetime]:
    """The moment of a series that has just passed, when the request names its begin: requests take
    a while to arrive.
    """
    spacing = state.granularity or state.back
    if state.origin == EPOCH or state.start is not None:
        return None
    moment = floor(state.origin, spacing, now)
    return moment if now - moment <= min(LATEST, spacing / 2) else None


def _known_values(book: Book, specifier: str, r_ids: Iterable[str]) -> dict[str, str]:
    """What is known of the data points already: the value that stands in for one that is missing
    (T19).
    """
    found = ((r_id, book.known.get(point_key((specifier, r_id)))) for r_id in r_ids)
    return {r_id: value.entry for r_id, value in found if value is not None}
