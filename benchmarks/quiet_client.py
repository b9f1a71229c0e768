"""A whole client whose VTN is a function: nothing on the wire, so that only the client is
measured.
"""

import os
import sys
from datetime import datetime, timezone

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

import fixtures as fx  # noqa: E402
from adapter_ven_sdk import client_of, first_done  # noqa: E402

NOTHING, CATALOGUE = fx.message("response"), fx.message("catalogue")


class QuietClient:
    """``answer(service)`` gives the bytes of each reply. Polls happen when ``poll()`` is called, on
    the calling thread.
    """

    def __init__(self, answer=lambda service: NOTHING):
        from ven_sdk.runtime.conversation import pace
        from ven_sdk.transport.sessions import Reply

        pace.MESSAGES_A_MINUTE = 10**9  # polls are as many as are wanted

        self.client = client_of("http://localhost:1/OpenADR2/Simple/2.0b", False, None)
        self.answered = 0

        def post(url, body, *_, **__):
            self.answered += b"oadrCreatedEvent" in body
            text = CATALOGUE if b"oadrRegisterReport" in body else answer(url.rpartition("/")[2])
            return Reply(200, text, datetime.now(timezone.utc).replace(microsecond=0), 0.0)

        self.client._lifecycle.identity.connections.post = post
        self.engine = self.client._engine

    def start(self):
        self.client.start(wait=10)
        first_done(self.client)
        self.engine.pools["exchange"].settle(5)
        return self

    def settle(self):
        """Wait until handlers have returned and their answers are out: the client's own threads do
        that.
        """
        for _ in range(2):
            for pool in ("handler", "exchange"):
                self.engine.pools[pool].settle(10)

    def poll(self):
        conversation = self.engine.conversation
        conversation.polling.fail()
        conversation._run(conversation.lanes.states[0])
