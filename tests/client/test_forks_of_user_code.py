"""Code of the user's that forks, and whose child comes back into the SDK: the VEN runs in the
parent alone, and says and does everything once.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

PROGRAM = """
import os, sys, time
from datetime import datetime
from ven_sdk import OpenADRClient
from ven_sdk.testing import LocalVTN, ReportWish
children = []
def fork(child, parent):
    # the VTN may hold a poll meanwhile, so that a lane of the child would need a new thread
    if children:
        return parent
    pid = os.fork()
    if pid == 0:
        {ends}
        return child
    children.append(pid)
    time.sleep(0.5)
    return parent
with LocalVTN(ask_for_reports=ReportWish(granularity=1, report_back_duration=1)) as vtn:
    client = OpenADRClient("v", vtn.url, poll_frequency=0.2, allow_jitter=False)
    client.add_report(lambda: {measure}, "meter", "voltage", sampling_rate=1)
    client.add_handler("on_event", lambda event: {decide})
    client.add_hook("before_send_xml", lambda text: {hook})
    client.start(wait=5)
    vtn.add_event(event_id="e", dtstart=3600)
    vtn.wait_for_opt("e")
    vtn.wait_for_samples(2)
    opt = client.create_opt("optOut", "economic", vavailability=[(datetime(2031, 1, 1), 3600)])
    (child,) = children
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and os.waitpid(child, os.WNOHANG)[0] == 0:
        time.sleep(0.05)
    answers = [answer.opt_type for answer in vtn.answers]
    opts = len(vtn.received_of("oadrCreateOpt"))
    client.stop()
    print(answers, opts, {{sample.value for sample in vtn.samples if sample.value}}, flush=True)
    ended = time.monotonic() < deadline
    if not ended:
        os.kill(child, 9)
    os._exit(not ended)
"""
PLAIN = {"measure": "1.0", "decide": "'optIn'", "hook": "None", "ends": "pass"}
FORKS = {
    "a handler": {"decide": "fork('optOut', 'optIn')"},
    "a callback": {"measure": "fork(2.0, 1.0)"},
    "a hook": {"hook": "'CreateOpt' in text and fork(None, None)"},
    "a handler whose child raises": {"decide": "fork('optOut', 'optIn')", "ends": "1 / 0"},
    "a handler whose child exits": {"decide": "fork('optOut', 'optIn')", "ends": "sys.exit(3)"},
}


@pytest.mark.parametrize("where", list(FORKS.values()), ids=list(FORKS))
def test_a_child_that_comes_back_ends_and_nothing_is_sent_twice(where: "dict[str, str]") -> None:
    program = PROGRAM.format(**{**PLAIN, **where})
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=40, check=False
    )

    assert (done.returncode, done.stdout) == (0, "['optIn'] 1 {1.0}\n"), done.stderr
