"""Sites: what a member of a fleet must know of each VEN, and the catalogue that says it.

A catalogue is a function that gives the sites of one slot: from a table of the store, from a
database that the user has, from a file. Nothing here runs a VEN.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Callable, Optional, Union

from ..argument_names import checked_value, named_arguments, named_methods, refuse_unknown
from ..arguments import choice, optional_text, text, whole_number
from ..errors import ConfigurationError
from ..fleet.arguments import SETTINGS
from ..fleet.identities import ARGUMENTS as IDENTITY
from ..fleet.vens import VenChecks
from ..points.catalogue import Catalogue
from ..profiles import vtn_address
from ..state.leases import MOST_SLOTS, SLOTS, LeasedStore, Member, SiteRow, slot_of
from ..text import repr_of
from ..usercode.handlers import PARAMETERS
from ..ven import Ven

Functions = Mapping[str, Callable[..., object]]
Sites = Callable[[int], Iterable["Site"]]


@checked_value
@dataclass(frozen=True)
class Site:
    """One VEN of a fleet: its name, its VTN, and how it is to be made.

    Functions may be named in ``reports`` (``callback``) and ``handlers``: the member's
    ``functions`` has them.

    Arguments:
        ven_name: its name.
        vtn_url (None): its VTN; None: the member's.
        placement (None): VENs of one placement run on one member. It takes the name's place where
            slots are worked out, and stays what it is for good.
        arguments: those of ``Fleet.add`` (``cert``, ``key``, ``vtn_fingerprint`` ...).
        reports: the arguments of ``add_report``, one mapping each.
        handlers: ``on_event`` and the like, with their functions.
    """

    ven_name: str
    vtn_url: Optional[str] = None
    placement: Optional[str] = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    reports: tuple[Mapping[str, Any], ...] = ()
    handlers: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """``ConfigurationError`` for what is of the wrong kind; ``check_site`` looks deeper."""
        text("ven_name", self.ven_name)
        for name in ("arguments", "handlers"):
            if not isinstance(getattr(self, name), Mapping):
                raise ConfigurationError(
                    f"{name} of a Site is a dict of names, not {repr_of(getattr(self, name))}."
                )
        if isinstance(self.reports, (str, Mapping)) or not isinstance(self.reports, Iterable):
            raise ConfigurationError(
                "reports of a Site is a tuple of dicts, the arguments of add_report each, not "
                f"{repr_of(self.reports)}."
            )
        object.__setattr__(self, "reports", tuple(self.reports))  # not of what can be read once

    def slot(self, slots: int = SLOTS) -> int:
        """Its slot in a fleet of so many ``slots``."""
        return slot_of(self.placement or self.ven_name, slots)

    def to_json(self) -> str:
        """As a row of the store's table has it. ConfigurationError where functions are no names."""
        said = {name: value for name, value in asdict(self).items() if value}
        try:
            return json.dumps(said, separators=(",", ":"), sort_keys=True)
        except TypeError as cause:
            raise ConfigurationError(
                f"The site {self.ven_name!r} cannot stand in a table: {cause}. Functions are "
                "given by name there, keys and certificates by path."
            ) from cause

    @classmethod
    def from_json(cls, text: str) -> Site:
        """The site of a ``text`` that ``to_json`` wrote, or anybody else: ConfigurationError says
        what is wrong.
        """
        try:
            said = json.loads(text)
        except (TypeError, ValueError) as cause:
            raise ConfigurationError(f"A site is not JSON: {text!r:.80}.") from cause
        if not isinstance(said, dict) or not isinstance(said.get("ven_name"), str):
            raise ConfigurationError(f"A site must have a ven_name: {text!r:.80}.")
        unknown = set(said) - {each.name for each in fields(cls)}
        if unknown:
            raise ConfigurationError(
                f"The site {said['ven_name']!r} says {sorted(unknown)[0]!r}, which sites have not."
            )
        return cls(**{**said, "reports": tuple(said.get("reports", ()))})

    def prepare(self, ven: Ven, functions: Functions) -> None:
        """Give ``ven`` its reports and handlers; ``functions`` are those that it names.
        ConfigurationError for a name without function.
        """
        for report in self.reports:
            arguments = dict(report)
            if "callback" in arguments:
                arguments["callback"] = self._function(arguments["callback"], functions)
            ven.add_report(**arguments)
        for name, function in self.handlers.items():
            ven.add_handler(name, self._function(function, functions))

    def _function(self, given: Any, functions: Functions) -> Callable[..., object]:
        if not isinstance(given, str):
            found: Callable[..., object] = given
            return found
        if given not in functions:
            raise ConfigurationError(
                f"The site {self.ven_name!r} names the function {repr_of(given)}, which the member "
                f"has not. It has: {', '.join(sorted(functions)) or 'none'}."
            )
        return functions[given]


