"""The order of ``doctor``'s steps, and walking them until the first broken link. The main thread
runs them.

A step is a function of the :class:`Examination`: it returns what it found in a sentence, or raises
:class:`BrokenLink`, which ends the checkup: nothing behind a broken link can be judged.
Explanations of TLS and HTTP failures are those of ``transport``.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...errors import VenError
from .advice import way_out
from .examination import FAILED, NOTE, OK, SKIPPED, BrokenLink, Examination, Finding, Step
from .message_checks import MESSAGE_STEPS
from .network_checks import NETWORK_STEPS
from .push_checks import PUSH_STEPS, TLS_ONLY
from .tls_checks import TLS_STEPS


def steps_for(exam: Examination) -> list[tuple[str, Step]]:
    """The steps on the way to ``exam.url``, in their order; a plain http:// address has no TLS
    ones.
    """
    plain = exam.url.strip().lower().startswith("http:")
    if exam.push:
        return [each for each in PUSH_STEPS if not (plain and each[0] in TLS_ONLY)]
    return [*NETWORK_STEPS, *([] if plain else TLS_STEPS), *MESSAGE_STEPS]


def examine(exam: Examination) -> Iterator[Finding]:
    """The findings, each as soon as it is made; after the first failure the rest is not reached."""
    steps, broken = steps_for(exam), ""
    names = [name for name, _ in steps]
    for name, step in steps:
        if broken and names.index(name) > names.index(broken):
            yield Finding(name, SKIPPED, f"not looked at: {broken!r} comes first")
        elif not broken:
            finding = _finding(name, step, exam)
            broken = finding.step if finding.state == FAILED else ""
            yield finding


def _finding(name: str, step: Step, exam: Examination) -> Finding:
    exam.notes, exam.details, exam.facts = [], [], {}
    try:
        text = step(exam)
    except BrokenLink as wrong:
        return Finding(
            wrong.step or name,
            FAILED,
            str(wrong),
            tuple(exam.details),
            way_out(str(wrong), wrong.advice),
            exam.facts,
        )
    except VenError as error:
        text = str(error)
        return Finding(name, FAILED, text, tuple(exam.details), way_out(text), exam.facts)
    except OSError as error:
        return Finding(
            name,
            FAILED,
            f"{'It' if exam.push else 'The VTN'} was there a moment ago, but now: "
            f"{error.strerror or error}. Try again.",
            tuple(exam.details),
            ""
            if exam.push
            else "If it stays so, what listens there may be no VTN: check the port in URL.",
            exam.facts,
        )
    return Finding(
        name,
        NOTE if exam.notes else OK,
        text,
        (*exam.details, *exam.notes),
        "",
        exam.facts,
    )
