"""The lanes of a conversation, each with what is known of it from one look at the book to the next.
The theory stands in :mod:`.conversation`.
"""

from __future__ import annotations

from typing import Optional

from ..tasks import Lane, Task
from .pace import UPLOADS_A_SECOND
from .rates import Window
from .scheduler import Job


class LaneState:
    """When one lane may send, and when it wakes by itself."""

    __slots__ = (
        *("blocked_until", "held_back", "is_performing", "is_queued", "is_resting"),
        *("lane", "passed_over", "timer", "uploads", "wake_at"),
    )

    def __init__(self, lane: Lane) -> None:
        self.lane: Lane = lane
        self.is_queued: bool = False
        self.is_performing: bool = False
        self.is_resting: bool = True
        self.timer: Optional[Job] = None
        self.wake_at: Optional[float] = None
        self.blocked_until: float = 0.0
        self.held_back: Optional[Task] = None
        self.passed_over: bool = False  # what failed before, for a poll whose period was over
        self.uploads: Window = Window(UPLOADS_A_SECOND, 1.0)
