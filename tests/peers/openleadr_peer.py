"""``OpenleadrVTN``: openleadr's VTN in a second process, driven from blocking tests.

Says what may be commanded (``openleadr_desk`` carries it out) and which options there are;
``peer_process`` holds the process and its notifications. Methods may be called from any thread of a
test.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Optional

import pytest

from tests.peers.peer_process import PeerError, PeerProcess

__all__ = ["OpenleadrVTN", "PeerError", "in_a_row"]

PATH = "/OpenADR2/Simple/2.0b"
_OPTIONS = {
    "accept",
    "bodies",
    "cert",
    "http_ca_file",
    "http_cert",
    "http_key",
    "http_key_passphrase",
    "key",
    "lookup",
    "max_body",
    "passphrase",
    "raw_log",
}


class OpenleadrVTN(PeerProcess):
    """openleadr's VTN on a loopback port of its own; a context manager.

    ``vens``: those known beforehand, by name, each with any of ``ven_id``, ``registration_id``,
    ``fingerprint``. ``report_requests``: what to ask for, dicts of ``sampling_interval`` and
    optionally ``report_interval``, ``report_specifier_id``, ``r_ids`` (all where left out); the
    first that fits a data point counts. ``http_cert``, ``http_key``, ``http_ca_file``: mutual TLS.
    ``cert``, ``key``, ``passphrase``: signs what it sends. ``verify_message_signatures``: demands
    signatures (openleadr looks at them over TLS only). ``lookup``: ``ven_lookup``,
    ``fingerprint_lookup`` (never asks for a new registration) or ``none``. ``raw_log``: a file that
    gets every exchange as a JSON line, across restarts. ``max_body``: bytes, openleadr takes 1 MiB.
    ``bodies=False`` leaves the texts of the messages out. ``accept=False`` refuses registrations.
    """

    def __init__(
        self,
        *,
        vtn_id: str = "vtn-openleadr",
        poll_frequency: timedelta = timedelta(seconds=1),
        vens: Optional[Mapping[str, Mapping[str, Any]]] = None,
        report_requests: Sequence[Mapping[str, Any]] = (),
        verify_message_signatures: bool = False,
        **options: Any,
    ) -> None:
        unknown = set(options) - _OPTIONS
        if unknown:
            raise TypeError(f"Unknown options {sorted(unknown)}; there are {sorted(_OPTIONS)}.")
        super().__init__(
            "openleadr_vtn.py",
            {
                "vtn_id": vtn_id,
                "requested_poll_freq": poll_frequency,
                "vens": vens or {},
                "report_requests": list(report_requests),
                "verify_message_signatures": verify_message_signatures,
                **{
                    name: str(value) if isinstance(value, Path) else value
                    for name, value in options.items()
                },
            },
        )
        self.vtn_id = vtn_id

    def __enter__(self) -> "OpenleadrVTN":
        return self.start()

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Any
    ) -> None:
        self.stop()

    def start(self) -> "OpenleadrVTN":
        """Returns when the VTN listens; skips the test where openleadr is not installed."""
        if importlib.util.find_spec("openleadr") is None:
            pytest.skip("openleadr is not installed, so there is no foreign VTN to talk to")
        self.launch()
        return self

    @property
    def url(self) -> str:
        """What a VEN is given as vtn_url."""
        return (
            f"{'https' if self._config.get('http_cert') else 'http'}://127.0.0.1:{self.port}{PATH}"
        )

    def add_event(
        self,
        ven_id: str,
        signal_name: str = "SIMPLE",
        signal_type: str = "level",
        intervals: Sequence[Mapping[str, Any]] = (),
        *,
        changes: Optional[Mapping[str, Any]] = None,
        **arguments: Any,
    ) -> str:
        """openleadr's ``add_event``; returns the event's ID. ``changes`` by dotted path sets what
        it has no argument for: ``{"event_descriptor.priority": 1, "active_period.tolerance":
        {"startafter": timedelta(minutes=1)}}``.
        """
        return str(
            self.command(
                "add_event",
                ven_id=ven_id,
                signal_name=signal_name,
                signal_type=signal_type,
                intervals=list(intervals),
                changes=changes or {},
                **arguments,
            )
        )

    def add_raw_event(self, ven_id: str, event: Mapping[str, Any]) -> str:
        """openleadr's ``add_raw_event`` with the event as a dict."""
        return str(self.command("add_raw_event", ven_id=ven_id, event=event))

    def modify_event(
        self,
        ven_id: str,
        event_id: str,
        *,
        intervals: Optional[Sequence[Mapping[str, Any]]] = None,
        changes: Optional[Mapping[str, Any]] = None,
        announce: bool = True,
    ) -> int:
        """Raise the modification number, change the event, and (``announce``) give the list to the
        next poll.
        """
        return int(
            self.command(
                "modify_event",
                ven_id=ven_id,
                event_id=event_id,
                intervals=intervals,
                changes=changes or {},
                announce=announce,
            )
        )

    def cancel_event(self, ven_id: str, event_id: str) -> None:
        """openleadr's ``cancel_event``: the next poll gets the list with it cancelled, until it is
        answered.
        """
        self.command("cancel_event", ven_id=ven_id, event_id=event_id)

    def drop_event(self, ven_id: str, event_id: str, *, announce: bool = True) -> None:
        """Implied cancel: off the list."""
        self.command("drop_event", ven_id=ven_id, event_id=event_id, announce=announce)

    def announce(self, ven_id: str) -> None:
        """The next poll gets the list of events, changed or not."""
        self.command("announce", ven_id=ven_id)

    def events(self, ven_id: str) -> list[dict[str, Any]]:
        """event_id, modification_number and event_status of what the VTN holds."""
        return list(self.command("events", ven_id=ven_id))

    def queue(self, ven_id: str, message: str, **payload: Any) -> None:
        """A message of openleadr's templates (``oadrCreateReport``, ``oadrCancelReport`` ...) for
        the next poll, before any events.
        """
        self.command("queue", ven_id=ven_id, message=message, payload=payload)

    def queue_raw(
        self,
        body: str = "",
        *,
        service: str = "OadrPoll",
        status: int = 200,
        headers: Optional[Mapping[str, str]] = None,
        delay: float = 0,
        drop: bool = False,
        handled: bool = False,
    ) -> None:
        """The literal reply to the next request to ``service``, instead of openleadr's; ``drop``
        cuts the connection.

        With ``handled``, openleadr handles the request first, so that only its reply is lost.
        """
        self.command(
            "instead",
            service=service,
            body=body,
            status=status,
            headers=headers,
            delay=delay,
            drop=drop,
            handled=handled,
        )

    def forget(self, ven_id: str) -> None:
        """The VEN is unknown from now on."""
        self.command("forget", ven_id=ven_id)

    def accept(self, accept: bool = True) -> None:
        """Whether registrations are accepted from now on."""
        self.command("accept", accept=accept)

    def vens(self) -> dict[str, dict[str, Any]]:
        """The VENs that the VTN knows, by name: ven_id, registration_id, fingerprint."""
        return dict(self.command("vens"))

    def ask_reports(self, *wishes: Mapping[str, Any]) -> None:
        """What to ask for at the next oadrRegisterReport (see ``report_requests``)."""
        self.command("ask_reports", wishes=list(wishes))


def in_a_row(start: datetime, duration: timedelta, *payloads: float) -> list[dict[str, Any]]:
    """Intervals of one duration that follow each other, as :meth:`OpenleadrVTN.add_event` takes
    them.
    """
    return [
        {"dtstart": start + number * duration, "duration": duration, "signal_payload": payload}
        for number, payload in enumerate(payloads)
    ]
