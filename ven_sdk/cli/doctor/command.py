"""``ven-sdk doctor URL``: walks the way to a VTN link by link and says what to do about the first
that is broken.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from typing import Optional

from ..console import Console
from ..parser import Parser, Usage, seconds
from .checkup import examine
from .examination import FAILED, NOTE, OK, SKIPPED, Examination, Finding

MARKS: dict[str, tuple[str, tuple[str, ...]]] = {
    OK: ("✓", ("green",)),
    NOTE: ("✓", ("yellow",)),
    FAILED: ("✗", ("red", "bold")),
    SKIPPED: ("·", ("dim",)),
}
INDENT = 23
MOST = 96
"""Columns of a text at most: longer lines are hard to read."""
EPILOG = """\
The links: address, own files, name, port, TLS, chain, host name, client certificate,
fingerprints, clock, HTTP, message, signature, registration. Each is a line; what lies behind a
broken link is not looked at. Exit code 0: all is well; 1: a link is broken.

With --push the links are those from a VTN to this VEN: address, own files, a listener of this
command's own, name, port, TLS, certificate, client certificate, path. Stop the VEN for it, or
what the VEN answers is examined. It calls from this machine: what a firewall does to others it
cannot see.

Nothing is changed on the VTN, except with --register. The passphrase may stand in
VEN_PASSPHRASE."""


PROXY = " (this command goes without a proxy; proxies is an argument of the client)"


def configure(parser: Parser) -> None:
    """The options, named as the arguments of OpenADRClient are."""
    parser.elsewhere = dict.fromkeys(("--proxy", "--proxies"), PROXY)
    parser.add_argument("url", metavar="URL", nargs="?", help="the VTN's address, as in vtn_url")
    _add_push(parser)
    _add_files(parser)
    _add_ven(parser)
    parser.add_argument(
        "--timeout", type=seconds, default=10.0, metavar="SECONDS", help="for each link (10)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def _add_push(parser: argparse.ArgumentParser) -> None:
    push = parser.add_argument_group("where the VTN calls the VEN")
    push.add_argument(
        "--push", metavar="ADDRESS", help="examine this address, as in push, from outside in"
    )
    push.add_argument(
        "--listen", metavar="HOST:PORT", help="what is bound, as in listen (the port of ADDRESS)"
    )
    push.add_argument(
        "--proxied", action="store_true", help="a web server does TLS: listen for plain HTTP"
    )


def _add_files(parser: argparse.ArgumentParser) -> None:
    files = parser.add_argument_group("who the VEN is, and whom it trusts")
    files.add_argument("--cert", metavar="FILE", help="the client certificate: PEM, .p12 or .pfx")
    files.add_argument("--key", metavar="FILE", help="its key, where it is not in the same file")
    files.add_argument("--passphrase", help="of the key")
    files.add_argument(
        "--ca-file",
        metavar="FILE",
        help="what the VTN's certificate is checked against (file or folder)",
    )
    files.add_argument(
        "--vtn-fingerprint", metavar="AA:BB:...", help="of the certificate that the VTN signs with"
    )
    files.add_argument(
        "--tls-fingerprint", metavar="AA:BB:...", help="of the VTN's TLS certificate"
    )
    files.add_argument(
        "--no-check-hostname", action="store_true", help="do not compare the host name"
    )
    files.add_argument("--disable-signature", action="store_true", help="do not sign messages")


def _add_ven(parser: argparse.ArgumentParser) -> None:
    ven = parser.add_argument_group("which VEN")
    ven.add_argument(
        "--ven-name", metavar="NAME", help="the VEN's name, for the advice and for --register"
    )
    ven.add_argument(
        "--ven-id",
        metavar="ID",
        help="ask the VTN for this VEN's events, to see whether it knows the ID",
    )
    ven.add_argument(
        "--register",
        action="store_true",
        help="really register; a registration that the VTN holds for this VEN is replaced",
    )


def execute(options: argparse.Namespace, console: Console) -> int:
    """Examine, print each finding as it is made; 0 where no link is broken, else 1."""
    exam = _examination(options)
    findings: list[Finding] = []
    try:
        for finding in examine(exam):
            findings.append(finding)
            if not options.json and finding.state != SKIPPED:
                _show(finding, console)
    finally:
        if exam.listener is not None:
            exam.listener.close()
    broken = next((each for each in findings if each.state == FAILED), None)
    if options.json:
        console.line(json.dumps(_as_dict(exam, findings, broken), indent=2, default=str))
    else:
        _conclude(broken, [each.step for each in findings if each.state == SKIPPED], console)
    return 1 if broken else 0


def _examination(options: argparse.Namespace) -> Examination:
    if options.register and not options.ven_name:
        raise Usage("--register needs --ven-name: that is what is registered.")
    if not options.timeout > 0:
        raise Usage(f"--timeout must be more than 0, not {options.timeout:g}.")
    for name in ("ven_name", "ven_id"):
        if getattr(options, name) == "":
            raise Usage(f"--{name.replace('_', '-')} must not be empty.")
    if bool(options.url) == bool(options.push):
        raise Usage("Give URL, the VTN's address, or --push ADDRESS, the VEN's own.")
    if (options.listen or options.proxied) and not options.push:
        raise Usage("--listen and --proxied belong to --push ADDRESS.")
    return Examination(
        url=options.push or options.url,
        push=bool(options.push),
        listen=options.listen,
        proxied=options.proxied,
        cert=options.cert,
        key=options.key,
        ca_file=options.ca_file,
        passphrase=options.passphrase or os.environ.get("VEN_PASSPHRASE"),
        check_hostname=not options.no_check_hostname,
        tls_fingerprint=options.tls_fingerprint,
        vtn_fingerprint=options.vtn_fingerprint,
        disable_signature=options.disable_signature,
        ven_name=options.ven_name,
        ven_id=options.ven_id,
        register=options.register,
        timeout=options.timeout,
    )


def _show(finding: Finding, console: Console) -> None:
    mark, styles = MARKS[finding.state]
    head = console.colour(f"{mark} {finding.step:<{INDENT - 3}}", *styles)
    text = "broken, see below" if finding.state == FAILED else finding.text
    console.paragraph(text, indent=INDENT, first=f"{head} ", most=MOST)
    for detail in finding.details:
        console.paragraph(detail, "dim", indent=INDENT, first=" " * INDENT, most=MOST)


def _conclude(broken: Optional[Finding], skipped: list[str], console: Console) -> None:
    if broken is None:
        console.line(f"\n{console.colour('All links hold.', 'green', 'bold')}")
        return
    if skipped:
        mark, styles = MARKS[SKIPPED]
        console.paragraph(f"{mark} not looked at: {', '.join(skipped)}", *styles, indent=2)
    console.line()
    console.paragraph(f"The first thing that is wrong: {broken.step}.", "red", "bold")
    for text in filter(None, (broken.text, broken.advice)):
        console.paragraph(text, indent=2, first="  ", most=MOST)


def _as_dict(
    exam: Examination, findings: list[Finding], broken: Optional[Finding]
) -> dict[str, object]:
    return {
        "url": exam.url,
        "ok": broken is None,
        "first_wrong": broken.step if broken else None,
        "text": broken.text if broken else "",
        "advice": broken.advice if broken else "",
        "steps": [dataclasses.asdict(each) for each in findings],
    }
