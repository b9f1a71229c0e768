"""What many tests share: the example messages, one file for each kind of message and more where a
kind has several forms; how many examples a property test looks at; libraries of samples; waiting.
"""

from __future__ import annotations

import os
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import Any, Callable

import pytest
from hypothesis import settings

EXAMPLES = Path(__file__).resolve().parent / "data" / "wire-examples"


def wire_examples() -> list[Path]:
    """The example messages, in order."""
    return sorted(EXAMPLES.glob("*.xml"))


def examples(count: int) -> settings:
    """How many examples a property test looks at: ``count`` in CI, a third of them where a person
    waits for the tests, and as many as the profile has where more were asked for.
    """
    profile = settings.get_current_profile_name()
    if profile == "dev":
        return settings(max_examples=max(4, count // 3))
    return settings() if profile == "thorough" else settings(max_examples=count)


def has_libraries_of_samples() -> bool:
    """Whether all that ``test-samples`` brings is here: CI says so, and nothing is skipped then."""
    return "VEN_SDK_TEST_SAMPLES" in os.environ


def library(name: str) -> Any:
    """A library that samples, the notebook or manifests want, and few have; the test is skipped
    where it is not here.
    """
    if has_libraries_of_samples():
        return import_module(name)
    return pytest.importorskip(name, reason=f"pip install '.[test-samples]' brings {name}")


def eventually(condition: Callable[[], Any], what: str, seconds: float = 20.0) -> None:
    """Wait until ``condition()``; ``what`` names what did not come within ``seconds``."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        threading.Event().wait(0.01)
