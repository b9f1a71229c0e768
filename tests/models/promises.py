"""What a VEN promises whatever its VTN answers, as docs/failures.rst has it, seen from outside:
by what the VTN saw, what was logged and what ``on_error`` was called with.

:class:`Promises` looks at all that is new since it looked last. What a VEN may wait is computed
from the VTN's record of exchanges by the table's own numbers, so a wait that the table does not
have is a broken promise. Nothing is read from inside the VEN.
"""

from __future__ import annotations

from collections import deque
from typing import Optional

from tests.models.patience import (
    BUSY,
    CREATE,
    LOST,
    MISSING,
    QUERY,
    Patience,
    RegistrationPatience,
    is_failure,
    status_of,
)
from tests.models.peer import TAKES, Exchange
from tests.models.simulated import SimulatedVen
from ven_sdk.errors import HandlerError

MESSAGES_A_MINUTE, MESSAGES_A_PERIOD, REPORTS_A_MINUTE = 50, 5, 120
LINES_A_MINUTE, BOOTSTRAP = 15, 4
UNANSWERED = frozenset({"no answer", "refused connection", "right, but lost"})
"""Replies that are none: the link failed."""
POLL, DELIVERY, ANSWER = "oadrPoll", "oadrUpdateReport", "oadrCreatedEvent"
REQUESTED = "oadrCreatedReport"
CREATE_OPT, CANCEL_OPT = "oadrCreateOpt", "oadrCancelOpt"
REGISTERS = frozenset({QUERY, CREATE})
UNKNOWN = frozenset({"code 463", "not allowed"})
"""Replies that the VTN does not know the VEN."""
BESIDE = ("times so far", "left out", "gets optOut", "The wall clock was set back")
"""What is said in lines that the VTN has no part in, or that only count others."""
BY_WISH = frozenset({DELIVERY, CREATE_OPT, CANCEL_OPT})
"""Messages that the VTN's own wishes and the user's calls pace."""
SLACK = 4.0
"""Seconds for what comes before a poll: answers, the bootstrap, a moment for handlers."""


