"""How a program with a client ends: signals, exit codes, stuck handlers, an exit without stop(),
fork(). Real processes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import Callable

import pytest

from tests.durability.raw_vtn import RawVTN

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and fork() as POSIX has them")
Program = Callable[..., "subprocess.Popen[str]"]

BOUND = 8
"""Seconds, on a slow machine too: less than ``stop()`` may take, and than a VTN may let wait."""
VEN = """
import logging, os, signal, sys, threading, time
from ven_sdk import OpenADRClient, enable_default_logging
enable_default_logging("WARNING")
for handler in logging.getLogger("ven_sdk").handlers:
    handler.addFilter(lambda record: "not authenticated" not in record.getMessage())
client = OpenADRClient("ven1", sys.argv[1], poll_frequency=0.2, allow_jitter=False)
def say(text):
    print(text, flush=True)
"""


def ended(process: "subprocess.Popen[str]", seconds: float = 60) -> str:
    """What it wrote to stderr, once it has ended by itself."""
    return process.communicate(timeout=seconds)[1]


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


RUNNING = (
    VEN
    + """
client.add_handler("on_event", lambda event: "optIn")
client.add_handler("on_registered", lambda: say("registered"))
before = signal.signal(signal.SIGTERM, lambda *_: say("mine"))
mine = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
client.run()
assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == mine
assert [thread.name for thread in threading.enumerate() if thread.name.startswith("ven_sdk")] == []
say(f"after run, {client.status.state}")
"""
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_run_in_order_with_exit_code_0_and_the_handlers_put_back(
    number: int, vtn: RawVTN, program: Program
) -> None:
    process = program(RUNNING, vtn.url)
    assert line(process) == "registered"
    assert vtn.wait(lambda: vtn.count("oadrPoll"))
    begun = time.monotonic()
    process.send_signal(number)
    assert line(process) == "after run, stopped"
    assert ended(process) == ""
    assert process.returncode == 0
    assert time.monotonic() - begun < BOUND


def test_a_signal_ends_run_while_the_vtn_cannot_be_reached(program: Program) -> None:
    vtn = RawVTN().reserve()
    process = program(VEN + "say('go'); client.run(); say('after')", vtn.url)
    assert line(process) == "go"
    time.sleep(0.5)
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert line(process) == "after"
    assert "Traceback" not in ended(process)
    assert process.returncode == 0
    assert time.monotonic() - begun < BOUND


def test_what_is_owed_goes_out_after_the_signal(vtn: RawVTN, program: Program) -> None:
    process = program(
        VEN
        + """
def decide(event):
    say("deciding")
    time.sleep(1)
    return "optIn"
client.add_handler("on_event", decide)
client.run()
""",
        vtn.url,
    )
    vtn.add_event("e1")
    assert line(process) == "deciding"
    process.send_signal(signal.SIGTERM)
    assert "Traceback" not in ended(process)
    assert process.returncode == 0
    assert vtn.count("oadrCreatedEvent") == 1
    assert b"optIn" in vtn.bodies("oadrCreatedEvent")[0]


STUCK = (
    VEN
    + """
def never(event):
    say("stuck")
    threading.Event().wait()
client.add_handler("on_event", never)
wait = threading.Event().wait
client.add_report(lambda: wait(), resource_id="d", measurement="voltage", sampling_rate=1)
signal.signal(signal.SIGALRM, lambda *_: client.stop(timeout=1))
client.run()
say("over")
"""
)


def test_stuck_user_code_is_named_and_does_not_keep_the_program_from_ending(
    vtn: RawVTN, program: Program
) -> None:
    process = program(STUCK, vtn.url)
    vtn.add_event("e1")
    assert line(process) == "stuck"
    time.sleep(1.5)
    begun = time.monotonic()
    process.send_signal(signal.SIGALRM)
    assert line(process) == "over"
    errors = ended(process)
    assert time.monotonic() - begun < BOUND
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert "on_event of ven1" in errors
    assert "report callback" in errors
    assert "left behind" in errors


def test_a_second_ctrl_c_does_not_wait_for_what_is_owed(vtn: RawVTN, program: Program) -> None:
    process = program(
        VEN
        + """
def never(event):
    say("stuck")
    threading.Event().wait()
client.add_handler("on_event", never)
client.run()
""",
        vtn.url,
    )
    vtn.add_event("e1")
    assert line(process) == "stuck"
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in ended(process)
    assert time.monotonic() - begun < BOUND
    assert process.returncode != 0


@pytest.mark.parametrize("exit_by", ["", "sys.exit(3)", "raise SystemExit(3)"])
def test_an_interpreter_that_exits_without_stop_does_not_hang(
    exit_by: str, vtn: RawVTN, program: Program
) -> None:
    process = program(
        VEN
        + f"""
client.add_handler("on_event", lambda event: time.sleep(60))
client.start(wait=5)
time.sleep(0.5)
{exit_by}
""",
        vtn.url,
    )
    vtn.add_event("e1")
    errors = ended(process)
    assert process.returncode == (3 if exit_by else 0)
    assert "Traceback" not in errors and "Fatal" not in errors, errors


FORKING = (
    VEN
    + """
from ven_sdk import StateError
client.start(wait=5)
child = os.fork()
if child == 0:
    opt = lambda: client.create_opt("optIn", "x")
    for use in (client.start, client.stop, client.register, client.request_events, opt):
        try:
            use()
        except StateError as error:
            say("in its fork" in str(error))
    say(client.status.state)
    os._exit(0)
os.waitpid(child, 0)
time.sleep(0.3)
client.stop()
say("parent " + client.status.state)
"""
)


def test_the_child_of_a_fork_is_told_so_and_the_parent_goes_on(
    vtn: RawVTN, program: Program
) -> None:
    process = program(FORKING, vtn.url)
    output, errors = process.communicate(timeout=60)
    assert output.split("\n")[:5] == ["True"] * 5
    assert "parent stopped" in output and process.returncode == 0, errors


def test_run_works_off_the_main_thread_and_leaves_the_signal_handlers_alone(
    vtn: RawVTN, program: Program
) -> None:
    process = program(
        VEN
        + """
client.add_handler("on_event", lambda event: "optIn")
client.add_handler("on_registered", lambda: say("registered"))
before = signal.getsignal(signal.SIGINT)
thread = threading.Thread(target=client.run)
thread.start()
time.sleep(1)
assert signal.getsignal(signal.SIGINT) is before
client.stop()
thread.join(5)
say(f"{thread.is_alive()} {client.status.state}")
""",
        vtn.url,
    )
    output, errors = process.communicate(timeout=60)
    assert output.split("\n")[:2] == ["registered", "False stopped"], errors
    assert process.returncode == 0
    assert "Traceback" not in errors
