"""A fork may come while another thread gives the store back: the child says nothing of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import os, sys
from ven_sdk.state.lock import ProcessLock

lock = ProcessLock(sys.argv[1])
lock.acquire("ven.db")
os.close(lock._file)  # where release() is when the fork comes
child = os.fork()
if child == 0:
    os._exit(0)
sys.exit(os.waitpid(child, 0)[1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_while_the_lock_is_given_back_is_silent(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path / "ven.db.lock")],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
