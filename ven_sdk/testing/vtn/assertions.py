"""What a test asks ``LocalVTN``: waiting for what arrives, and assertions whose errors show what
did. Any thread.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import Callable, Optional, TypeVar, overload

from ...arguments import choice, optional_text, text, whole_number
from ...enums import OPT
from ...errors import ConfigurationError
from ...schema.common import Payload
from .events import EventAnswer
from .journal import Kind, NotSeen, Received, kind_of
from .records import Records, Where
from .reports import ReportSample
from .vens import Ven

P = TypeVar("P", bound=Payload)


__tracebackhide__: Callable[[object], bool] = operator.methodcaller("errisinstance", NotSeen)
"""For pytest: what was not seen is a matter of the test's own line, not of ours."""


class Waits(Records):
    """Waiting, on conditions. What does not come in time is :class:`NotSeen`, which shows what came
    instead.
    """

    @overload
    def wait_for(
        self,
        kind: type[P],
        count: int = 1,
        timeout: float = 5,
        where: Where = None,
        *,
        after: int = 0,
    ) -> P: ...
    @overload
    def wait_for(
        self, kind: str, count: int = 1, timeout: float = 5, where: Where = None, *, after: int = 0
    ) -> object: ...

    def wait_for(
        self, kind: Kind, count: int = 1, timeout: float = 5, where: Where = None, *, after: int = 0
    ) -> object:
        """The record of a message. What has come already counts: ``after=vtn.mark()`` waits for a
        new one.

        Arguments:
            kind: a class of payloads, or a name such as ``'oadrPoll'``.
            count (1): which of them.
            timeout (5): seconds.
            where (None): a function of the record that says whether it counts.
            after (0): a :meth:`mark`: only messages after it count.

        Raises:
            NotSeen: it did not come in time; the text shows what came instead.
        """
        return self._journal.wait_for(kind, count, timeout, where, after).record

    def wait_for_polls(self, count: int = 1, timeout: float = 5) -> None:
        """Wait for ``count`` more polls, up to ``timeout`` seconds."""
        self.wait_for("oadrPoll", count, timeout, after=self.mark())

    def wait_for_opt(
        self,
        event_id: str,
        opt_type: Optional[str] = None,
        timeout: float = 5,
        *,
        ven_id: Optional[str] = None,
        modification_number: Optional[int] = None,
    ) -> EventAnswer:
        """The first answer to an event.

        Arguments:
            event_id: the event.
            opt_type (None): ``'optIn'`` or ``'optOut'``; None: either.
            timeout (5): seconds.
            ven_id (None): only answers of this VEN.
            modification_number (None): only answers to this version.

        Raises:
            NotSeen: it did not come in time.
            ConfigurationError: an opt_type that there is not, or another kind of value.
        """
        if opt_type is not None:
            choice("opt_type", opt_type, tuple(OPT.values))
        text("event_id", event_id)
        optional_text("ven_id", ven_id)
        if modification_number is not None:
            whole_number("modification_number", modification_number, 0)

        def found() -> Optional[EventAnswer]:
            for each in self._state.events.answers_to.get(event_id, ()):
                if (
                    opt_type in (None, each.opt_type)
                    and ven_id in (None, each.ven_id)
                    and modification_number in (None, each.modification_number)
                ):
                    return each
            return None

        def describe_wanted() -> "tuple[str, str]":
            what = f"{opt_type or 'an answer'} for event {event_id!r} within {timeout:g} s"
            said = [
                f"{each.event_id!r} {each.opt_type} {each.response_code}"
                for each in self._state.events.answers[-10:]
            ]
            why = self._state.events.why_unanswered(event_id, self._state.now())
            return what, f"answered was {', '.join(said) or 'nothing'}{why}"

        return self._journal.wait_until(found, timeout, describe_wanted)

    def wait_for_samples(
        self,
        count: int = 1,
        timeout: float = 5,
        *,
        r_id: Optional[str] = None,
        report_request_id: Optional[str] = None,
    ) -> list[ReportSample]:
        """All values that came, once there are ``count``.

        Arguments:
            count (1): how many, at least.
            timeout (5): seconds.
            r_id (None): only of this data point.
            report_request_id (None): only for this request.

        Raises:
            NotSeen: they did not come in time.
            ConfigurationError: a value of another kind.
        """
        count = whole_number("count", count, 0)
        optional_text("r_id", r_id)
        optional_text("report_request_id", report_request_id)

        def fitting() -> list[ReportSample]:
            return [
                each
                for each in self._state.samples.samples
                if r_id in (None, each.r_id) and report_request_id in (None, each.report_request_id)
            ]

        return self._journal.wait_until(
            lambda: fitting() if len(fitting()) >= count else None,
            timeout,
            lambda: (
                f"{count} values{f' of {r_id!r}' if r_id else ''} within {timeout:g} s",
                f"{len(fitting())} arrived, of {len(self._state.samples.samples)} in all",
            ),
        )

    def wait_for_registration(self, ven: Optional[str] = None, timeout: float = 5) -> Ven:
        """A VEN (``ven``: its ID or name; any, if left out) that is registered. ``timeout`` in
        seconds. ``ConfigurationError`` for a ``ven`` that is no text.
        """
        optional_text("ven", ven)

        def found() -> Optional[Ven]:
            return next(
                (
                    each
                    for each in self._state.vens
                    if each.registered and ven in (None, each.ven_id, each.ven_name)
                ),
                None,
            )

        def describe_wanted() -> "tuple[str, str]":
            names = [
                f"{each.ven_name!r} ({each.ven_id})" for each in self._state.vens if each.registered
            ]
            return (
                f"{'a VEN' if ven is None else f'VEN {ven!r}'} to be registered within "
                f"{timeout:g} s",
                f"registered are {', '.join(names) or 'none'}",
            )

        return self._journal.wait_until(found, timeout, describe_wanted)