@named_methods
class SiteTable:
    """The catalogue in the store's own table. Members notice a change within seconds.

    ``store`` is its address, or a store that is open; ``slots`` counts when the store is made.
    ``with SiteTable(url) as table: table.put(sites)``.
    """

    @named_arguments
    def __init__(self, store: Union[str, LeasedStore], *, slots: int = SLOTS) -> None:
        self._owned = isinstance(store, str)
        self._store = store_of_fleet(store)
        self._slots = whole_number("slots", slots, 2, MOST_SLOTS)

    def __enter__(self) -> SiteTable:
        if self._owned:
            self._store.join(OBSERVER, 1.0, self._slots)
            self._store.open()
        return self

    def __exit__(self, *_: object) -> None:
        if self._owned:
            self._store.close()

    def __call__(self, slot: int) -> Iterator[Site]:
        """The sites of ``slot``. ConfigurationError for a row that is no site."""
        return (Site.from_json(row.text) for row in self._store.sites(slot))

    def put(self, sites: Iterable[Site]) -> None:
        """Add ``sites``, or replace those of the same names. ``ConfigurationError`` names what is
        wrong in one; none is written then.
        """
        slots, sites = self._store.slots, tuple(sites)
        for site in sites:
            check_site(site)
        self._store.put_sites(
            SiteRow(site.ven_name, site.slot(slots), site.to_json()) for site in sites
        )

    def remove(self, *ven_names: str) -> None:
        """Delete the sites of ``ven_names``: their VENs end within seconds, and keep their
        registration and rows.
        """
        self._store.remove_sites(ven_names)


def check_site(site: Site) -> None:
    """Refuse a site that no member could run, by its names: ``ConfigurationError``."""
    if not isinstance(site, Site):
        raise ConfigurationError(f"A site is a ven_sdk.Site, not {repr_of(site)}.")
    about = f"The site {text('ven_name', site.ven_name)!r}"
    if site.vtn_url is not None:
        vtn_address(site.vtn_url)
    optional_text("placement", site.placement)
    for name, given in (("arguments", site.arguments), ("handlers", site.handlers)):
        if not isinstance(given, Mapping):
            raise ConfigurationError(f"{about}: {name} are a mapping, not {repr_of(given)}.")
    refuse_unknown(f"{about}: add()", site.arguments, sorted(SETTINGS.union(IDENTITY)))
    reports = inspect.signature(Ven.add_report).parameters
    for report in site.reports:
        if not isinstance(report, Mapping):
            raise ConfigurationError(f"{about}: a report is a mapping, not {repr_of(report)}.")
        refuse_unknown(f"{about}: add_report()", report, reports)
    for name in site.handlers:
        choice(f"{about}: a handler", name, tuple(PARAMETERS))
    try:
        _check_values(site)
    except ConfigurationError as error:
        raise ConfigurationError(f"{about}: {error}") from error


def _check_values(site: Site) -> None:
    """Refuse values that ``add`` and ``add_report`` would refuse on each member. Files are read
    there, and functions known there.
    """
    VenChecks({}).check(site.ven_name, site.vtn_url or "http://known.later", site.arguments)
    catalogue = Catalogue()
    for report in site.reports:
        own = {"callback": _any_call} if report.get("callback") is not None else {}
        catalogue.add(**{**report, **own})


def _any_call(*_: object, **__: object) -> None:
    """Stands for a function that only a member has."""


OBSERVER = Member("", "")
"""Who only looks: it renews nothing and takes no slot."""


def store_of_fleet(store: Any) -> LeasedStore:
    """The store that ``store`` means, which members can share; ConfigurationError otherwise."""
    from ..wiring import store_of

    found = store_of(store)
    if not isinstance(found, LeasedStore):
        raise ConfigurationError(
            f"The members of a fleet need a store that they share: postgresql://..., not "
            f"{found.name!r}."
        )
    return found
