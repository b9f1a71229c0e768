"""What a client shows in a notebook: the methods that :class:`~ven_sdk.OpenADRClient` and the VENs
of a fleet have from here. Any thread; nothing is printed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Optional, Protocol, Union

from ..events.queries import ScheduleRow
from ..profile import UndeliveredSample
from ..runtime.status import Health, Status
from ..schema.events import Event
from . import frames, plots, tables
from .times import Zone

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

Hours = Union[float, timedelta]


class ViewSource(Protocol):
    """What is shown: the questions that a VEN answers."""

    @property
    def status(self) -> Status: ...
    @property
    def events(self) -> "tuple[Event, ...]": ...
    def health(self) -> Health: ...
    def schedule(self, hours: Hours = 24) -> "tuple[ScheduleRow, ...]": ...
    def _now(self) -> datetime: ...
    def _undelivered_samples(self) -> Sequence[UndeliveredSample]: ...


class NotebookViews:
    """Tables, frames and pictures of a VEN. Times are UTC, or in ``tz``: a ``tzinfo``, a name such
    as ``'Europe/Berlin'``, or ``'local'``.
    """

    def _repr_html_(self: ViewSource) -> str:
        return tables.status_html(self.status, repr(self)[1:-1])

    def overview(self: ViewSource, hours: Hours = 24, tz: Zone = None) -> tables.Html:
        """Status, problems, events and the schedule of the next ``hours`` on one page for a
        notebook, times in ``tz``. ConfigurationError for a zone that there is not.
        """
        return tables.overview_html(
            repr(self)[1:-1], self.status, self.health(), self.events, self.schedule(hours), tz
        )

    def plot_schedule(
        self: ViewSource, hours: Hours = 24, axes: Optional[Axes] = None, tz: Zone = None
    ) -> Axes:
        """Draw ``schedule(hours)`` with matplotlib (extra ``plot``), in ``axes`` if given, times in
        ``tz``; returns the axes. ``hours`` is a number or a timedelta. ConfigurationError without
        matplotlib.
        """
        drawn: Axes = plots.plot_schedule(self.schedule(hours), axes, tz, self._now())
        return drawn

    def events_frame(self: ViewSource, tz: Zone = None) -> "DataFrame":
        """The events as a pandas DataFrame (extra ``pandas``), a row for every interval of every
        signal, with this VEN's answer (``opt``); times in ``tz``. ConfigurationError without
        pandas.
        """
        return frames.events_frame(self.events, tz)

    def samples_frame(self: ViewSource, tz: Zone = None) -> "DataFrame":
        """The samples that the VTN has not acknowledged yet as a pandas DataFrame (extra
        ``pandas``); times in ``tz``. ConfigurationError without pandas.
        """
        return frames.samples_frame(self._undelivered_samples(), tz)