class Assertions(Waits):
    """Assertions that wait a moment for what is to come, and show what came instead."""

    def assert_registered(self, ven: Optional[str] = None, *, timeout: float = 5) -> Ven:
        """The VEN ``ven`` (its ID or name; any, if left out) is registered, or is soon. ``timeout``
        in seconds.
        """
        return self.wait_for_registration(ven, timeout)

    def assert_received(
        self, kind: Kind, count: int = 1, *, where: Where = None, timeout: float = 5
    ) -> list[Received]:
        """So many messages came, or come soon; all of them.

        Arguments:
            kind: a class of payloads, or a name such as ``'oadrPoll'``.
            count (1): how many, at least.
            where (None): a function of the record that says whether it counts.
            timeout (5): seconds.

        Raises:
            NotSeen: they did not come in time.
        """
        self._journal.wait_for(kind, count, timeout, where, 0)
        return self.received_of(kind, where=where)

    def assert_not_received(self, kind: Kind, *, where: Where = None, after: int = 0) -> None:
        """No message of that ``kind`` that ``where`` says yes to has come, after a :meth:`mark`
        (``after``). ``NotSeen`` shows what arrived instead.
        """
        found = self.received_of(kind, where=where, after=after)
        if found:
            raise NotSeen(
                f"Expected no {kind_of(kind).__name__}, but {len(found)} came. {self.story(after)}"
            )

    def assert_opted(
        self,
        event_id: str,
        opt_type: str,
        *,
        ven_id: Optional[str] = None,
        modification_number: Optional[int] = None,
        timeout: float = 5,
    ) -> EventAnswer:
        """The VEN's answer to an event is ``opt_type``: the last one that came, or one that comes
        soon.

        Arguments:
            event_id: the event.
            opt_type: ``'optIn'`` or ``'optOut'``.
            ven_id (None): only answers of this VEN.
            modification_number (None): only answers to this version.
            timeout (5): seconds.

        Raises:
            NotSeen: another answer came, or none; it shows what arrived.
        """
        answer = self.wait_for_opt(
            event_id, opt_type, timeout, ven_id=ven_id, modification_number=modification_number
        )
        last = self.opt_of(event_id, ven_id)
        if last is not None and modification_number is None and last.opt_type != opt_type:
            raise NotSeen(
                f"Event {event_id!r} was answered {opt_type}, but later {last.opt_type}. "
                f"{self.story()}"
            )
        return answer

    def assert_delivered(
        self,
        r_id: str,
        values: Iterable[object],
        *,
        report_request_id: Optional[str] = None,
        timeout: float = 5,
    ) -> list[ReportSample]:
        """These values of a data point arrived first, in this order, or do soon.

        Arguments:
            r_id: the data point.
            values: what is expected; floats as exact as the wire's.
            report_request_id (None): only for this request.
            timeout (5): seconds.

        Raises:
            NotSeen: other values came, or too few; it shows what arrived.
            ConfigurationError: ``values`` are no list.
        """
        if not isinstance(values, Iterable):
            raise ConfigurationError(f"values are a list, such as [1.5, 2], not {values!r}.")
        wanted = list(values)
        samples = self.wait_for_samples(
            len(wanted), timeout, r_id=r_id, report_request_id=report_request_id
        )
        found = [sample.value for sample in samples[: len(wanted)]]
        if found != wanted:
            raise NotSeen(
                f"Expected {r_id!r} to deliver {wanted!r}, but it delivered {found!r}. "
                f"{self.story()}"
            )
        return samples

    def assert_no_doubles(self) -> None:
        """No value came twice."""
        self._assert_none("doubles", [f"{each.first} and {each.second}" for each in self.doubles])

    def assert_valid(self) -> None:
        """Nothing that VENs sent broke the schema or the rules."""
        self._assert_none("violations", self.violations)

    def _assert_none(self, what: str, found: Sequence[object]) -> None:
        if found:
            shown = "\n  ".join(str(each) for each in found[:10])
            raise NotSeen(f"Expected no {what}, but there are {len(found)}:\n  {shown}")

    def story(self, after: int = 0, lines: int = 15) -> str:
        """What arrived after a :meth:`mark` (``after``), one line a message, for people: the last
        ``lines``.
        """
        with self._state.lock:
            return self._journal.story(after, lines)
