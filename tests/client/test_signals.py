"""No signal is lost, whenever it comes: the handler only notes it, and the main thread looks."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from ven_sdk.runtime.signals import until_signal


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_whatever_moment_it_comes(number: int) -> None:
    for place in range(4):
        ended, stopped = threading.Event(), threading.Event()
        timer = threading.Timer(0.001 * place, os.kill, (os.getpid(), number))
        timer.name = "signal"
        until_signal(timer.start, ended, stopped.set)
        assert stopped.is_set()
        timer.join()


def test_a_signal_in_the_middle_of_starting_is_not_forgotten() -> None:
    ended, stopped = threading.Event(), threading.Event()

    def start() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        ended.clear()

    until_signal(start, ended, stopped.set)
    assert stopped.is_set()


def test_the_handlers_found_are_put_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    until_signal(lambda: os.kill(os.getpid(), signal.SIGTERM), threading.Event(), lambda: None)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_signal_while_the_event_is_held_does_not_block_the_main_thread() -> None:
    """What once hung: a handler that takes the lock that the interrupted thread holds."""
    ended = threading.Event()

    def start() -> None:
        with ended._cond:  # type: ignore[attr-defined]
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0)

    until_signal(start, ended, lambda: None)
