"""Who a VEN of OpenADR 2.0b is: beside its TLS side the security of its messages, which is the key
that signs them, the verification of the VTN's signature, and the memory against replays.

What signs and verifies is imported when it is first needed: a VEN without certificates starts in
half the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Optional

from ..arguments import flag
from ..transport.identity import Identity
from .state.nonces import FLOOR

if TYPE_CHECKING:
    from ..security.credentials import Credentials
    from ..security.validity import CertificateEnd
    from .codec.findings import Element
    from .security.replay import OnSeen, ReplayGuard
    from .security.signing import Signer
    from .security.verification import Verifier


class SigningIdentity(Identity):
    """The identity of a VEN that signs its messages and verifies those of its VTN.

    ``signer`` is None where messages go out unsigned, ``verifier`` None where whoever answers is
    believed. ``tls`` are the arguments of :class:`Identity`. ``ConfigurationError`` for what it
    cannot use.
    """

    def __init__(
        self,
        *,
        vtn_fingerprint: Optional[str] = None,
        replay_window: timedelta = timedelta(seconds=60),
        disable_signature: bool = False,
        **tls: Any,
    ) -> None:
        is_unsigned = flag("disable_signature", disable_signature)
        super().__init__(**tls)
        self._signer: Optional[tuple[Credentials, Signer]] = None
        if self.credentials is not None and not is_unsigned:
            self._signer = self.credentials, _make_signer(self.credentials)
        self.verifier: Optional[Verifier] = None
        self._signed: Optional[CertificateEnd] = None
        self._replay: Optional[ReplayGuard] = None
        self._nonce_writers: list[OnSeen] = []
        if vtn_fingerprint is not None:
            from .security.replay import ReplayGuard
            from .security.verification import Verifier

            self._replay = ReplayGuard(replay_window.total_seconds(), on_seen=self._write_nonce)
            self.verifier = Verifier(vtn_fingerprint, self._replay)
            self.verifies_messages = True

    @property
    def signs(self) -> bool:
        """Whether messages go out signed."""
        return self._signer is not None

    @property
    def signer(self) -> Optional[Signer]:
        """What signs with the certificate of now; it is made again when that was renewed."""
        known, credentials = self._signer, self.credentials
        if known is None or credentials is None:
            return None
        if known[0] is not credentials:
            known = self._signer = credentials, _make_signer(credentials)
        return known[1]

    def verify_unpinned(self, root: Element, now: datetime) -> Element:
        """The ``oadrSignedObject`` of a signed message where no ``vtn_fingerprint`` is given: its
        certificate is the message's own, and where there is a ``ca_file``, that vouches for it.
        ``SecurityError`` otherwise.
        """
        from ..security.validity import VTN_SIGNING, end_of
        from .security.verification import verify_unpinned

        signed, certificate = verify_unpinned(root, now, self.anchors)
        self._signed = end_of(VTN_SIGNING, certificate)
        return signed

    def _ends_seen(self) -> tuple[Optional[CertificateEnd], ...]:
        from ..security.validity import VTN_SIGNING, end_of

        shown = None if self.verifier is None else self.verifier.certificate
        signing = self._signed if shown is None else end_of(VTN_SIGNING, shown)
        return (*super()._ends_seen(), signing)

    # --- the memory against replays (S7) ----------------------------------------------------------

    def _write_nonce(self, nonce: str, moment: datetime, forgotten: tuple[str, ...]) -> None:
        for write in self._nonce_writers[:1]:
            write(nonce, moment, forgotten)

    def add_nonce_writer(self, write: OnSeen) -> None:
        """Store every nonce accepted by ``write``, so that it survives a restart. VENs that share
        an identity share its nonces: the first one stores them.
        """
        self._nonce_writers.append(write)

    def remove_nonce_writer(self, write: OnSeen) -> None:
        """One of those VENs is gone: the next one stores the nonces."""
        if write in self._nonce_writers:
            self._nonce_writers.remove(write)

    def restore_nonces(self, nonces: Mapping[str, str]) -> None:
        """Take in the nonces that a store kept."""
        if self._replay is not None and nonces:
            known = dict(nonces)
            floor = known.pop(FLOOR, None)
            self._replay.restore(known, floor)


def _make_signer(credentials: Credentials) -> Signer:
    from .security.signing import Signer

    return Signer(credentials)
