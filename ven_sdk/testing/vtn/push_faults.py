"""What may go wrong when LocalVTN calls a VEN. Values; :mod:`.pusher` asks, under the VTN's
lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Callable, ClassVar, Optional

from ... import arguments
from .fault import Fault, one_of
from .push_http import STALL, PushRequest
from .reply import RESET

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .fault import Limits

GARBAGE = b"\x16\x03\x01 this is no HTTP\r\n\x00\xff\r\n\r\n"

Change = Callable[[PushRequest, "PushFault"], PushRequest]


class PushFault(Fault):
    """A push goes wrong, and is tried again as VTNs do.

    Arguments:
        how ('lost'): ``'lost'`` (the VEN takes it in, the VTN does not get the answer), ``'reset'``
            (half of it, then RST), ``'stalled'`` (half of it, then nothing), ``'silent'`` (a
            connection, then nothing), ``'slow'`` (in pieces), ``'doubled'`` (twice at the same
            time), ``'bad xml'`` (half a body), ``'garbage'`` (no HTTP), ``'replay'`` (the last one
            again, before it).
        seconds (0.2): between pieces, where it is slow.
        size (256): bytes of a piece.
        **limits: the arguments of :class:`Fault`.

    Raises:
        ConfigurationError: what it cannot use.
    """

    of_pushes: ClassVar[bool] = True

    def __init__(
        self, how: str = "lost", *, seconds: float = 0.2, size: int = 256, **limits: Unpack[Limits]
    ) -> None:
        super().__init__(**limits)
        self.how: str = one_of("how", how, CHANGES)
        self.seconds: float = arguments.duration("seconds", seconds).total_seconds()
        self.size: int = arguments.whole_number("size", size)

    def change(self, request: PushRequest, last: Optional[bytes]) -> PushRequest:
        """What goes out instead of ``request``; ``last`` is the body pushed to this VEN before."""
        changed = CHANGES[self.how](request, self)
        return replace(changed, before=last or b"") if self.how == "replay" else changed

    def __repr__(self) -> str:
        return f"PushFault({self.how!r})"


CHANGES: Mapping[str, Change] = {
    "lost": lambda request, fault: replace(request, heard=False),
    "reset": lambda request, fault: replace(request, cut=0.5, ending=RESET),
    "stalled": lambda request, fault: replace(request, cut=0.5, ending=STALL),
    "silent": lambda request, fault: replace(request, silent=True, ending=STALL),
    "slow": lambda request, fault: replace(request, piece=fault.size, pace=fault.seconds),
    "doubled": lambda request, fault: replace(request, copies=2),
    "bad xml": lambda request, fault: replace(request, body=request.body[: len(request.body) // 2]),
    "garbage": lambda request, fault: replace(request, verbatim=GARBAGE),
    "replay": lambda request, fault: request,
}
"""By the name of what goes wrong: how it changes a request."""
