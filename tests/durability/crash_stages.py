"""The stages in which a kill can find the VEN of the crash test. Shared by the VEN, which marks
them, and the counting.
"""

from __future__ import annotations

STAGES = (
    "commit",
    "handler",
    "callback",
    "push",
    "create_opt",
    "step",
    "registration",
    "opt",
    "event list",
    "event answer",
    "report answer",
    "report delivery",
    "poll",
)

_OF_PAYLOAD = {
    "oadrQueryRegistration": "registration",
    "oadrCreatePartyRegistration": "registration",
    "oadrRegisterReport": "registration",
    "oadrRequestEvent": "event list",
    "oadrCreatedEvent": "event answer",
    "oadrCreatedReport": "report answer",
    "oadrUpdateReport": "report delivery",
    "oadrPoll": "poll",
    "oadrCreateOpt": "opt",
}


def of_payload(name: str) -> str:
    """The stage that a message of the VEN's belongs to."""
    return _OF_PAYLOAD[name]


def found(marks: bytes) -> list[str]:
    """The stages that threads were in; ``idle`` where none was."""
    return [stage for stage, mark in zip(STAGES, marks) if mark] or ["idle"]
