"""One member of a fleet, for any runner: systemd, Kubernetes, Ray, or a shell.

VEN_STORE is the database that all members share, MEMBER_NAME this one's name for good. Which VENs
there are is in the store's table of sites (put there by ``sites.py``). SIGTERM ends it in order.
"""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ven_sdk import FleetMember, enable_default_logging
from ven_sdk.metrics import member_exposition


def decide(ven, event):
    """The answer to a new event, for every VEN that names ``decide`` or has no handler."""
    print(f"{ven.ven_name}: {event.event_id}", flush=True)
    return "optIn"


def read_meter():
    """The value of a data point whose site names ``read_meter``. It may block."""
    return 4200


def make_member():
    """The member that the environment describes."""
    member = FleetMember(
        store=os.environ["VEN_STORE"],
        name=os.environ.get("MEMBER_NAME"),
        lease=float(os.environ.get("MEMBER_LEASE", "15")),
        functions={"read_meter": read_meter, "decide": decide},
    )
    member.add_handler("on_event", decide)
    return member


def serve_health(member, port):
    """/live while the process lives, /health 200 or 503 with what is wrong as JSON, /metrics."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            health = member.health()
            ok = bool(health) or self.path != "/health"
            self.send_response(200 if ok else 503)
            self.end_headers()
            told = json.dumps(health.to_dict())
            text = member_exposition(member) if self.path == "/metrics" else told
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    host = os.environ.get("HEALTH_HOST", "127.0.0.1")
    server = ThreadingHTTPServer((host, port), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()


if __name__ == "__main__":
    enable_default_logging()
    member = make_member()
    if os.environ.get("HEALTH_PORT"):
        serve_health(member, int(os.environ["HEALTH_PORT"]))
    member.run()
