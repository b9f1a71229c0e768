"""openleadr's own VTN in a process of its own: ``python tests/peers/openleadr_vtn.py [JSON]``.

The configuration is the argument or the first line of stdin; further lines are commands, answered
on stdout, where every exchange is told as well (one JSON object a line). Ends when stdin does, so
that it never outlives its test. ``openleadr_peer.OpenleadrVTN`` is the other end. One thread: the
event loop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import Any, Optional

import peer_lines
from openleadr import OpenADRServer
from openleadr.service import VTNService
from openleadr_desk import Desk
from openleadr_watch import Watch

SERVER_OPTIONS = (
    "vtn_id",
    "cert",
    "key",
    "passphrase",
    "http_port",
    "http_cert",
    "http_key",
    "http_key_passphrase",
    "http_ca_file",
    "http_path_prefix",
    "requested_poll_freq",
    "verify_message_signatures",
)


class Out:
    """The real stdout. ``sys.stdout`` goes to stderr from now on, since openleadr prints
    banners.
    """

    def __init__(self, raw_log: Optional[str]) -> None:
        self._pipe = os.dup(1)
        os.dup2(2, 1)
        self._raw_log = (
            os.open(raw_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND) if raw_log else None
        )

    def tell(self, kind: str, facts: dict[str, Any]) -> None:
        """One line out; exchanges go to the raw log too."""
        line = peer_lines.dump({"kind": kind, **facts})
        if self._raw_log is not None and kind == "exchange":
            os.write(self._raw_log, line)
        while line:
            line = line[os.write(self._pipe, line) :]


class _LogLines(logging.Handler):
    """openleadr's warnings and errors become notifications."""

    def __init__(self, out: Out) -> None:
        super().__init__(logging.WARNING)
        self._out = out

    def emit(self, record: logging.LogRecord) -> None:
        self._out.tell("log", {"level": record.levelname, "text": record.getMessage()})


def build(config: dict[str, Any], out: Out) -> "tuple[OpenADRServer, Desk]":
    """The VTN and the desk that answers for its operator, wired together."""
    desk = Desk(config, out.tell)
    options = {name: config[name] for name in SERVER_OPTIONS if config.get(name) is not None}
    lookup = config.get("lookup", "ven_lookup")
    if lookup == "ven_lookup":
        options["ven_lookup"] = desk.ven_lookup
    elif lookup == "fingerprint_lookup":
        options["fingerprint_lookup"] = desk.fingerprint_lookup
    server = OpenADRServer(show_fingerprint=False, **options)
    # openleadr sets a partial there, which is a method from Python 3.14 on and gets ``self``
    VTNService._create_message = staticmethod(vars(VTNService)["_create_message"])
    watch = Watch(out.tell, settled=desk.settled, bodies=config.get("bodies", True))
    server.app.middlewares.append(watch.middleware)
    if config.get("max_body"):
        server.app._client_max_size = config["max_body"]
    desk.attach(server, watch)
    return server, desk


async def lines_of_stdin() -> asyncio.StreamReader:
    """stdin without a thread."""
    reader = asyncio.StreamReader(limit=1 << 26)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    return reader


async def serve(arguments: list[str]) -> None:
    """Run until stdin ends or the command ``stop`` comes."""
    stdin = await lines_of_stdin()
    config = peer_lines.load(arguments[0].encode() if arguments else await stdin.readline())
    out = Out(config.get("raw_log"))
    logging.getLogger("openleadr").addHandler(_LogLines(out))
    server, desk = build(config, out)
    await server.run()
    host, port = server.app_runner.addresses[0][:2]
    out.tell(
        "ready", {"host": host, "port": port, "pid": os.getpid(), "script": Path(__file__).name}
    )
    async for line in stdin:
        command = peer_lines.load(line)
        if command["command"] == "stop":
            break
        out.tell("reply", desk.obey(command))
    await asyncio.wait_for(server.stop(), 2)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1:]))
