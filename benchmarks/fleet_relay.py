"""A network that can be made slow: passes two TCP ports on. Used by ``fleet_troubles.py``.

``fleet_relay.py HOST DATABASE_PORT VTN_PORT`` listens on two ports of HOST, prints them, and passes
connections on to those ports of 127.0.0.1. A line on stdin says by how many seconds everything is
delayed from then on, about.
"""

import asyncio
import random
import sys

DELAY = [0.0]


async def pass_on(reader, writer):
    """Each piece a while after it came, in order; what is under way holds nothing up."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue()

    async def send():
        while True:
            at, data = await queue.get()
            await asyncio.sleep(max(0.0, at - loop.time()))
            if not data:
                break
            writer.write(data)
            await writer.drain()
        writer.close()

    sender, last = asyncio.create_task(send()), 0.0
    try:
        while True:
            data = await reader.read(65536)
            last = max(last, loop.time() + DELAY[0] * random.uniform(0.5, 1.5))
            queue.put_nowait((last, data))
            if not data:
                return
    except OSError:
        queue.put_nowait((0.0, b""))
    finally:
        await asyncio.gather(sender, return_exceptions=True)


def relay(port):
    async def connect(reader, writer):
        try:
            there, back = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(pass_on(reader, back), pass_on(there, writer), return_exceptions=True)

    return connect


async def main(host, *ports):
    servers = [await asyncio.start_server(relay(int(port)), host, 0) for port in ports]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        DELAY[0] = float(line)


asyncio.run(main(*sys.argv[1:]))
