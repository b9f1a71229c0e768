"""From a payload element to a record: :func:`read`, the only way in.

The work is done by :mod:`.plain_reader`, which is the definition of what is read how, or by what
:mod:`.compiled.reader` makes of the same declarations, which is faster and equal. Pure functions,
run by the exchange threads.
"""

from __future__ import annotations

from typing import Callable, NamedTuple

from ...errors import PayloadError
from ...schema.common import Payload
from ..schema.payloads import PAYLOADS
from . import envelope, plain_reader
from .choice import PLAIN
from .compiled import reader as compiled_reader
from .findings import Element, Findings
from .mixed_content import note_mixed_content
from .namespaces import KNOWN, OADR, OADR_2_0A, local_name, namespace_of, tag

_BY_TAG: dict[str, type[Payload]] = {tag("oadr:" + name): cls for name, cls in PAYLOADS.items()}

ReadPayload = Callable[[type[Payload], Element, Findings], Payload]
_READERS: dict[bool, ReadPayload] = {
    False: compiled_reader.read_record,
    True: plain_reader.read_record,
}


class Reading(NamedTuple):
    """A payload's record, and one sentence for each thing about the message that deviated or had to
    be interpreted.
    """

    record: Payload
    deviations: tuple[str, ...]


def read(element: Element, strict: bool = False, plain: bool = PLAIN) -> Reading:
    """The record of a payload element. ``strict``: :class:`PayloadError` for the first deviation
    from the schema. ``plain``: without the compiled reader.

    Otherwise PayloadError is only raised for what cannot be understood; an event or a report
    request that cannot be is put into ``faulty`` of its message, and spoils no other (rule E11).
    """
    return _read(element, Findings(strict), plain)


def read_message(root: Element, strict: bool = False) -> Reading:
    """The record of a whole message, or of the ``oadrSignedObject`` that a signature covers; what
    is said of its envelope stands among the deviations. Errors as :func:`read`.
    """
    findings = Findings(strict)
    return _read(envelope.payload_of(root, findings=findings), findings, PLAIN)


def _read(element: Element, findings: Findings, plain: bool) -> Reading:
    cls = _BY_TAG.get(element.tag) or _from_another_namespace(element, findings)
    record = _READERS[plain](cls, element, findings)
    if findings.unusual:
        note_mixed_content(element, findings)
    return Reading(record, tuple(findings.notes))


def _from_another_namespace(element: Element, findings: Findings) -> type[Payload]:
    """The class of a payload that has its name from another of OpenADR's namespaces."""
    local, namespace = local_name(element.tag), namespace_of(element.tag)
    if local not in PAYLOADS or namespace not in KNOWN or namespace == OADR_2_0A:
        raise PayloadError(_unknown(element.tag), path=local)
    findings.note(element, f"is taken for one of {OADR!r} although its namespace is", namespace)
    return PAYLOADS[local]


def _unknown(name: str) -> str:
    if namespace_of(name) == OADR_2_0A:
        return (
            f"{local_name(name)} is a payload of OpenADR 2.0a, which is not spoken here. "
            "Use the VTN's 2.0b endpoint."
        )
    where = (
        ""
        if namespace_of(name) == OADR
        else f" (namespace {namespace_of(name)!r}, expected {OADR!r})"
    )
    return f"{local_name(name)!r}{where} is no payload of OpenADR 2.0b."
