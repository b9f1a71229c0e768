"""Ending a listener, whatever its accepting thread is at."""

from __future__ import annotations

import socket

from ven_sdk.push.acceptor import Acceptor, Limits


def test_stop_ends_an_acceptor_whose_thread_has_noticed_before_it_was_woken() -> None:
    acceptor = Acceptor("127.0.0.1", 0, lambda _: None, Limits(), 5)
    acceptor.start()
    acceptor._stopping.set()  # as stop() does first; a connection wakes the thread right then
    with socket.create_connection(acceptor.address):
        acceptor._thread.join(5)
    assert not acceptor._thread.is_alive()

    assert acceptor.stop(5) == ()
