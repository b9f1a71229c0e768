"""The namespaces of OpenADR 2.0b, and names in them (docs/protocol/messages.rst). Constants and
pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping

OADR = "http://openadr.org/oadr-2.0b/2012/07"
EI = "http://docs.oasis-open.org/ns/energyinterop/201110"
PYLD = "http://docs.oasis-open.org/ns/energyinterop/201110/payloads"
XCAL = "urn:ietf:params:xml:ns:icalendar-2.0"
STRM = "urn:ietf:params:xml:ns:icalendar-2.0:stream"
EMIX = "http://docs.oasis-open.org/ns/emix/2011/06"
POWER = "http://docs.oasis-open.org/ns/emix/2011/06/power"
SCALE = "http://docs.oasis-open.org/ns/emix/2011/06/siscale"
GML = "http://www.opengis.net/gml/3.2"
ATOM = "http://www.w3.org/2005/Atom"
DS = "http://www.w3.org/2000/09/xmldsig#"
DSP = "http://openadr.org/oadr-2.0b/2012/07/xmldsig-properties"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
OADR_2_0A = "http://openadr.org/oadr-2.0a/2012/07"

WRITTEN: Mapping[str, str] = {
    "ei": EI,
    "xcal": XCAL,
    "oadr": OADR,
    "pyld": PYLD,
    "strm": STRM,
    "emix": EMIX,
    "power": POWER,
    "scale": SCALE,
    "gml": GML,
    "ds": DS,
    "dsp": DSP,
}
"""Declared once, on the root of what we write: inclusive canonical form sees them all, so signing
must not add any.

The most frequent come first, lxml looks them up in this order. Atom is missing on purpose: feeds
bring their own.
"""

PREFIXES: Mapping[str, str] = {**WRITTEN, "atom": ATOM}
KNOWN: frozenset[str] = frozenset({*PREFIXES.values(), OADR_2_0A, ""}) - {DS, DSP}
"""The namespaces that VTNs mix up, and none at all. Names of signatures are never mixed up."""
_LONGEST = 100


def tag(name: str) -> str:
    """``{namespace}local`` of ``prefix:local``."""
    prefix, _, local = name.partition(":")
    return f"{{{PREFIXES[prefix]}}}{local}"


def local_name(name: object) -> str:
    """The local part of a ``{namespace}local``, cut short if it is none of ours; comments and the
    like have none.
    """
    return _cut(name.rpartition("}")[2]) if isinstance(name, str) else "comment"


def namespace_of(name: object) -> str:
    """The namespace part of a ``{namespace}local``, cut short if it is none of ours, or an empty
    string.
    """
    return (
        _cut(name[1:].partition("}")[0]) if isinstance(name, str) and name.startswith("{") else ""
    )


def _cut(name: str) -> str:
    """Names end in sentences for people and in logs; a sender may make them megabytes long."""
    return name if len(name) <= _LONGEST else name[:_LONGEST] + "..."
