"""``LocalVTN``: a small but real VTN on loopback, for tests of users and of our own, for the demo
and the command line.

Here are its options, how it is started and stopped; :mod:`.commands` says what it can be told,
:mod:`.assertions` what it can be asked, :mod:`.core` how it serves. Every method may be called from
any thread.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Optional

from ... import argument_names, arguments
from ...brackets import is_function
from ...errors import ConfigurationError
from ...near_names import did_you_mean, missing_attribute, public_names
from ...oadr20b.addresses import DEFAULT_PATH
from ...oadr20b.schema.reports import RegisterReport, Report
from ...runtime.clock import Clock, checked_clock
from ...schema.common import Payload
from .assertions import Assertions
from .builders import Duration, span, whole_seconds
from .commands import EventCommands, PartyCommands, ReportCommands
from .fault_commands import FaultCommands
from .http import free_port
from .pusher import FIRST_PAUSE
from .reports import ReportWish, Wishes
from .state import Accept, State
from .trust import ClientCert, Trust
from .wire import Wire

if TYPE_CHECKING:
    from ...client import OpenADRClient
    from ..pki import Identity


KNOWN_OF_A_VEN = ("ven_id", "registration_id", "fingerprint", "registered")
_SET = ("listeners", "push_listeners", "routes", "errors", "closed", "strict")


def _check(accept: object, wishes: object, vens: object) -> None:
    """ConfigurationError for arguments of a wrong kind."""
    is_code = isinstance(accept, str) and len(accept) == 3 and accept.isdigit()
    if not (isinstance(accept, bool) or is_function(accept) or accept == "known" or is_code):
        raise ConfigurationError(
            "accept is True, False, 'known', a code of three digits, or a function of the request, "
            f"not {accept!r}."
        )
    listed = wishes if isinstance(wishes, (list, tuple)) else [wishes]
    if not isinstance(wishes, bool) and not all(isinstance(each, ReportWish) for each in listed):
        raise ConfigurationError(
            f"ask_for_reports is True, False, a ReportWish or a list of them, not {wishes!r}."
        )
    if vens is None:
        return
    if not isinstance(vens, Mapping) or not all(
        isinstance(each, Mapping) for each in vens.values()
    ):
        raise ConfigurationError(
            f"vens are a dict such as {{'site-a': {{'registered': True}}}}, not {vens!r}."
        )
    for name, facts in vens.items():
        arguments.text("a name in vens", name)
        argument_names.refuse_unknown(f"vens[{name!r}]", facts, KNOWN_OF_A_VEN)
        arguments.flag(f"registered of {name!r}", facts.get("registered", False))


def _callable_at(port: int, *, encrypted: bool) -> dict[str, Any]:
    """The arguments of a client that is called at a port of this machine."""
    address = f"{'https' if encrypted else 'http'}://127.0.0.1:{port}"
    return {"push": address, "listen": f"127.0.0.1:{port}"}


def _check_identity(identity: object) -> None:
    if not hasattr(identity, "fingerprint"):
        raise ConfigurationError(
            f"identity is a certificate of ven_sdk.testing.pki, not {identity!r}."
        )


def _reports(offers: Optional[Sequence[Report]]) -> Optional[tuple[Report, ...]]:
    if offers is not None and not isinstance(offers, (list, tuple)):
        raise ConfigurationError(f"offers are a list of objects.Report, not {offers!r}.")
    return None if offers is None else tuple(offers)


@argument_names.named_methods
class LocalVTN(EventCommands, ReportCommands, PartyCommands, FaultCommands, Assertions):
    """A VTN on a free port of 127.0.0.1 while its ``with`` runs (or from ``start()`` to
    ``stop()``).

    Arguments:
        vtn_id ('localvtn'): its vtnID.
        poll_frequency (1 s): what VENs are told, a duration of whole seconds; None: nothing.
        vens (None): those known beforehand, by name, each a dict with any of ``ven_id``,
            ``registration_id``, ``fingerprint``, ``registered``.
        accept (True): whether registrations are: True, False, a code such as ``'463'``, ``'known'``
            (only known VENs), or a function of the request that says so.
        ask_for_reports (False): True, or what to ask for of each report on offer
            (:class:`ReportWish`, one or several).
        offers (None): the VTN's own catalogue, sent after each registration; None: none is sent.
        repeat_events (None): a list of events that is not wholly answered is sent again after that
            duration; None: only when it changed.
        tls (False): mutual TLS with throw-away certificates.
        client_certificates (True): False asks VENs for none.
        sign (False): what it sends is signed.
        verify (None): what it gets must be signed; None: as ``sign``.
        kind ('ec'): its key: ``'ec'``, ``'ec384'`` or ``'rsa'``.
        identity (None): a certificate of your own (``ven_sdk.testing.pki``).
        replay_window (60 s): how far the timestamp of a signed message may be off.
        check (True): every message is held against the schema and the rules, see ``violations``
            and, for whatever a test gives the VTN to send, ``own_violations``.
        strict (False): the end of the ``with`` fails where there were any.
        letter (False): what the specification's conformance rules do not allow is a violation too,
            also where VTNs are used to it; each names its rule (``CR 42``).
        clock (None): the VTN's time, a :class:`ManualClock` for instance.
        keep (20000): how many messages are kept.
        keep_samples (1000000): how many samples are kept.
        port (0): where it listens; 0 takes a free one.
        push (None): whom it calls: None: VENs that register for it; False: nobody; True: as None,
            and clients of :meth:`client` register for it and listen on a free port.
        push_retry (1 s): a push that fails is tried again after this duration, then after doubling
            pauses of two minutes at the most.

    Raises:
        ConfigurationError: an argument cannot be used.
    """

    @argument_names.named_arguments
    def __init__(
        self,
        *,
        vtn_id: str = "localvtn",
        poll_frequency: Optional[Duration] = timedelta(seconds=1),
        vens: Optional[Mapping[str, Mapping[str, Any]]] = None,
        accept: Accept = True,
        ask_for_reports: Wishes = False,
        offers: Optional[Sequence[Report]] = None,
        repeat_events: Optional[Duration] = None,
        tls: bool = False,
        client_certificates: bool = True,
        sign: bool = False,
        verify: Optional[bool] = None,
        kind: str = "ec",
        identity: Optional["Identity"] = None,
        replay_window: Duration = 60,
        check: bool = True,
        strict: bool = False,
        letter: bool = False,
        clock: Optional[Clock] = None,
        keep: int = 20_000,
        keep_samples: int = 1_000_000,
        port: int = 0,
        push: Optional[bool] = None,
        push_retry: Duration = FIRST_PAUSE,
    ) -> None:
        _check(accept, ask_for_reports, vens)
        offers = _reports(offers)
        state = State(
            arguments.text("vtn_id", vtn_id),
            checked_clock(clock) or Clock(),
            whole_seconds("poll_frequency", poll_frequency),
            ask_for_reports,
            accept,
            offers,
            None if repeat_events is None else span(repeat_events, "repeat_events"),
            vens or {},
            arguments.flag("letter", letter),
            arguments.whole_number("keep", keep),
            arguments.whole_number("keep_samples", keep_samples),
        )
        trust = Trust(kind, span(replay_window, "replay_window").total_seconds())
        if identity is not None:
            _check_identity(identity)
            trust.renew(identity)
        wire = Wire(
            trust,
            state.now,
            sign=arguments.flag("sign", sign),
            verify=arguments.flag("verify", sign if verify is None else verify),
            check=arguments.flag("check", check) or arguments.flag("strict", strict),
            letter=letter,
        )
        super().__init__(
            state,
            trust,
            wire,
            tls=arguments.flag("tls", tls),
            client_certificates=arguments.flag("client_certificates", client_certificates),
        )
        if offers:
            self._check_own(RegisterReport(request_id="", reports=tuple(offers)))
        self._pusher.enabled = arguments.flag("push", True if push is None else push)
        self._pusher.retry = span(push_retry, "push_retry").total_seconds()
        self._calls = push is True
        self.strict = strict
        self._clock = state.clock
        self._tls = tls
        self._clients: list[OpenADRClient] = []
        self._wanted_port = arguments.whole_number("port", port, 0, 65535)

    def __setattr__(self, name: str, value: object) -> None:
        """Set what the VTN has. ``ConfigurationError`` names the nearest of what it does not."""
        own = type(self).__module__.startswith("ven_sdk.") and not name.startswith("_")
        if own and name not in _SET and not hasattr(type(self), name):
            known = [each for each in dir(type(self)) if not each.startswith("_")]
            raise ConfigurationError(
                f"LocalVTN has no attribute {name!r}.{did_you_mean(name, [*known, *_SET])}"
            )
        found = getattr(type(self), name, None)
        if isinstance(found, property) and found.fset is None:
            raise ConfigurationError(f"LocalVTN.{name} can be read, not set.")
        super().__setattr__(name, arguments.flag(name, value) if name == "strict" else value)

    if not TYPE_CHECKING:  # type checkers refuse unknown names by themselves

        def __getattr__(self, name: str) -> Any:
            raise missing_attribute(self, name, lambda: [*public_names(type(self)), *_SET])

    # --- lifecycle --------------------------------------------------------------------------------

    def start(self) -> "LocalVTN":
        """Listen."""
        if self.closed:
            self.open(self._wanted_port)
        return self

    def stop(self) -> None:
        """End everything, the clients of :meth:`client` too: no thread, socket or file is left.
        Twice is harmless.
        """
        clients, self._clients = self._clients, []
        for client in clients:
            client.stop()
        self.close()

    def client(self, ven_name: str = "ven", **arguments: Any) -> "OpenADRClient":
        """A client ``ven_name`` for this VTN, not started: its clock is the VTN's, its polls come
        without jitter, and where the VTN has TLS it has a certificate that the VTN believes; it is
        called where the VTN has ``push=True``. ``arguments`` are those of ``OpenADRClient`` and
        come first. It is stopped with the VTN.
        ``ConfigurationError`` as the constructor raises it.
        """
        from ...client import OpenADRClient

        known: dict[str, Any] = {"clock": self._clock, "allow_jitter": False}
        if self._tls:
            cert = self.client_cert(ven_name)
            known.update(cert=cert.cert, key=cert.key, ca_file=self.ca_file)
        if self._calls and "push" not in arguments:
            known.update(_callable_at(free_port(), encrypted=self._tls))
        client = OpenADRClient(ven_name, self.url, **{**known, **arguments})
        self._clients.append(client)
        return client

    def __enter__(self) -> "LocalVTN":
        return self.start()

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.stop()
        if kind is None and self.errors:
            raise self.errors[0]
        if kind is None and self.strict:
            self.assert_valid()

    # --- what VENs need to know -------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The ``vtn_url`` for VENs."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}{DEFAULT_PATH}"

    @property
    def port(self) -> int:
        """The port; it stays the same when the VTN is killed and restarted."""
        return self._server.port

    @property
    def changed(self) -> threading.Condition:
        """Notified whenever something arrived or changed, for waiting of one's own."""
        return self._state.lock

    @property
    def vtn_id(self) -> str:
        """The vtnID."""
        return self._state.vtn_id

    @property
    def ca_file(self) -> str:
        """The ``ca_file`` for VENs."""
        return self._trust.ca_file()

    @property
    def fingerprint(self) -> str:
        """The ``vtn_fingerprint`` (and ``tls_fingerprint``) for VENs."""
        return self._trust.identity.fingerprint

    def client_cert(
        self, name: str = "ven", kind: str = "ec", *, passphrase: Optional[str] = None
    ) -> ClientCert:
        """The paths of a certificate and key for the VEN ``name``, which the VTN believes; the same
        again for the same name. ``kind`` is ``'ec'``, ``'ec384'`` or ``'rsa'``; with ``passphrase``
        the key is encrypted.
        """
        return self._trust.client_cert(arguments.text("name", name), kind, passphrase)

    @property
    def tls_context(self) -> Optional[ssl.SSLContext]:
        """The server's TLS settings while it runs, for a test to change (versions, ciphers); None
        without TLS.
        """
        return self._server.context

    def message(self, record: Payload) -> bytes:
        """The bytes that the VTN would send for ``record``, signed if it signs: for a test to
        tamper with and queue.
        """
        return self._wire.write(record)

    def trust(self, fingerprint: str) -> None:
        """Believe messages signed with the certificate of that ``fingerprint``."""
        self._trust.trust_signer(fingerprint)

    def trust_certificate(self, certificate: bytes) -> None:
        """Let the holder of that ``certificate`` (PEM) in, by TLS and by signature, whoever issued
        it.
        """
        self._trust.admit(certificate, self._server.context)

    def renew_certificate(self, identity: "Identity") -> None:
        """Use the certificate ``identity`` from now on, for new connections and for signatures.
        ``ConfigurationError`` for what is none.
        """
        _check_identity(identity)
        self._trust.renew(identity)
        if self._tls:
            self._server.context = self._trust.context(
                client_certificates=self._client_certificates
            )

    # --- what may be changed while it runs --------------------------------------------------------

    @property
    def accept(self) -> Accept:
        """Whether registrations are accepted."""
        return self._state.accept

    @accept.setter
    def accept(self, accept: Accept) -> None:
        _check(accept, False, None)
        with self._state.lock:
            self._state.accept = accept

    @property
    def poll_frequency(self) -> Optional[timedelta]:
        """What VENs are told when they register next."""
        return self._state.poll_frequency

    @poll_frequency.setter
    def poll_frequency(self, poll_frequency: Optional[Duration]) -> None:
        with self._state.lock:
            self._state.poll_frequency = whole_seconds("poll_frequency", poll_frequency)

    @property
    def ask_for_reports(self) -> Wishes:
        """What is asked for when a VEN offers reports next."""
        return self._state.wishes

    @ask_for_reports.setter
    def ask_for_reports(self, wishes: Wishes) -> None:
        _check(True, wishes, None)
        with self._state.lock:
            self._state.wishes = wishes
