"""What many tests share: the example messages, one file for each kind of message and more where a
kind has several forms; how many examples a property test looks at.
"""

from __future__ import annotations

from pathlib import Path

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
