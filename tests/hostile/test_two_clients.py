"""Two clients with different fingerprints in one process: nothing signed for one is ever read by
the other.
"""

from __future__ import annotations

import threading

import pytest

from tests.oadr20b.security.forge import Forge, unsigned
from ven_sdk import OpenADRClient
from ven_sdk.errors import SecurityError
from ven_sdk.testing import pki

THREADS, MESSAGES = 8, 1000


@pytest.mark.long
def test_eight_threads_and_a_thousand_messages_none_accepted_by_the_wrong_client() -> None:
    sides = [pki.identity("vtn-left"), pki.identity("vtn-right")]
    exchanges = [
        OpenADRClient(
            "ven", "http://127.0.0.1:9", vtn_fingerprint=side.fingerprint
        )._engine.profile.exchange
        for side in sides
    ]
    messages = [
        (
            number % 2,
            Forge(sides[number % 2], nonce=f"nonce-{number}").bytes(unsigned(f"{number % 2}")),
        )
        for number in range(MESSAGES)
    ]
    accepted: dict[int, list[str]] = {0: [], 1: []}
    refused: list[str] = []

    def work(thread: int) -> None:
        """Both clients are given every message of this thread's share, the wrong one first or
        last.
        """
        for number in range(thread, MESSAGES, THREADS):
            side, data = messages[number]
            for reader in (side, 1 - side) if number % 3 else (1 - side, side):
                try:
                    record = exchanges[reader].read(data)
                    accepted[reader].append(getattr(record, "ven_id", ""))
                except SecurityError as error:
                    refused.append(str(error))

    threads = [
        threading.Thread(target=work, args=(number,), name=f"reader-{number}")
        for number in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {side: set(texts) for side, texts in accepted.items()} == {0: {"0"}, 1: {"1"}}
    assert len(accepted[0]) == len(accepted[1]) == MESSAGES // 2
    assert len(refused) == MESSAGES
    assert [text for text in refused if "has fingerprint" not in text] == []


def test_each_client_has_a_replay_memory_of_its_own() -> None:
    vtn = pki.identity("vtn")
    first, second = (
        OpenADRClient(
            "ven", "http://127.0.0.1:9", vtn_fingerprint=vtn.fingerprint
        )._engine.profile.exchange
        for _ in range(2)
    )
    data = Forge(vtn).bytes()

    first.read(data)
    second.read(data)

    for exchange in (first, second):
        with pytest.raises(SecurityError, match="seen before"):
            exchange.read(data)
