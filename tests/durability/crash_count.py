"""Counts losses and doubles after a crash test: the VTN's raw log against the VEN's journal. Knows
nothing of the SDK.

``crash_count.py FOLDER`` prints the figures as JSON. Bodies are read with lxml and the standard
library alone.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

Version = tuple[str, int]
Sample = tuple[str, str, str]
STANDS_IN = ("Quality Bad", "No New Value")
"""How the quality begins of what is sent where nothing was measured: another sample's value, or 0.
The measured one may follow, and then replaces it; the other way round a sample would be lost.
"""


def lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_bytes().splitlines():
        try:
            yield json.loads(line)
        except ValueError:  # the last line of a process that was killed may be torn
            continue


def all_of(element: Any, name: str) -> list[Any]:
    return list(element.iter("{*}" + name))


def text(element: Any, name: str) -> str:
    found = next(element.iter("{*}" + name), None)
    return "" if found is None else (found.text or "").strip()


class Log:
    """What the VTN's raw log says: last version of every event it sent, answers it got, samples it
    got; ``unsaid`` are those that came before a message that says there is none.
    """

    def __init__(self, path: Path) -> None:
        self.sent: dict[str, tuple[int, bool]] = {}
        self.answered: set[tuple[str, int, str]] = set()
        self.samples: dict[Sample, set[tuple[str, str]]] = {}
        self.unsaid: list[Sample] = []
        self.values: set[str] = set()
        self.bodies: dict[str, int] = {}
        self.opts: set[str] = set()
        for line in lines(path):
            body = line["body"].encode()
            if not body.strip():
                continue
            root = etree.fromstring(body)
            if line["dir"] == "out":
                self._sent(root)
            else:
                self._got(root, body)

    def _sent(self, root: Any) -> None:
        for event in all_of(root, "oadrEvent"):
            self.sent[text(event, "eventID")] = (
                int(text(event, "modificationNumber")),
                text(event, "eventStatus") == "cancelled",
            )

    def _got(self, root: Any, body: bytes) -> None:
        for answer in all_of(root, "eventResponse"):
            self.answered.add(
                (
                    text(answer, "eventID"),
                    int(text(answer, "modificationNumber")),
                    text(answer, "optType"),
                )
            )
        for opt in all_of(root, "oadrCreateOpt"):
            self.opts.add(text(opt, "optID"))
        for update in all_of(root, "oadrUpdateReport"):
            message = hashlib.sha256(body).hexdigest()
            self.bodies[message] = self.bodies.get(message, 0) + 1
            for report in all_of(update, "oadrReport"):
                self._report(report, message)

    def _report(self, report: Any, message: str) -> None:
        for interval in all_of(report, "interval"):
            for payload in all_of(interval, "oadrReportPayload"):
                value = text(payload, "value")
                key = (
                    text(report, "reportSpecifierID"),
                    text(payload, "rID"),
                    text(interval, "date-time"),
                )
                if text(payload, "oadrDataQuality").startswith(STANDS_IN):
                    if any(which != message for _, which in self.samples.get(key, ())):
                        self.unsaid.append(key)
                    continue
                self.samples.setdefault(key, set()).add((value, message))
                self.values.add(str(int(float(value))))


class Journal:
    """What the VEN wrote down: calls begun and returned, and what was committed when."""

    def __init__(self, path: Path) -> None:
        self.handled: dict[Version, int] = {}
        self.told_cancelled: set[str] = set()
        self.committed: set[str] = set()
        self.opts: set[str] = set()
        self.again: list[tuple[str, Version]] = []
        self.repeated = 0
        self.runs: set[int] = set()
        open_calls: dict[tuple[str, str, int], str] = {}
        for line in lines(path):
            self.runs.add(line["run"])
            if "call" in line:
                self._call(line, open_calls)
            elif "rows" in line:
                self._commit(line["rows"], open_calls)
            elif (
                "pushed" in line and self.committed
            ):  # before a request names the point nothing is kept
                self.committed.add(str(line["pushed"]))

    def _call(self, line: dict[str, Any], open_calls: dict[tuple[str, str, int], str]) -> None:
        version = line["event"], line["number"]
        key = (line["handler"], *version)
        if line["call"] == "return":
            open_calls[key] = "returned"
            return
        if line["handler"] == "on_cancel_event":
            self.told_cancelled.add(line["event"])
        self.handled[version] = self.handled.get(version, 0) + 1
        before = open_calls.get(key)
        self.repeated += before is not None
        if before == "committed":
            self.again.append((line["handler"], version))
        open_calls[key] = "begun"

    def _commit(self, rows: list[Any], open_calls: dict[tuple[str, str, int], str]) -> None:
        for table, key, facts in rows:
            if table == "events":
                for call, state in open_calls.items():
                    if call[1] == key and state == "returned" and call[0] not in (facts or ()):
                        open_calls[call] = "committed"
            elif table == "opts":
                self.opts.add(key)
            elif facts:
                self.committed.update(facts)


def count(folder: Path) -> dict[str, Any]:
    """The figures, and the first few of everything that should not be."""
    log, journal = Log(folder / "vtn.jsonl"), Journal(folder / "journal.jsonl")
    missed = [
        key
        for key, (number, cancelled) in log.sent.items()
        if (key, number) not in journal.handled and not cancelled
    ]
    uncancelled = [
        key
        for key, (number, cancelled) in log.sent.items()
        if cancelled
        and key not in journal.told_cancelled
        and any(version[0] == key for version in journal.handled)
    ]
    unanswered = [
        key for key, (number, _) in log.sent.items() if (key, number, "optIn") not in log.answered
    ]
    lost = sorted(journal.committed - log.values)
    opts_lost = sorted(journal.opts - log.opts)
    doubled = {key: sorted(found) for key, found in log.samples.items() if len(found) > 1}
    return {
        "runs": len(journal.runs),
        "events": len(log.sent),
        "handler calls": sum(journal.handled.values()),
        "repeated calls": journal.repeated,
        "opts committed": len(journal.opts),
        "opts lost": opts_lost,
        "samples committed": len(journal.committed),
        "samples at the VTN": len(log.samples),
        "report messages": len(log.bodies),
        "identical repeats": sum(log.bodies.values()) - len(log.bodies),
        "events missed": missed,
        "cancellations missed": uncancelled,
        "answers missing": unanswered,
        "delivered again after commit": journal.again,
        "samples lost": lost,
        "samples doubled": [[*key, found] for key, found in doubled.items()],
        "samples unsaid": log.unsaid,
    }


LOSSES = (
    "events missed",
    "cancellations missed",
    "answers missing",
    "delivered again after commit",
    "opts lost",
    "samples lost",
    "samples doubled",
    "samples unsaid",
)


if __name__ == "__main__":
    figures = count(Path(sys.argv[1]))
    print(
        json.dumps(
            {
                name: len(value) if isinstance(value, list) else value
                for name, value in figures.items()
            },
            indent=1,
        )
    )
    for name in LOSSES:
        for item in figures[name][:10]:
            print(name, item)
