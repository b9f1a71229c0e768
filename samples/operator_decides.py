"""A person decides: events are deferred until somebody says yes or no.

    curl localhost:8090                     what is waiting
    curl -X POST localhost:8090/EVENT/in    take part
    curl -X POST localhost:8090/EVENT/out   do not

CONSOLE is the port. Whoever does not decide within ten minutes has opted out; a later answer is
sent as a change.
"""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from ven_sdk import DEFER, OpenADRClient, StateError, enable_default_logging

client = OpenADRClient(
    ven_name="operator-ven",
    vtn_url=os.environ.get("VTN_URL", "http://localhost:8080"),
    opt_timeout=600,
)
waiting = {}


@client.on("on_event")
def ask(event):
    """Called for new and for modified events: both want a decision."""
    waiting[event.event_id] = event.to_dict()
    print(
        f"Event {event.event_id} from {event.active_period.dtstart} waits for a decision.",
        flush=True,
    )
    return DEFER


@client.on("on_cancel_event")
def forget(event, implied):
    """Nothing is left to decide."""
    waiting.pop(event.event_id, None)


class Console(BaseHTTPRequestHandler):
    """The operator's page, for this machine only."""

    def do_GET(self):
        self._answer(200, json.dumps(waiting, default=str, indent=2))

    def do_POST(self):
        event_id, _, choice = self.path.strip("/").rpartition("/")
        decide = {"in": client.opt_in, "out": client.opt_out}.get(choice)
        if decide is None:
            return self._answer(404, "POST to /EVENT/in or /EVENT/out.")
        try:
            decide(unquote(event_id))
        except StateError as error:
            return self._answer(409, str(error))
        waiting.pop(unquote(event_id), None)
        return self._answer(200, f"{unquote(event_id)}: {choice}")

    def _answer(self, status, text):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode() + b"\n")


if __name__ == "__main__":
    enable_default_logging()
    console = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("CONSOLE", "8090"))), Console)
    threading.Thread(target=console.serve_forever, daemon=True).start()
    client.run()
    console.shutdown()
    console.server_close()
