"""What is remembered about the registration: one frozen value, the only row of its table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Optional, TypedDict

from .replacement import replace

MADE: frozenset[str] = frozenset({"reports", "events", "registered"})
"""The phases in which there is a registration."""


class RegistrationFacts(TypedDict, total=False):
    """What may change about a registration beside its phase."""

    ven_id: Optional[str]
    registration_id: Optional[str]
    vtn_id: Optional[str]
    poll_frequency: Optional[timedelta]
    fresh: bool
    known: bool
    resync: bool
    catalogue: Optional[str]
    catalogue_created: Optional[datetime]
    catalogue_request: Optional[str]
    reason: Optional[str]
    renewal: bool
    refused_catalogue: Optional[str]
    vtn_url: Optional[str]
    terms: Optional[str]
    stands: str
    may_be_cancelled: bool


@dataclass(frozen=True)
class Registration:
    """Where the VEN stands with its VTN (rules R). ``phase`` is one of those that the
    profile's registration goes through.

    ``known`` is False after the VTN said that it does not know us (R13) until a registration
    succeeded. ``fresh`` asks for a registration without the old IDs (R6). ``catalogue`` is the
    digest of the catalogue that the VTN acknowledged, ``catalogue_created`` its createdDateTime
    (R8), ``refused_catalogue`` the digest of one that it would not have. ``resync`` asks for the
    event list (H6), ``renewal`` for a registration with the IDs that are held (R10). ``vtn_url`` is
    where the VTN was that all this came from, ``terms`` a digest of what the VEN said of itself
    when it registered. ``stands``: where the registration of before is good while the VEN registers
    again, the phase of that, ``query`` or ``register``. ``may_be_cancelled``: the VTN may have
    taken a cancellation whose answer was lost. ``catalogue_again`` and ``list_again`` stand in
    stores of the first version.
    """

    phase: str = "new"
    since: Optional[datetime] = None
    ven_id: Optional[str] = None
    registration_id: Optional[str] = None
    vtn_id: Optional[str] = None
    poll_frequency: Optional[timedelta] = None
    fresh: bool = False
    known: bool = True
    resync: bool = False
    catalogue: Optional[str] = None
    catalogue_created: Optional[datetime] = None
    catalogue_request: Optional[str] = None
    catalogue_again: Optional[datetime] = None
    list_again: Optional[datetime] = None
    reason: Optional[str] = None
    renewal: bool = False
    refused_catalogue: Optional[str] = None
    vtn_url: Optional[str] = None
    terms: Optional[str] = None
    stands: str = ""
    may_be_cancelled: bool = False

    def with_catalogue_request(self, report_request_id: str) -> Registration:
        """The VTN asked for the catalogue by this METADATA request (T8)."""
        return replace(self, catalogue_request=report_request_id)
