"""One exchange that is owed to the VTN, and the judgement of its reply that all services share."""

from __future__ import annotations

from functools import cached_property
from typing import Callable, Optional, Union

from ...errors import ProtocolError, VenError
from ...schema.common import Payload
from ...state.outcome import Step
from ...values import dataclass
from ..schema.registration import RequestReregistration, Response

OK = "200"


@dataclass(frozen=True)
class Task:
    """What to send and what its reply means.

    ``name`` says what it is (``poll``, ``register report`` …), for logs and back-off; ``about``
    adds what the log's reader wants to know. ``expects`` lists the payloads that answer it; an
    ``oadrResponse`` with a 2xx code, or an empty body (G12), counts as an answer too, and reaches
    ``accept`` as what it is (None for the empty body). ``refuse`` takes the error that repeating
    would not mend; after that a ``patient`` task waits before it is sent again (R9). ``service`` is
    given where the payload does not say it. After ``give_up`` failures that are its own (an HTTP
    500, a reply that cannot be read) it counts as refused; 0 is never.
    """

    name: str
    content: Union[Payload, Callable[[], Payload]]
    expects: tuple[type[Payload], ...]
    accept: Callable[[Optional[Payload]], Step]
    refuse: Callable[[VenError], Step]
    service: str = ""
    poll: bool = False
    patient: bool = False
    give_up: int = 0
    about: str = ""

    @cached_property
    def record(self) -> Payload:
        """What to send. A large message is made here, when it is first asked for, and not where the
        task was found.
        """
        return self.content() if callable(self.content) else self.content


def is_success(code: str) -> bool:
    """Rule G9: the first digit decides; 2xx is success."""
    return code.startswith("2")


def code_of(reply: Optional[Payload]) -> tuple[str, Optional[str]]:
    """Response code and description of a reply; a reply without one, or an empty body (G12), is a
    success.
    """
    response = getattr(reply, "response", None)
    return (
        (response.response_code, response.response_description)
        if response is not None
        else (OK, None)
    )


def unknown_ven(task: Task, reply: Optional[Payload]) -> Optional[str]:
    """Rule R13: why this reply means that the VTN does not know this VEN, or None."""
    if task.patient:
        return None  # the registration itself: its refusal is no loss (R9)
    if isinstance(reply, RequestReregistration) and not task.poll:
        return f"the VTN answered {task.name} with oadrRequestReregistration"
    code, description = code_of(reply)
    if code == "463" or (code == "452" and task.poll and isinstance(reply, Response)):
        return f"the VTN answered {task.name} with code {code}" + (
            f" ({description})" if description else ""
        )
    return None


def judge(task: Task, reply: Optional[Payload]) -> Optional[ProtocolError]:
    """The error that ``reply`` is for ``task``: an error code (G9), or a payload that is no answer
    to it.
    """
    code, description = code_of(reply)
    if not is_success(code):
        return ProtocolError(
            f"The VTN refused {task.name} with code {code}"
            + (f": {description}." if description else "."),
            response_code=code,
            response_description=description,
            received=type(reply).__name__,
        )
    if reply is None or isinstance(reply, (Response, *task.expects)):
        return None
    names = " or ".join(kind.wire_name for kind in task.expects)
    return ProtocolError(
        f"The VTN answered {task.name} with {reply.wire_name}; expected {names}.",
        response_code="453",
        received=reply.wire_name,
    )
