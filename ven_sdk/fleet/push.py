"""What VTNs push to a fleet: one listener for all VENs. They are told apart by the path of their
addresses and, where several have the same path, by the venID that a message names.

The threads of the listener (or of a user's web server) ask; any thread adds and removes VENs. The
lock guards the tables of VENs, and nothing that waits happens under it.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any, Callable, Optional
from urllib.parse import quote, unquote

from ..arguments import text
from ..config import PushSettings, listen_address, push_settings
from ..errors import ConfigurationError, PayloadError, SecurityError
from ..profile_kind import ProfileKind
from ..profiles import choose_profile, push_places, pushed_types
from ..push import Limits, Listener, Peer, Response
from ..push.peer import plain_response
from ..push.server import listener_of
from ..security.credentials import Credentials, Source
from ..transport.identity import Identity
from ..ven import Ven
from .identities import TLS_ARGUMENTS, check_arguments

CONNECTIONS, PER_ADDRESS = 512, 128
"""A VTN calls all VENs of a fleet from one address."""
NAME = "{ven_name}"
"""In the fleet's ``push``, each VEN's name stands here."""
MOVED = 5
"""Seconds after which a VTN is asked to push again what another member may take in."""


class FleetPush:
    """Takes in what is pushed to the VENs that were added and have an address. ``listen`` and
    ``arguments`` are the fleet's; ``warn(once, text)`` tells the operator, once for each key.
    ``ConfigurationError`` for what cannot work.

    ``is_shared``: other members run VENs of the same fleet, which nobody here knows. A message for
    one of them is for another member, or comes again when the VEN has moved.
    """

    def __init__(
        self,
        listen: Optional[str],
        arguments: Mapping[str, object],
        warn: Callable[[str, str], object],
    ) -> None:
        self._warn = warn
        self.is_shared: bool = False
        self._lock = threading.RLock()
        self._vens: dict[tuple[ProfileKind, str], tuple[Ven, ...]] = {}
        self._identities: "Counter[Identity]" = Counter()
        self._encrypted: Optional[bool] = None
        self._listener: Optional[Listener] = None
        if listen is not None:
            self._listener = self._make_listener(listen, arguments)

    def _make_listener(self, listen: str, arguments: Mapping[str, object]) -> Listener:
        own = check_arguments(
            {name: arguments[name] for name in TLS_ARGUMENTS if name in arguments}
        )
        address = _common_address(arguments)
        self._encrypted = (
            own.get("cert") is not None if address is None else address.startswith("https:")
        )
        return listener_of(
            _FleetIdentity(_tls_identity(own), self._callees),
            *listen_address(listen),
            self.receive,
            encrypted=self._encrypted,
            knows=lambda path: bool(self._at(path)) or self._is_elsewhere(path),
            limits=Limits(
                connections=CONNECTIONS, per_address=PER_ADDRESS, media_types=pushed_types()
            ),
        )

    # --- VENs -------------------------------------------------------------------------------------

    def check(self, push: Optional[PushSettings]) -> None:
        """ConfigurationError where the fleet's listener cannot be what a VEN's address says."""
        if push is None or self._encrypted is None:
            return
        if push.address.startswith("https:") != self._encrypted:
            spoken = "TLS: give https" if self._encrypted else "plain HTTP: give http"
            raise ConfigurationError(
                f"push is {push.address!r}, but the fleet's listener speaks {spoken}:// addresses, "
                "or to Fleet() the push and cert that are meant."
            )

    def add(self, ven: Ven) -> None:
        """Take in what is pushed to ``ven`` from now on; nothing happens to one without address."""
        push = ven.settings.push
        if push is not None:
            place = _place(ven, push)
            with self._lock:
                self._vens[place] = (*self._vens.get(place, ()), ven)
                self._identities[ven._engine.profile.identity] += 1

    def remove(self, ven: Ven) -> None:
        """Nothing is pushed to ``ven`` any more: where it was alone, its path is unknown."""
        push = ven.settings.push
        if push is None:
            return
        place, identity = _place(ven, push), ven._engine.profile.identity
        with self._lock:
            left = tuple(each for each in self._vens.pop(place, ()) if each is not ven)
            if left:
                self._vens[place] = left
            self._identities[identity] -= 1
            if self._identities[identity] <= 0:
                del self._identities[identity]

    def _callees(self) -> list[Identity]:
        with self._lock:
            return list(self._identities)

    # --- messages ---------------------------------------------------------------------------------

    def receive(self, path: str, body: bytes, peer: Peer) -> Response:
        """Give a pushed message to the VEN that it is for. 404 where there is none; 503 where
        another member may have it.
        """
        vens = self._at(path)
        if len(vens) > 1:
            try:
                vens = self._find_named(vens, path, body)
            except PayloadError:
                return plain_response(406, "The message is not valid.\n")
        if vens:
            return vens[0].receive(path, body, peer)
        if self._is_elsewhere(path):
            text = "This VEN does not run on this member of the fleet. Push again.\n"
            return plain_response(503, text, {"Retry-After": str(MOVED)})
        return plain_response(404, "There is nobody at this path.\n")

    def _is_elsewhere(self, path: str) -> bool:
        """Whether another member may have the VEN at ``path``, which none here has."""
        return self.is_shared and bool(push_places(path))

    def _at(self, path: str) -> tuple[Ven, ...]:
        found = (self._vens.get(place, ()) for place in push_places(path))
        return next(filter(None, found), ())

    def _find_named(self, vens: tuple[Ven, ...], path: str, body: bytes) -> tuple[Ven, ...]:
        """Which of those at one path a message names: by venID; an event list that names none, by
        its vtnID, where each VEN has a VTN of its own.
        """
        kind = choose_profile(vens[0].settings.vtn_url)
        ven_ids, vtn_ids = kind.named_in_push(body)
        found = tuple(ven for ven in vens if ven.ven_id in ven_ids)
        if not found and not ven_ids:
            found = tuple(ven for ven in vens if ven._engine.book.registration.vtn_id in vtn_ids)
        if len(found) == 1:
            return found
        if self.is_shared and ven_ids and not found:
            return ()  # it is for another member
        self._warn(
            "push names no VEN",
            f"A message that was pushed to {path} was refused (HTTP 404): {len(vens)} VENs of this "
            f"fleet have that path, and it names {'several of them' if found else 'none of them'}. "
            "An event list need not name its VEN: give each VEN a path of its own, such as "
            "push='https://fleet.example.com:8443/{ven_name}'.",
        )
        return ()

    # --- lifecycle --------------------------------------------------------------------------------

    def start(self) -> None:
        """Listen, where that was asked for; ``ConfigurationError`` where the port is taken."""
        if self._listener is not None:
            self._listener.start()

    def stop(self, seconds: float) -> None:
        """Listen no more; what is being answered gets so many seconds."""
        if self._listener is not None:
            self._listener.stop(seconds)

    @property
    def address(self) -> Optional[tuple[str, int]]:
        """Host and port that are bound; None where nothing is. StateError before ``start()``."""
        return None if self._listener is None else self._listener.address


class _FleetIdentity:
    """Who the listener is: the fleet's own certificate; it admits whom any of the VENs admits."""

    def __init__(self, own: Identity, callees: Callable[[], list[Identity]]) -> None:
        self._own, self._callees = own, callees

    @property
    def credentials(self) -> Optional[Credentials]:
        return self._own.credentials

    @property
    def ca_file(self) -> Optional[Source]:
        return self._own.ca_file

    def refresh(self) -> bool:
        return self._own.refresh()

    def check_caller(self, certificate: Optional[bytes]) -> None:
        refusal: Optional[SecurityError] = None
        for identity in self._callees() or [self._own]:
            try:
                identity.check_caller(certificate)
            except SecurityError as error:
                refusal = error
            else:
                return
        if refusal is not None:
            raise refusal


def _place(ven: Ven, push: PushSettings) -> tuple[ProfileKind, str]:
    """Where what is for ``ven`` arrives: two protocols may have the same path."""
    return choose_profile(ven.settings.vtn_url), unquote(push.prefix)


def _tls_identity(own: Mapping[str, Any]) -> Identity:
    return Identity(**{name: own[name] for name in TLS_ARGUMENTS if name in own}, secure=False)


def arguments_of_one(
    common: Mapping[str, object], own: Mapping[str, object], ven_name: str
) -> dict[str, Any]:
    """A VEN's arguments: its own before the fleet's. In the fleet's ``push`` its name is put in;
    one that does not push needs nothing of what belongs to it.
    """
    both = {**common, **own}
    push = both.get("push")
    if isinstance(push, str):
        both["push"] = push.replace(NAME, quote(ven_name, safe=""))
    elif push is None:
        for name in {"push_ack", "poll_fallback"} - set(own):
            both.pop(name, None)
    return both


def _common_address(arguments: Mapping[str, object]) -> Optional[str]:
    push = arguments.get("push")
    if push is None:
        return None
    found = push_settings(text("push", push).replace(NAME, "name"), "response", None)
    return None if found is None else found.address
