"""``vtn.client(...)``: a client that shares the VTN's clock and trust; and what pytest shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from ven_sdk.testing import LocalVTN

pytest_plugins = ["pytester"]


def test_a_client_of_a_vtn_with_tls_is_believed_and_ends_with_it() -> None:
    with LocalVTN(tls=True, sign=True, verify=True) as vtn:
        client = vtn.client("site", on_event="optIn")
        client.start(wait=10)
        assert client.status.state == "registered"
    assert client.status.state == "stopped"


def test_what_was_not_seen_shows_the_line_of_the_test(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(root))
    pytester.makepyfile(
        """
        def test_it(local_vtn):
            event_id = local_vtn.add_event()
            local_vtn.assert_opted(event_id, 'optIn', timeout=0.01)  # the line that is wanted
        """
    )

    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")

    said = result.stdout.str()
    assert "the line that is wanted" in said and "NotSeen" in said
    assert "assertions.py:" not in said and "journal.py:" not in said
