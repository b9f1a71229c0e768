"""What ``certify`` leaves behind: the messages of each row as files, and a table of what was
declared and found. The main thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ...errors import ConfigurationError
from ...testing.vtn.journal import Received
from .examine import messages_of
from .rows import Finding
from .trial_parts import Run

PICS_AREAS = {
    "A": "profile and sub-profile",
    "B": "transport, exchange model, timing",
    "C": "security level, certificates, suites",
    "D": "signals, units, targets",
    "E": "event options: opt, tolerance, ramp-up",
    "F": "reports, data points, rates, storage",
    "G": "EiOpt",
    "H": "extensions, names of one's own",
}


def write_evidence(folder: str, finding: Finding, run: Run) -> None:
    """``folder/row-14/0001-oadrPoll.xml`` and ``0001-reply.xml`` for each message of a row.
    ``ConfigurationError`` where they cannot be written.
    """
    place = Path(folder) / f"row-{finding.row.number:02}"
    try:
        place.mkdir(parents=True, exist_ok=True)
        for old in place.glob("[0-9]*.xml"):
            old.unlink()
        for number, message in enumerate(messages_of(finding.row, run), 1):
            (place / f"{number:04}-{message.kind}.xml").write_bytes(message.raw)
            if message.reply:
                (place / f"{number:04}-reply.xml").write_bytes(message.reply)
        lines = [
            f"{finding.row.number} {finding.row.title}: {finding.state}",
            finding.text,
            *_story(messages_of(finding.row, run)),
        ]
        (place / "finding.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as cause:
        raise ConfigurationError(
            f"{cause.filename or folder} cannot be written: {cause.strerror or cause}."
        ) from cause


def _story(messages: Sequence[Received]) -> Iterable[str]:
    return (f"{number:04} {message}" for number, message in enumerate(messages, 1))


def write_pics(path: str, findings: Iterable[Finding], run: Run) -> None:
    """A table by area: each row that needs a declaration there, with what was found, and the
    author's words. ``ConfigurationError`` where it cannot be written.
    """
    made = list(findings)
    lines = [f"Declared features of {run.source.name}", ""]
    for area, title in PICS_AREAS.items():
        lines += [f"{area}  {title}"]
        lines += [
            f"   {each.row.number:>2}  {each.row.title}: {each.state}. {_first_line(each.text)}"
            for each in made
            if area in each.row.pics.replace(" ", "").split(",")
        ]
        lines += [""]
    lines += ["Declared by the author"]
    lines += [f"   {name}: {value}" for name, value in run.declared.items()] or ["   nothing"]
    try:
        Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as cause:
        raise ConfigurationError(f"{path} cannot be written: {cause.strerror or cause}.") from cause


def _first_line(text: str) -> str:
    return (text.splitlines() or [""])[0]
