"""``ven-sdk vtn``: the test VTN on a port of its own, with a page in the browser, a script, and
faults on demand.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Optional

from ...errors import ConfigurationError
from ...testing import LocalVTN, ReportWish
from ..console import Console
from ..parser import Usage, port
from ..run import keys
from .message_log import MessageLog
from .orders import FAULTS, Orders
from .page import Page
from .script import Script, Step, read
from .view import View

EPILOG = f"""\
It listens on this machine's loopback only: it is for tests, believes everybody and forgets
everything when it ends.

Faults for --fault: {", ".join(FAULTS)}, any HTTP status, any OpenADR code.

A script is a TOML file:
  [[steps]]
  at = "10 s"
  do = "add_event"
  begin = "5 s"
  steps = [["1 min", 1], ["1 min", 2]]   # duration, level
  [[steps]]
  at = "1 min"
  do = "fault"
  name = "slow"
  until = "30 s"
Orders: add_event, modify_event, cancel_event, drop_event, announce, fault, clear_faults,
request_report, cancel_reports, reregister, cancel_registration, forget, restart."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    _add_places(parser)
    _add_behaviour(parser)
    parser.add_argument("--script", metavar="FILE", help="do what this file says")


def _add_places(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port", type=port, default=8080, help="where VENs find it (8080); 0 takes a free one"
    )
    parser.add_argument(
        "--page-port",
        type=port,
        default=8081,
        metavar="PORT",
        help="where the browser finds the page (8081)",
    )
    parser.add_argument("--no-page", action="store_true", help="no page")
    parser.add_argument(
        "--tls",
        metavar="FOLDER",
        help="mutual TLS; throw-away certificates for a VEN are put into FOLDER",
    )


def _add_behaviour(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--vtn-id", default="test-vtn", metavar="ID", help="the vtnID (test-vtn)")
    parser.add_argument(
        "--poll-frequency", default="2", metavar="SECONDS", help="what VENs are told (2)"
    )
    parser.add_argument(
        "--granularity",
        metavar="SECONDS",
        help="spacing of samples to ask for (what the VEN offers)",
    )
    parser.add_argument(
        "--report-back",
        metavar="SECONDS",
        help="spacing of deliveries to ask for (the granularity)",
    )
    parser.add_argument("--no-reports", action="store_true", help="ask for no reports")
    parser.add_argument(
        "--sign", action="store_true", help="sign messages, and want signed ones (with --tls)"
    )
    parser.add_argument(
        "--known-only",
        action="append",
        metavar="NAME",
        help="accept only VENs of this name (may be repeated)",
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME",
        help="switch a fault on (may be repeated)",
    )


def execute(options: argparse.Namespace, console: Console) -> int:
    """Serve until Ctrl-C or SIGTERM; exit code 0. ``ConfigurationError`` for options that do not go
    together.
    """
    steps = read(options.script) if options.script else []
    if options.sign and not options.tls:
        raise ConfigurationError(
            "--sign needs --tls FOLDER: VENs sign with the certificate that is put there."
        )
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    with _run_vtn(_vtn(options), options) as vtn:
        orders = Orders(vtn)
        view = View(vtn, orders)
        messages = MessageLog(console)
        vtn.listeners += [view.note_message, messages.note_message]
        vtn.push_listeners.append(messages.note_push)
        for name in options.fault:
            orders.carry_out({"do": "fault", "name": name})
        with _run_companions(options, console, view, orders, steps) as page:
            _introduce(vtn, page, options, console)
            while not over.wait(0.5):  # Windows looks for signals between waits
                pass
            orders.clear_faults()
    console.line("Ended.")
    return 0


def _vtn(options: argparse.Namespace) -> LocalVTN:
    wish = ReportWish(
        granularity=_span(options, "granularity"),
        report_back_duration=_span(options, "report_back"),
    )
    return LocalVTN(
        vtn_id=options.vtn_id,
        poll_frequency=_span(options, "poll_frequency"),
        port=options.port,
        ask_for_reports=False if options.no_reports else wish,
        tls=bool(options.tls),
        sign=options.sign,
        accept="known" if options.known_only else True,
        vens={name: {} for name in options.known_only or ()},
        keep=20_000,
    )


def _span(options: argparse.Namespace, name: str) -> Optional[timedelta]:
    value = getattr(options, name)
    try:
        return None if value is None else keys.whole_seconds(value)
    except ConfigurationError as error:
        raise Usage(f"--{name.replace('_', '-')}: {error}") from error


@contextlib.contextmanager
def _run_vtn(vtn: LocalVTN, options: argparse.Namespace) -> Iterator[LocalVTN]:
    try:
        vtn.start()
    except OSError as cause:
        raise ConfigurationError(
            f"Port {options.port} cannot be opened: {cause.strerror or cause}. Give another "
            f"--port; 0 takes a free one."
        ) from cause
    try:
        yield vtn
    finally:
        vtn.stop()


@contextlib.contextmanager
def _run_companions(
    options: argparse.Namespace, console: Console, view: View, orders: Orders, steps: list[Step]
) -> Iterator[Optional[Page]]:
    """The page and the script."""
    with contextlib.ExitStack() as stack:
        page = None
        if not options.no_page:
            page = Page(options.page_port, view.state, orders.carry_out, view.message)
            stack.callback(page.close)
        if steps:
            script = Script(steps, orders.carry_out, console.line)
            stack.callback(script.close)
            script.start()
        yield page


def _introduce(
    vtn: LocalVTN, page: Optional[Page], options: argparse.Namespace, console: Console
) -> None:
    rows: list[tuple[str, str]] = [("vtn_url", vtn.url)]
    if page is not None:
        rows.append(("page", page.url))
    if options.tls:
        rows += _certificates(vtn, Path(options.tls), options.sign)
    column = max(len(label) for label, _ in rows)
    for label, value in rows:
        console.line(f"  {label:<{column}}  {console.colour(value, 'bold')}")
    console.line("A VEN may come. Ctrl-C ends the VTN.")


def _certificates(vtn: LocalVTN, folder: Path, sign: bool) -> list[tuple[str, str]]:
    """Copies for a VEN, which stay when the VTN is gone; their paths are what the client takes."""
    own = vtn.client_cert("test-ven")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        places = [
            str(shutil.copy(source, folder / name))
            for source, name in (
                (vtn.ca_file, "ca.pem"),
                (own.cert, "ven.pem"),
                (own.key, "ven.key"),
            )
        ]
        (folder / "ven.key").chmod(0o600)
    except OSError as cause:
        raise ConfigurationError(
            f"The certificates cannot be put into {str(folder)!r}: {cause.strerror or cause}."
        ) from cause
    rows = list(zip(("ca_file", "cert", "key"), places))
    return [*rows, ("vtn_fingerprint", vtn.fingerprint)] if sign else rows
