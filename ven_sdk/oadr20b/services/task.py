"""The judgement of a reply to a task, which all services share: response codes, and whether the
payload is an answer at all (rules G9, G12, R13).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Callable, Optional

from ...errors import ProtocolError, VenError
from ...schema.common import Payload
from ...state.outcome import NOTHING, Outcome, Step
from ...tasks import Task
from ..schema.payloads import PAYLOADS
from ..schema.registration import RequestReregistration, Response

OK = "200"
NOT_ALLOWED = "463"
"""Not registered, or not allowed."""
EMPTY_BODY = "an empty body"
CANCELLATION = "cancellation of the registration"
WIRE_NAMES = {"registration_id": "registrationID", "ven_id": "venID", "opt_id": "optID"}


def list_alone(
    name: str,
    service: str,
    build: Callable[[], Iterable[Optional[Task]]],
    key: str = "",
    refuse: Optional[Callable[[VenError], Step]] = None,
) -> Iterator[Task]:
    """The tasks that ``build()`` gives. Where it raises, a task that cannot be written stands in
    their place: the fault is a failure of the message ``name`` (with ``key``), and what is listed
    after it is sent. That message is refused by ``refuse``; without, it is tried again, more and
    more rarely.
    """
    try:
        yield from filter(None, build())
    except Exception as cause:
        yield _unbuilt(name, service, key, refuse, cause)


def _unbuilt(
    name: str,
    service: str,
    key: str,
    refuse: Optional[Callable[[VenError], Step]],
    cause: Exception,
) -> Task:
    def content() -> Payload:
        raise cause

    return Task(
        name,
        content,
        (),
        accept=lambda _reply: do_nothing,
        refuse=refuse or (lambda _error: do_nothing),
        service=service,
        key=key,
        insists=refuse is None,
    )


def do_nothing(book: object, now: object) -> Outcome:
    """The step of what changes nothing."""
    return NOTHING


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


def is_blank(identifier: Optional[str]) -> bool:
    """Whether an ID identifies nothing: it is absent, empty, or nothing but blanks."""
    return identifier is None or not identifier.strip()


def unknown_ven(task: Task, reply: Optional[Payload]) -> Optional[str]:
    """Rule R13: why this reply means that the VTN does not know this VEN, or None."""
    if task.registers:
        return None  # not registered is what it is about to mend (R2, R9)
    if isinstance(reply, RequestReregistration) and not task.poll:
        return f"the VTN answered {task.name} with oadrRequestReregistration"
    code, description = code_of(reply)
    if code == NOT_ALLOWED or (code == "452" and task.poll and isinstance(reply, Response)):
        return f"the VTN answered {task.name} with code {code}" + (
            f" ({description})" if description else ""
        )
    return None


def refusal_of(task: Task, reply: Optional[Payload]) -> ProtocolError:
    """The error that such a reply is where the VTN has registered this VEN: 463 says "not allowed"
    as well.
    """
    reason = unknown_ven(task, reply)
    return ProtocolError(
        f"The VTN registered this VEN and refuses {task.name} all the same: {reason}.",
        response_code=NOT_ALLOWED,
        response_description=code_of(reply)[1],
        received=type(reply).__name__,
    )


def is_refusal(error: VenError) -> bool:
    """Whether the VTN itself said no: a reply that cannot be read, or a payload that is no answer,
    says nothing of the message.
    """
    return isinstance(error, ProtocolError) and error.received not in (*PAYLOADS, EMPTY_BODY)


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
    if task.confirms is not None:
        return task.confirms(reply)
    if reply is None or isinstance(reply, (Response, *task.expects)):
        return None
    return wrong_type(task.name, reply, task.expects)


def wrong_type(
    name: str, reply: Optional[Payload], expects: tuple[type[Payload], ...]
) -> ProtocolError:
    """The error for a reply that is no answer to the task ``name``."""
    names = " or ".join(kind.wire_name for kind in expects)
    found = EMPTY_BODY if reply is None else reply.wire_name
    return ProtocolError(
        f"The VTN answered {name} with {found}; expected {names}.",
        response_code="453",
        received=found,
    )


def confirmed_by(
    name: str, *kinds: type[Payload], needs: tuple[str, ...] = (), **repeated: Optional[str]
) -> Callable[[Optional[Payload]], Optional[ProtocolError]]:
    """For ``Task.confirms``: only a payload of ``kinds`` confirms the task ``name``, and it must
    have the fields ``needs``. What it says of the fields ``repeated`` must be what was sent: a
    reply that names another confirms another.
    """

    def check(reply: Optional[Payload]) -> Optional[ProtocolError]:
        if not isinstance(reply, kinds):
            return wrong_type(name, reply, kinds)
        kind = type(reply)
        for field in needs:
            if is_blank(getattr(reply, field)):
                return _not_confirmed(f"{name} without a {WIRE_NAMES[field]}", kind)
        for field, sent in repeated.items():
            said = getattr(reply, field, None)
            if not is_blank(said) and said != sent:
                other = f"{name} {sent!r} with another {WIRE_NAMES[field]}"
                return _not_confirmed(f"{other}, {said!r}", kind)
        return None

    return check


def _not_confirmed(what: str, kind: type[Payload]) -> ProtocolError:
    return ProtocolError(
        f"The VTN accepted the {what}.", response_code="454", received=kind.wire_name
    )
