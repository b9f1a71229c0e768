"""The outbox: the task that sends the next message, how it is built (T20 to T24), and what its
reply means (T25, T26, T31). Steps only; building is pure.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta
from typing import Callable, Optional

from ....errors import ConfigurationError, TransportError, VenError
from ....points.entries import count_values, pack, payload, unpack
from ....points.tables import count, forget_request, look_now
from ....points.timing import NONE
from ....schema.common import Payload
from ....schema.items import Items
from ....state.change import Change
from ....state.outcome import NOTHING, Note, Outcome, Step
from ....state.replacement import replace
from ....tasks import FORBIDDEN_AGAIN, Task
from ....text import shorten, write_count
from ...schema.reports import (
    Report,
    ReportInterval,
    UpdatedReport,
    UpdateReport,
)
from ...state.book import Book
from ...state.deliveries import Delivery, Part
from ..task import is_refusal
from .acknowledgement import remove_acknowledged
from .endings import cancel, end_requests

DELIVERY = "report delivery"
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 300, 300, 600, 600))
ASIDE = timedelta(seconds=30)
PARKED_PAUSE = timedelta(hours=1)
FAILURES = 3
"""How often the VTN may fail over a message (HTTP 500) before it is sent in another form."""
FEW_ROWS = 50


def delivery_task(book: Book, now: datetime) -> Optional[Task]:
    """The next message to send, or None. It is made anew every time, and always the same (T26)."""
    key = next_delivery(book, now)
    if key is None:
        return None
    delivery = book.deliveries[key]
    return Task(
        name=DELIVERY,
        content=lambda: message(delivery),
        expects=(UpdatedReport,),
        accept=_accept(key, delivery),
        refuse=_refuse(key),
        service=UpdateReport.service,
        give_up=FAILURES,
        key=key,
        stays_owed=True,
    )


def next_delivery(book: Book, now: datetime) -> Optional[str]:
    """Which message is next; None while the VTN does not know this VEN."""
    if not book.deliveries or not book.registration.known:
        return None
    for key, delivery in book.deliveries.items():
        if delivery.retry_at is None or delivery.retry_at <= now:
            return key
    return None


def delivery_due(book: Book, now: datetime) -> bool:
    """Whether ``delivery_task`` would give a message; cheap, since it makes none."""
    return next_delivery(book, now) is not None


# --- the message ----------------------------------------------------------------------------------


def message(delivery: Delivery) -> UpdateReport:
    """The message of a delivery: the same every time, also after a restart (T20 to T24)."""
    return UpdateReport(
        request_id=delivery.request_id,
        ven_id=delivery.ven_id,
        reports=tuple(_report(part, delivery) for part in delivery.parts),
    )


def _report(part: Part, delivery: Delivery) -> Report:
    intervals = Items(_interval(part, at, entries) for at, entries in part.rows)
    if delivery.singly:
        intervals = Items(
            each.replace(report_payloads=(one,))
            for each in intervals
            for one in each.report_payloads
        )
    first, final = part.rows[0][0], part.rows[-1][0]
    span = final - first + (part.granularity if part.spans else NONE)
    return Report(
        dtstart=first,
        duration=timedelta(seconds=-(-span // timedelta(seconds=1))),
        intervals=intervals,
        report_request_id=part.report_request_id,
        report_specifier_id=part.specifier,
        report_name=part.report_name,
        created_date_time=delivery.created,
    )


def _interval(part: Part, at: datetime, entries: str) -> ReportInterval:
    """T21: with its begin; a duration where values are about a span."""
    duration = part.granularity if part.spans else None
    if entries.startswith('"'):
        return ReportInterval(dtstart=at, duration=part.granularity, feed=json.loads(entries))
    payloads = (payload(r_id, entry) for r_id, entry in zip(part.r_ids, unpack(entries)))
    return ReportInterval(
        dtstart=at,
        duration=duration,
        report_payloads=Items(one for one in payloads if one is not None),
    )


def values_of(delivery: Delivery) -> int:
    """How many samples a message holds, without marked gaps."""
    return sum(count_values(entries) for part in delivery.parts for _, entries in part.rows)


# --- replies --------------------------------------------------------------------------------------


def _accept(key: str, sent: Delivery) -> Callable[[Optional[Payload]], Step]:
    return lambda reply: lambda book, now: acknowledge(book, key, sent, reply, now)


def acknowledge(
    book: Book, key: str, sent: Delivery, reply: Optional[Payload], now: datetime
) -> Outcome:
    """The VTN has it: its samples are done with, and requests whose last report it was end. So are
    those of requests that ended while it was under way. A cancel may come with it.
    """
    delivery = book.deliveries.get(key)
    removal = remove_acknowledged(book, sent, delivery)
    changes, delivered = list(removal.changes), removal.values
    if delivery is not None:
        delivered += values_of(delivery)
        changes.append(Change("deliveries", key, None))
        changes += _end_after(book, key, delivery)
    if delivered or changes:
        changes += count(book, delivered=delivered, messages=1)
    outcome = look_now(now)
    if isinstance(reply, UpdatedReport) and reply.cancel_report is not None:
        outcome += cancel(book, reply.cancel_report, now, piggybacked=True)
    return outcome + Outcome(changes=tuple(changes))


def _end_after(book: Book, key: str, delivery: Delivery) -> list[Change]:
    """What an acknowledged message means for its requests."""
    ended = frozenset(part.request for part in delivery.parts if _is_over(book, key, part.request))
    changes = [change for request in ended for change in forget_request(book, request)]
    return changes + _learn_singly(book, delivery, ended)


def _learn_singly(book: Book, delivery: Delivery, ended: frozenset[str]) -> list[Change]:
    """What was delivered with one value an interval, after it had failed otherwise, is sent so from
    now on.
    """
    keys = {part.request for part in delivery.parts} - ended if delivery.singly else set()
    return [
        Change("requests", key, replace(request, singly=True))
        for key, request in book.requests.items()
        if key in keys and not request.singly
    ]


def _is_over(book: Book, key: str, request: str) -> bool:
    """Whether this was the last that a request had to send."""
    state = book.requests.get(request)
    elsewhere = any(
        part.request == request
        for other, delivery in book.deliveries.items()
        if other != key
        for part in delivery.parts
    )
    return state is not None and state.due is None and state.ended is None and not elsewhere


# --- refusals -------------------------------------------------------------------------------------


def _refuse(key: str) -> Callable[[VenError], Step]:
    return lambda error: lambda book, now: refuse(book, key, error, now)


def refuse(book: Book, key: str, error: VenError, now: datetime) -> Outcome:
    """T25: 452 ends the request. After any other refusal the report is sent again, ever more rarely
    and in the end every hour, and does not hold others up: somebody may mend the VTN.

    A message of several reports is first sent as one for each, so that only what is wrong is
    refused again. One that the VTN fails over is sent with one value an interval (openleadr's VTN
    takes no more), then in smaller pieces. One that gets no reply, while the VTN answers others,
    stands aside for a moment, in which reports of other requests are made. What HTTP says must not
    be sent again as it is (H5) waits for an hour at once. Of what we cannot write ourselves the
    values that are to blame are given up, and the others are sent.
    """
    delivery = book.deliveries.get(key)
    if delivery is None:
        return NOTHING
    wait = timedelta(seconds=getattr(error, "retry_after", None) or 0.0)
    delivery = replace(delivery, retry_at=now + wait)
    if len(delivery.parts) > 1:
        return _divide(book, key, delivery, now)
    if isinstance(error, TransportError) and error.status is None:
        aside = replace(delivery, retry_at=now + ASIDE)
        return Outcome(changes=(Change("deliveries", key, aside),))
    code = getattr(error, "response_code", "500")
    part, status = delivery.parts[0], error.status if isinstance(error, TransportError) else None
    if status == 500 and not delivery.singly and len(part.r_ids) > 1:
        return _send_as(book, key, [replace(delivery, singly=True)], now)
    if (status == 413 and len(part.rows) > 1) or (status == 500 and len(part.rows) > FEW_ROWS):
        return _halve(book, key, delivery, now)
    if code == "452" and is_refusal(error):
        return _end_unknown(book, delivery, error, now)
    if isinstance(error, ConfigurationError):
        return _leave_out(book, key, delivery, error, now)
    refusals = delivery.refusals + 1
    if status in FORBIDDEN_AGAIN:
        refusals = max(refusals, len(PAUSES) + 1)  # H5: at once the longest pause
    return _retry_later(key, replace(delivery, refusals=refusals), error, now)


def pause_after(delivery: Delivery) -> timedelta:
    """How long a message waits that was refused so often."""
    pauses = (*PAUSES, PARKED_PAUSE)
    return pauses[min(max(delivery.refusals, 1), len(pauses)) - 1]


def _retry_later(key: str, delivery: Delivery, error: VenError, now: datetime) -> Outcome:
    pause = pause_after(delivery)
    note = Note(
        f"{error} The report is kept and sent again in {pause.total_seconds():.0f} s.",
        logging.WARNING,
        once="report refused",
        error=error,
    )
    retry_at = max(now + pause, delivery.retry_at or now)
    waiting = replace(delivery, retry_at=retry_at, parked=pause == PARKED_PAUSE)
    changes = (Change("deliveries", key, waiting),)
    return Outcome(changes=changes, notes=(note,)) + look_now(now)


def _divide(book: Book, key: str, delivery: Delivery, now: datetime) -> Outcome:
    return _send_as(book, key, [replace(delivery, parts=(part,)) for part in delivery.parts], now)


def _halve(book: Book, key: str, delivery: Delivery, now: datetime) -> Outcome:
    """The VTN found the message too large, or a part of it cannot be written."""
    part = delivery.parts[0]
    middle = len(part.rows) // 2
    return _send_as(
        book,
        key,
        [
            replace(delivery, parts=(replace(part, rows=rows),))
            for rows in (part.rows[:middle], part.rows[middle:])
        ],
        now,
    )


def _send_as(book: Book, key: str, deliveries: list[Delivery], now: datetime) -> Outcome:
    keys = [book.next_key() for _ in deliveries]
    changes = [
        Change("deliveries", new, replace(delivery, request_id=book.request_id(f"delivery {new}")))
        for new, delivery in zip(keys, deliveries)
    ]
    return Outcome(changes=(Change("deliveries", key, None), *changes)) + look_now(now)


def _end_unknown(book: Book, delivery: Delivery, error: VenError, now: datetime) -> Outcome:
    """The VTN does not know the request: it ends here too; its samples wait for a new one of the
    same data points.
    """
    gone: frozenset[str] = frozenset((delivery.parts[0].request,))
    note = Note(
        f"{error} Report request {delivery.parts[0].report_request_id} ends; its samples are "
        f"kept for the next request of the same data points.",
        logging.WARNING,
    )
    return end_requests(book, gone, now) + Outcome(notes=(note,))


def _leave_out(book: Book, key: str, delivery: Delivery, error: VenError, now: datetime) -> Outcome:
    """What cannot be written is sought by halves: first the moment, then the data point."""
    part = delivery.parts[0]
    if len(part.rows) > 1:
        return _halve(book, key, delivery, now)
    middle = len(part.r_ids) // 2
    at, packed = part.rows[0]
    entries = unpack(packed)
    if not middle or len(entries) != len(part.r_ids):
        return _give_up(book, key, delivery, error, now)
    halves = [
        replace(part, r_ids=r_ids, rows=((at, pack(each)),))
        for r_ids, each in (
            (part.r_ids[:middle], entries[:middle]),
            (part.r_ids[middle:], entries[middle:]),
        )
        if any(each)
    ]
    return _send_as(book, key, [replace(delivery, parts=(half,)) for half in halves], now)


def _give_up(book: Book, key: str, delivery: Delivery, error: VenError, now: datetime) -> Outcome:
    lost, names = values_of(delivery), shorten(", ".join(delivery.parts[0].r_ids))
    first, last = delivery.parts[0].rows[0][0], delivery.parts[0].rows[-1][0]
    note = Note(
        f"{error} The report of request {delivery.parts[0].report_request_id} from "
        f"{first.isoformat()} to {last.isoformat()} ({names}) is given up: "
        f"{write_count(lost, 'sample is', 'samples are')} lost.",
        logging.ERROR,
        once=f"values given up of {names}",
        error=error,
    )
    changes: tuple[Change, ...] = (Change("deliveries", key, None), *count(book, dropped=lost))
    if _is_over(book, key, delivery.parts[0].request):
        changes += forget_request(book, delivery.parts[0].request)
    return Outcome(changes=changes, notes=(note,)) + look_now(now)
