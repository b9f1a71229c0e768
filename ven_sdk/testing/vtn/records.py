"""What arrived at ``LocalVTN``: messages, answers, samples, violations. Any thread."""

from __future__ import annotations

from typing import Callable, Optional

from ...brackets import ValueDict, ValueList
from ...oadr20b.schema.opt import CreateOpt
from .core import Core
from .events import EventAnswer
from .journal import Kind, Received
from .pusher import Pushed
from .reports import Double, ReportSample
from .wire import Violation

Where = Optional[Callable[[object], object]]


class Records(Core):
    """What arrived. Lists are copies."""

    @property
    def received(self) -> list[Received]:
        """All messages, in order (the last ``keep``)."""
        return ValueList(self._journal.select())

    def received_of(self, kind: Kind, *, where: Where = None, after: int = 0) -> list[Received]:
        """The messages of a ``kind``, a class or a name such as ``'oadrPoll'`` or ``'Poll'``, that
        ``where`` says yes to, after a :meth:`mark` (``after``).
        """
        return self._journal.select(kind, where, after=after)

    @property
    def counts(self) -> dict[str, int]:
        """How many messages of each wire name have come."""
        with self._state.lock:
            return ValueDict(self._journal.counts)

    def mark(self) -> int:
        """A place in the order of messages, for ``after=``."""
        with self._state.lock:
            return self._journal.last

    @property
    def answers(self) -> list[EventAnswer]:
        """All answers to events."""
        with self._state.lock:
            return ValueList(self._state.events.answers)

    @property
    def samples(self) -> list[ReportSample]:
        """All values that were delivered (the last ``keep``); a repeated message counts once."""
        with self._state.lock:
            return ValueList(self._state.samples.samples)

    @property
    def doubles(self) -> list[Double]:
        """Data points that came twice: see :class:`Double`."""
        with self._state.lock:
            return ValueList(self._state.samples.doubles)

    @property
    def violations(self) -> list[Violation]:
        """What VENs sent that the schema or the rules do not allow."""
        with self._state.lock:
            return ValueList(self._violations)

    @property
    def own_violations(self) -> list[str]:
        """What is wrong with whatever a test gave the VTN to send (an event, a request, an offer,
        a record, bytes, a reply): against the schema, saying nothing, or contradicting itself.
        """
        with self._state.lock:
            return ValueList(self._own_violations)

    @property
    def connections(self) -> int:
        """How many connections were accepted so far."""
        return self._server.connections

    @property
    def pushes(self) -> list[Pushed]:
        """What was pushed to VENs, in order, the last 10,000."""
        with self._state.lock:
            return ValueList(self._pusher.pushes)

    def wait_for_pushes(
        self, count: int = 1, timeout: float = 5, *, ven: Optional[str] = None
    ) -> list[Pushed]:
        """Wait until VENs have taken ``count`` pushes; those. ``ven`` is an ID or a name; NotSeen
        says what there was instead. ``timeout`` in seconds.
        """

        def find_taken() -> list[Pushed]:
            ven_id = None if ven is None else self._state.vens.get(ven).ven_id
            return [
                each for each in self._pusher.pushes if each.taken and ven_id in (None, each.ven_id)
            ]

        def find_enough() -> Optional[list[Pushed]]:
            found = find_taken()
            return found if len(found) >= count else None

        def instead() -> "tuple[str, str]":
            failed = [str(each) for each in self._pusher.pushes if not each.taken]
            return (
                f"{count} pushes that were taken within {timeout:g} s",
                f"{len(find_taken())} were, {len(failed)} failed. {'; '.join(failed[-3:])}".strip(),
            )

        found: list[Pushed] = self._journal.wait_until(find_enough, timeout, instead)
        return found

    def opt_of(self, event_id: str, ven_id: Optional[str] = None) -> Optional[EventAnswer]:
        """The last answer to ``event_id`` of ``ven_id`` (None: of any), or None."""
        with self._state.lock:
            answers = list(self._state.events.answers_to.get(event_id, ()))
        return next((each for each in reversed(answers) if ven_id in (None, each.ven_id)), None)

    @property
    def opts(self) -> dict[str, CreateOpt]:
        """The opts that stand, of all VENs, by optID."""
        with self._state.lock:
            return ValueDict(pair for ven in self._state.vens for pair in ven.opts.items())
