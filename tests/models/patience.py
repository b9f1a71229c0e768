"""How long the table of docs/failures.rst lets messages wait that always must be sent: polls, the
query and the registration. Computed from the VTN's record of exchanges only.
"""

from __future__ import annotations

QUERY, CREATE = "oadrQueryRegistration", "oadrCreatePartyRegistration"
CLOSED, MISSING = frozenset({401, 403, 407}), frozenset({404, 405, 501})
BUSY = frozenset({408, 425, 429, 502, 503, 504})
GOOD_LATELY = 600.0
LOST = frozenset({"no answer", "right, but lost"})
"""Replies that are none, where the VTN may have the message."""
UNREADABLE = frozenset({"unreadable", "no payload"})


def status_of(how: str) -> int:
    return int(how.split()[1]) if how.startswith("status ") else 200


def is_failure(how: str) -> bool:
    """Whether an HTTP status came that is no answer of the protocol."""
    return status_of(how) not in (200, 204)


class Patience:
    """How long the table lets messages of one kind wait after a failure."""

    def __init__(self) -> None:
        self.failures, self._since = 0, 0.0
        self._good_at = float("-inf")

    def succeed(self, now: float) -> None:
        self.failures, self._good_at = 0, now

    def note_good(self, now: float) -> None:
        """The service gave a good answer to another kind of messages."""
        self._good_at = now

    def fail(self, how: str, now: float) -> float:
        """The longest wait from ``now``."""
        status, after = status_of(how), how.partition(" after ")[2]
        is_short = status == 500 or status in CLOSED | BUSY | {404} or status == 200
        cap = 60.0 if is_short else 300.0
        if not self.failures:
            self._since = now
        self.failures += 1
        is_forbidden = status in (400, 406, 501)
        is_gentle = self._since - self._good_at < GOOD_LATELY and not is_forbidden
        at_once = status in CLOSED | MISSING or (300 <= status < 500 and status not in BUSY)
        ceiling = cap if at_once and not is_gentle else min(cap, 2.0 ** (self.failures - 1))
        if not after:
            return ceiling
        floor = min(float(after), 3600.0)
        return floor + max(ceiling, min(floor, cap))


class RegistrationPatience:
    """How long the query and the registration may wait: for the service, for each of the two kinds
    of messages, and for what the VTN says of the message itself. Each grows by itself, and is
    undone by its own success; a registration that succeeds undoes all.
    """

    def __init__(self) -> None:
        self._services = {QUERY: Patience(), CREATE: Patience()}
        self._messages = {QUERY: Patience(), CREATE: Patience()}

    def take(self, name: str, how: str, now: float) -> float:
        """The longest wait from ``now`` for the next of them, after an exchange that ended so."""
        service, message = self._services[name], self._messages[name]
        if how in LOST or status_of(how) == 500:
            return message.fail("", now)
        if is_failure(how):
            return service.fail(how, now)
        for each in self._services.values():
            each.note_good(now)
        service.succeed(now)
        if name == CREATE and how == "right":
            for each in (*self._services.values(), *self._messages.values()):
                each.succeed(now)
        elif name == CREATE or how in UNREADABLE:
            return message.fail("", now)
        else:
            message.succeed(now)  # whatever else the query brings, the registration follows
        return 0.0