class Sliding:
    """Moments within the last ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._moments: deque[float] = deque()

    def add(self, moment: float) -> int:
        self._moments.append(moment)
        return self.count(moment)

    def oldest(self, number: int) -> float:
        """The moment of the oldest but ``number - 1``."""
        return self._moments[number - 1]

    def count(self, now: float) -> int:
        while self._moments and self._moments[0] <= now - self.seconds:
            self._moments.popleft()
        return len(self._moments)


class Promises:
    """The promises of one :class:`SimulatedVen` that polls every ``period`` seconds."""

    def __init__(self, world: SimulatedVen, period: float) -> None:
        self.world, self.vtn, self.period = world, world.vtn, period
        self.calls: list[float] = []
        self._not_allowed: set[float] = set()
        self._exchanges = self._lines = self._errors = self._failed = self._told = 0
        names = ("calls", "starts", "news", "requests")
        self._happenings = {name: Sliding(120) for name in names}
        self._seen = dict.fromkeys(names, 0)
        self._begin_minute()
        self._begin_waiting()

    def _begin_minute(self) -> None:
        self._paced, self._deliveries, self._polls = Sliding(60), Sliding(60), Sliding(60)
        self._failing_polls, self._failing_deliveries = Sliding(120), Sliding(3600)
        self._registrations = {"asked": Sliding(600), "lost": Sliding(600)}
        self._for_long, self._joined, self._drawn = Sliding(660), Sliding(60), Sliding(60)
        self._first_lines, self._calls_of_on_error = Sliding(60), Sliding(60)
        self._busy: dict[str, tuple[int, float, str]] = {}

    def _begin_waiting(self) -> None:
        self._link, self._link_since, self._last_line = 0, 0.0, float("-inf")
        self._polling, self._registering = Patience(), RegistrationPatience()
        self._lost, self._lost_at, self._pause = 0, float("-inf"), 0.0
        self._follows_loss, self._unknown = False, 0
        self._unwanted: dict[str, float] = {}
        self._base: Optional[float] = None
        self._excused = 0.0
        self._owed: dict[str, float] = {}
        self._reports_from: Optional[float] = None
        self._registration: object = None

    # --- looking ----------------------------------------------------------------------------------

    def look(self, expects_polls: bool = True) -> None:
        """Look at all that is new. ``expects_polls``: the user did not end the registration."""
        now = self.world.clock.monotonic()
        expects_polls &= self.world.running and self.world.ven.status.state != "unregistered"
        if not expects_polls:
            self._base = None
        elif self._base is None:
            self._base = max(now, self._excused)  # a Retry-After outlasts a registration
        for exchange in self.vtn.sent[self._exchanges :]:
            self._note_happenings(exchange.at)
            self._take(exchange)
        self._note_happenings(now)
        self._exchanges = len(self.vtn.sent)
        self._look_at_waits(now)
        self._look_at_lines()
        self._look_at_handlers(now)
        assert not self.vtn.foreign, f"sent to {self.vtn.vtn_id}: {self.vtn.foreign}"

    def _note_happenings(self, until: float) -> None:
        """Take in what came before the exchange of the moment ``until``."""
        for name, moments in (
            ("calls", self.calls),
            ("starts", self.world.starts),
            ("news", self.vtn.news),
            ("requests", self.vtn.requests),
        ):
            while self._seen[name] < len(moments) and moments[self._seen[name]] <= until:
                self._happen(name, moments[self._seen[name]])
                self._seen[name] += 1

    def _happen(self, name: str, moment: float) -> None:
        self._happenings[name].add(moment)
        if name in ("calls", "starts"):
            self._for_long.add(moment)
            self._busy.clear()  # what waited is tried at once
        if name == "starts":
            self._restart(moment)

    def _restart(self, moment: float) -> None:
        """A start knows nothing of what failed before it."""
        base = self._base
        self._begin_waiting()
        if base is not None:
            self._base = moment + SLACK

    def _count(self, name: str, now: float) -> int:
        return self._happenings[name].count(now)

    # --- exchanges --------------------------------------------------------------------------------

    def _take(self, exchange: Exchange) -> None:
        at, name, how = exchange
        self._check_poll_is_not_late(at)
        self._check_rates(exchange)
        self._check_back_off(exchange)
        end = at + TAKES
        if how in UNANSWERED:
            self._fail_link(at, end)
            if name in REGISTERS and how in LOST:
                self._take_registering(name, how, end)
        else:
            self._link = 0
            self._take_answer(name, how, end)
        if name == POLL:
            self._excuse(end)
        self._note_attempt(name, how, end)

    def _excuse(self, until: float) -> None:
        """Nobody can expect a poll before ``until`` and a period."""
        self._excused = max(self._excused, until)
        if self._base is not None:
            self._base = max(self._base, until)

    def _fail_link(self, at: float, end: float) -> None:
        self._link += 1
        if self._link == 1:
            self._link_since = at
        self._excuse(end + min(60.0, 2.0 ** (self._link - 1)))
        if at - self._link_since > 125:
            last = self.world.lines.last_before(end + 2)
            assert last > at - 125, f"not a word for {at - last:.0f} s, and the VTN is away"

    def _take_answer(self, name: str, how: str, end: float) -> None:
        if name in REGISTERS:
            self._unknown = 0
            self._take_registering(name, how, end)
        elif how in UNKNOWN and name != POLL and end < self._unwanted.get(name, 0.0):
            self._not_allowed.add(end)  # a registration did not help: it is a refusal
        elif how in UNKNOWN or (name == POLL and how == "code 452"):
            if name == POLL:
                self._unwanted.clear()
            self._unwanted[name] = end + 3600.0
            self._lose(how, end)
        elif name == POLL:
            if is_failure(how):
                self._excuse(end + self._polling.fail(how, end))
            else:
                self._polling.succeed(end)
        elif not is_failure(how):
            self._unwanted.pop(name, None)  # it may have been accepted

    def was_not_allowed(self, exchange: Exchange) -> bool:
        """Whether the VTN refused a message by saying that it does not know the VEN."""
        return exchange.at + TAKES in self._not_allowed

    def _take_registering(self, name: str, how: str, end: float) -> None:
        self._excuse(end + self._registering.take(name, how, end) + SLACK)
        self._excuse_for_pace(end)
        if name == CREATE and how == "right":
            if not self._follows_loss:
                self._unwanted.clear()
            self._follows_loss = False

    def _lose(self, how: str, end: float) -> None:
        """The VTN does not know the VEN: it is registered with at once the first time, then with
        growing distance, whatever registrations it asked for before; and it hears nothing else.
        """
        self._follows_loss = True
        self._unknown += how == "code 463"
        assert self._unknown <= 3, "the VTN does not know the VEN, which goes on as if it did"
        if end - self._lost_at > max(60.0, 10 * self._pause) + self._pause:
            self._lost, self._pause = 0, 0.0
        elif self._lost:
            self._pause = min(300.0, 2.0 ** (self._lost - 1))
        self._lost, self._lost_at = self._lost + 1, end
        self._excuse(end + self._pause + SLACK)
        self._excuse_for_pace(end)

    def _excuse_for_pace(self, now: float) -> None:
        """A registration needs messages that the pace may not have left in this minute."""
        most = max(MESSAGES_A_MINUTE, int(MESSAGES_A_PERIOD * 60 / self.period))
        over = self._drawn.count(now) + BOOTSTRAP - most
        if over > 0:
            self._excuse(self._drawn.oldest(over) + 60.0 + SLACK)

    # --- polls are not starved --------------------------------------------------------------------

    def _check_poll_is_not_late(self, now: float) -> None:
        if self._base is None:
            return
        late = now - (self._base + self.period + SLACK)
        assert late <= 0, f"no poll at {now:.0f} s; it was due {late:.0f} s before"

    # --- rates ------------------------------------------------------------------------------------

    def _check_rates(self, exchange: Exchange) -> None:
        now, name, how = exchange
        calls, starts = self._count("calls", now), self._count("starts", now)
        regular = 60 / self.period + 2
        free = 6 * calls + 55 * starts
        if name == DELIVERY:
            self._check_deliveries(now, how, free)
        elif name not in BY_WISH:
            most = max(MESSAGES_A_MINUTE, MESSAGES_A_PERIOD * 60 / self.period) + regular + free
            found = self._paced.add(now)
            for _ in range(2 if name == REQUESTED else 1):  # it makes a report due
                self._drawn.add(now)
            assert found <= most, f"{found} messages in a minute, at most {most:.0f}"
        if name == POLL:
            self._check_news(now, how, regular + 3 * starts + 2 * calls)
        if name == CREATE and how == "right":
            cause = "lost" if self._follows_loss else "asked"
            most = 14 + 6 * self._for_long.count(now)
            found = self._registrations[cause].add(now)
            self._joined.add(now)
            assert found <= most, f"{found} registrations in ten minutes, at most {most:.0f}"

    def _check_deliveries(self, now: float, how: str, free: int) -> None:
        """Reports come by the VTN's wishes. Those that it refused come again, and below the bound
        of reports.
        """
        back = self.vtn.wish[1] if self.vtn.wish else 600
        if how != "right":
            self._failing_deliveries.add(now)
        most = 12 + 60 / back + 2 * self._count("requests", now) + free
        if self._failing_deliveries.count(now):
            most = max(most, REPORTS_A_MINUTE)
        found = self._deliveries.add(now)
        assert found <= most, f"{found} reports in a minute, at most {most:.0f}"

    def _check_news(self, now: float, how: str, most: float) -> None:
        """A poll before its period follows something new, a registration, or a poll that failed."""
        if how != "right":
            self._failing_polls.add(now)
        news = self._count("news", now) + self._count("requests", now)
        most += 2 * news + 2 * self._failing_polls.count(now) + self._joined.count(now)
        found = self._polls.add(now)
        assert found <= most, f"{found} polls in a minute, with news for {most:.0f}"

    def _check_back_off(self, exchange: Exchange) -> None:
        """What a service that is busy failed over comes at growing distance, whatever goes well
        elsewhere.
        """
        now, name, how = exchange
        failures, since, before = self._busy.get(name, (0, 0.0, ""))
        if failures:
            least = 0.5 * min(60.0, 2.0 ** (failures - 1))
            found = now - since
            assert found >= least - 0.1, f"{name} again after {found:.1f} s, {failures} times 503"
        is_busy = status_of(how) in BUSY and " after " not in how
        if name in REGISTERS:
            self._busy.clear()
        elif is_busy and name in (POLL, ANSWER, DELIVERY, CREATE_OPT, CANCEL_OPT):
            self._busy[name] = (failures + 1 if before in ("", how) else 1, now + TAKES, how)
        else:
            self._busy.pop(name, None)

    # --- what is owed -----------------------------------------------------------------------------

    def _note_attempt(self, name: str, how: str, end: float) -> None:
        """When the message of this kind is due again at the latest, if it is owed then."""
        status = status_of(how)
        wait = 3600.0 if status in MISSING else 62.0
        if how in UNKNOWN:
            wait = 330.0
        if " after " in how:
            wait = 2 * min(float(how.partition(" after ")[2]), 3600.0) + 60
        self._owed[name] = end + wait
        if name == DELIVERY and (how in UNKNOWN or how.startswith("code ")):
            self._owed[name] = end + 3600.0

    def _look_at_waits(self, now: float) -> None:
        self._check_poll_is_not_late(now)
        if self._base is None or self.world.ven.status.state != "registered":
            self._owed.clear()
            self._reports_from = None
            return
        states = {opt.state for opt in self.world.ven.opts}
        queues = self.world.ven.status.queues
        self._check_owed(ANSWER, bool(queues["event_answers"]) and not queues["handler"], now)
        self._check_owed(CREATE_OPT, "owed" in states, now)
        self._check_owed(CANCEL_OPT, "cancelling" in states, now)
        self._check_reports(now)

    def _check_owed(self, name: str, is_owed: bool, now: float) -> None:
        if not is_owed:
            self._owed.pop(name, None)
            return
        due = self._owed.setdefault(name, now + 62.0)
        late = now - max(due, self._base or now) - 10
        assert late <= 0, f"{name} is owed, and was due {late:.0f} s before"

    def _check_reports(self, now: float) -> None:
        """The report that the VTN asked for with the catalogue goes out each period."""
        record, wish = self.vtn.record, self.vtn.wish
        registration = (self.vtn.vtn_id, record.registration, record.registered)
        if registration != self._registration or wish is None or self.world.pool("report").held:
            self._registration, self._reports_from = registration, None
        if wish is None or not self._knows_its_request():
            return
        if self._reports_from is None:
            self._reports_from = now
        base = max(self._reports_from, self._owed.get(DELIVERY, 62.0) - 62.0, self._base or now)
        late = now - base - sum(wish) - 75
        assert late <= 0, f"no report, and it was due {late:.0f} s before"

    def _knows_its_request(self) -> bool:
        """Whether the VEN got the request of this registration."""
        for _, name, how in reversed(self.vtn.sent):
            if name == "oadrRegisterReport" and how == "right":
                return True
            if name == CREATE:
                return False
        return False

    def _starts_before(self, moment: float) -> int:
        """Processes that began within two minutes before ``moment``, which may be long ago."""
        return sum(moment - 120 < start <= moment for start in self.world.starts)

    # --- what is said -----------------------------------------------------------------------------

    def _look_at_lines(self) -> None:
        """At most 15 new warnings a minute, and calls of on_error. Repetitions, counts of what was
        left out, and what the user's own handlers and the clock do are said beside that.
        """
        for moment, text in self.world.lines.seen[self._lines :]:
            assert "fault of ven_sdk" not in text, text
            if not any(beside in text for beside in BESIDE):
                most = LINES_A_MINUTE * (1 + self._starts_before(moment)) + 1
                assert self._first_lines.add(moment) <= most, "too many lines in a minute"
        self._lines = len(self.world.lines.seen)
        for moment, error in self.world.errors[self._errors :]:
            if not isinstance(error, HandlerError):
                most = LINES_A_MINUTE * (1 + self._starts_before(moment))
                assert self._calls_of_on_error.add(moment) <= most, "on_error too often"
        self._errors = len(self.world.errors)

    def _look_at_handlers(self, now: float) -> None:
        """Each event whose handler failed has been told to on_error."""
        for moment, event_id in self.world.failed[self._failed :]:
            if now - moment < 2 and self.world.running:
                return
            self._failed += 1
            if max(self.world.starts, default=0.0) < moment and self.world.running:
                told = [str(one) for _, one in self.world.errors if isinstance(one, HandlerError)]
                assert any(repr(event_id) in one for one in told), f"{event_id} failed in silence"
