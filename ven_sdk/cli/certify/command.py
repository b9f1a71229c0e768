"""``ven-sdk certify VEN``: drives a VEN row by row against a VTN that goes by the letter, and says
of each rule what was seen.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Optional

from ..console import Console
from ..parser import Usage, seconds
from .evidence import write_evidence, write_pics
from .examine import examine
from .rows import AREAS, DECLARED, NOT_SHOWN, SHOWN, SKIPPED, Finding
from .sources import FileVen, ProgramVen, Source, source_of
from .table import choose_rows
from .trial_parts import Run

MARKS: dict[str, tuple[str, tuple[str, ...]]] = {
    SHOWN: ("✓", ("green",)),
    NOT_SHOWN: ("✗", ("red", "bold")),
    DECLARED: ("•", ("cyan",)),
    SKIPPED: ("·", ("dim",)),
}
INDENT = 7
MOST = 100
"""Columns of a text at most: longer lines are hard to read."""
EPILOG = f"""\
VEN is a TOML file as ven-sdk run takes it, module:client (a client, or a function without
arguments that returns one), or a script that calls run(). It is not changed: while it is made,
its client gets the test VTN's address and authority, the clock, strict=True and jitter='later'
in the place of its own; its store is left alone. Its own certificate is shown to the test VTN
where it has one, unless --throwaway is given. Handlers and callbacks are
really called: take a VEN whose devices may be switched.

With --command any program is driven, of any library, in real time; rows that need calls into
the VEN are skipped. Where the VTN speaks TLS, VTN_CA_FILE, VEN_CERT and VEN_KEY are
paths of what it takes.

Areas for --only: {", ".join(f"{key} {name}" for key, name in AREAS.items())}; or numbers.

A row is shown, not shown (with what was seen, and what to do), declared (the author's word is
needed) or skipped. It replaces no test house: it says that a rule was looked at, and what
happened. Exit code 0: no row is "not shown"; 1: one is; 2: wrong usage, or no VEN."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("ven", metavar="VEN", nargs="?", help="ven.toml, module:client or ven.py")
    parser.add_argument(
        "--command",
        metavar="COMMAND",
        help="a program that is a VEN; {url} in it, and VTN_URL, are where the VTN is",
    )
    parser.add_argument(
        "--only", metavar="ROW", nargs="+", default=[], help="areas (R P E O1 T H L S) or numbers"
    )
    parser.add_argument(
        "--real-time",
        action="store_true",
        help="let time pass by itself (minutes); usually one clock is moved by hand (two minutes)",
    )
    parser.add_argument(
        "--patience",
        type=seconds,
        metavar="SECONDS",
        help="in real time: wait for nothing longer than that (default: up to 600 s)",
    )
    parser.add_argument(
        "--profile",
        choices=("full", "report-only"),
        help="certify the VEN as that (default: as it is set, report_only)",
    )
    parser.add_argument(
        "--security",
        choices=("standard", "high"),
        help="high: signatures as well (default: high where vtn_fingerprint is set)",
    )
    parser.add_argument(
        "--sample-data",
        action="store_true",
        help="offer TELEMETRY_STATUS and TELEMETRY_USAGE with sample data where the VEN does not",
    )
    parser.add_argument(
        "--throwaway",
        action="store_true",
        help="show a throw-away certificate to the test VTN in the place of the VEN's own",
    )
    _configure_output(parser)


def _configure_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--list", action="store_true", help="print the rows and exit")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--evidence", metavar="DIR", help="write the messages of each row there")
    parser.add_argument(
        "--pics", metavar="FILE", help="write what was declared and what was found, by area"
    )


def execute(options: argparse.Namespace, console: Console) -> int:
    """Look at the rows, print each as it ends; 0 where none is "not shown", else 1."""
    rows = choose_rows(options.only)
    if options.list:
        for row in rows:
            console.paragraph(
                f"{row.title} ({row.rules})", indent=9, first=_head(row.number, row.area)
            )
        return 0
    source = _source(options)
    run = _run(options, source)
    findings: list[Finding] = []
    with contextlib.redirect_stdout(sys.stderr):  # what the VEN prints is no part of the result
        for finding in examine(rows, run):
            findings.append(finding)
            console.progress()
            if not options.json:
                _show(finding, console)
            if options.evidence:
                write_evidence(options.evidence, finding, run)
            console.progress(f"{len(findings)} of {len(rows)} rows")
    console.progress()
    if options.pics:
        write_pics(options.pics, findings, run)
    _conclude(source, findings, options.json, console)
    return int(any(each.state == NOT_SHOWN for each in findings))


def _run(options: argparse.Namespace, source: Source) -> Run:
    given = _given_for_the_vens_own(options)
    if given and not source.is_ours:
        raise Usage(f"{given} is for a VEN of ven_sdk: --command starts a program as it is.")
    profile, by_hand = options.profile, source.is_ours and not options.real_time
    if options.patience is not None and by_hand:
        raise Usage("--patience is for real time: with --real-time or --command.")
    return Run(
        source,
        by_hand=by_hand,
        declared=source.declared if isinstance(source, FileVen) else {},
        arguments={} if profile is None else {"report_only": profile == "report-only"},
        high=None if options.security is None else options.security == "high",
        sample_data=options.sample_data,
        throwaway=options.throwaway,
        patience=options.patience,
    )


def _given_for_the_vens_own(options: argparse.Namespace) -> str:
    given = {
        "--profile": options.profile,
        "--sample-data": options.sample_data,
        "--throwaway": options.throwaway,
    }
    return ", ".join(name for name, value in given.items() if value)


def _head(number: int, area: str) -> str:
    return f"  {number:>2} {area:<3} "


def _source(options: argparse.Namespace) -> Source:
    if bool(options.ven) == bool(options.command):
        raise Usage(
            "Say which VEN: ven-sdk certify ven.toml, or --command 'python my_ven.py {url}'."
        )
    if options.command:
        words = shlex.split(options.command)
        if not words:
            raise Usage("--command is empty.")
        return ProgramVen(words)
    return source_of(options.ven)


def _show(finding: Finding, console: Console) -> None:
    mark, styles = MARKS[finding.state]
    head = console.colour(f"{mark} {finding.row.number:>2}", *styles)
    title = f"{finding.row.title}: {finding.state}" if finding.state != SHOWN else finding.row.title
    console.paragraph(title, indent=INDENT, first=f"{head}   ", most=MOST)
    for text in filter(None, (*finding.text.splitlines(), finding.advice)):
        console.paragraph(text.strip(), "dim", indent=INDENT, first=" " * INDENT, most=MOST)


def _conclude(source: Source, findings: Sequence[Finding], as_json: bool, console: Console) -> None:
    counts = Counter(each.state for each in findings)
    if as_json:
        console.line(json.dumps(findings_dict(source.name, findings), indent=2))
        return
    said = ", ".join(f"{counts[state]} {state}" for state in MARKS if counts[state])
    console.line()
    failed = counts[NOT_SHOWN] > 0
    console.paragraph(f"{said}.", "red" if failed else "green", "bold")


def findings_dict(name: str, findings: Sequence[Finding]) -> dict[str, object]:
    """The findings for a program."""
    failed: Optional[bool] = any(each.state == NOT_SHOWN for each in findings)
    return {
        "ven": name,
        "ok": not failed,
        "rows": [
            {
                "row": each.row.number,
                "title": each.row.title,
                "area": each.row.area,
                "rules": each.row.rules,
                "state": each.state,
                "text": each.text,
                "advice": each.advice,
                "messages": each.messages,
            }
            for each in findings
        ],
    }
