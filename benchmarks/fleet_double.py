"""The VTN double of ``fleet_members.py``: canned answers, and how late each VEN's polls come.

``fleet_double.py PERIOD MEMBERS`` prints its port. ``/N/...`` is VEN N; member W connects to 127.0.0.1W, for a VEN's
address is the same wherever it runs. GET /stats is JSON: polls, VENs that polled since the last /reset, lateness (s)
of polls in 1/100 s steps, how many messages each service took, and this process's CPU seconds. GET /lost/W says how
many VENs were last heard from member W; from then on the statistics have how many of them were not heard from, and
did not poll, elsewhere.
"""

import array
import asyncio
import json
import sys
import time

import fixtures as fx


def http(body, ctype="application/xml"):
    return (f"HTTP/1.1 200 OK\r\nContent-Type: {ctype}\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


PERIOD = float(sys.argv[1])
REGISTERED_REPORT = (
    '<oadr:oadrRegisteredReport ei:schemaVersion="2.0b"><ei:eiResponse><ei:responseCode>200</ei:responseCode>'
    "<pyld:requestID>req-1</pyld:requestID></ei:eiResponse></oadr:oadrRegisteredReport>"
)
RESPONSE = http(fx.message("response"))
ANSWERS = {
    "EiRegisterParty": http(fx.message("registration")),
    "EiReport": http(fx.payload(fx.signed_object(REGISTERED_REPORT))),
    "EiEvent": http(fx.message("distribute", 0)),
}
LAST = array.array("d", [0.0]) * 2_000_000
STEPS = [0] * 6001
WHERE = array.array("b", [-1]) * 2_000_000
SEEN, SILENT, UNPOLLED = set(), set(), set()
SERVICES = {}
COUNTS = {"polls": 0, "requests": 0, "registrations": 0}


def lose(member):
    """The member is gone: its VENs are awaited elsewhere."""
    for awaited in (SILENT, UNPOLLED):
        awaited.clear()
        awaited.update(number for number, where in enumerate(WHERE) if where == member)
    return {"vens": len(SILENT)}


def polled(number):
    now = time.monotonic()
    before, LAST[number] = LAST[number], now
    COUNTS["polls"] += 1
    SEEN.add(number)
    if before:
        late = now - before - PERIOD
        STEPS[min(6000, max(0, int(late * 100)))] += 1


def reset():
    SEEN.clear()
    for step in range(len(STEPS)):
        STEPS[step] = 0
    SERVICES.clear()
    for name in COUNTS:
        COUNTS[name] = 0


def answer(path, member):
    if path.startswith("/stats"):
        awaited = {"silent": len(SILENT), "unpolled": len(UNPOLLED)}
        facts = {**COUNTS, **awaited, "services": SERVICES, "vens": len(SEEN), "cpu": time.process_time(), "steps": STEPS}
        return http(json.dumps(facts).encode(), "application/json")
    if path.startswith("/lost/"):
        return http(json.dumps(lose(int(path[6:]))).encode(), "application/json")
    if path.startswith("/reset"):
        reset()
        return http(b"{}", "application/json")
    COUNTS["requests"] += 1
    _, number, *_, service = path.split("/")
    number = int(number)
    WHERE[number] = member
    SERVICES[service] = SERVICES.get(service, 0) + 1
    SILENT.discard(number)
    if service == "OadrPoll":
        UNPOLLED.discard(number)
        polled(number)
    elif service == "EiRegisterParty":
        COUNTS["registrations"] += 1
    return ANSWERS.get(service, RESPONSE)


class Http(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.buffer = transport, b""
        self.member = int(transport.get_extra_info("sockname")[0].rpartition(".")[2]) - 10

    def data_received(self, data):
        self.buffer += data
        while True:
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if not found:
                return
            length = 0
            for line in head.split(b"\r\n")[1:]:
                if line[:15].lower() == b"content-length:":
                    length = int(line[15:])
            if len(rest) < length:
                return
            self.buffer = rest[length:]
            self.transport.write(answer(head.split(b" ", 2)[1].decode(), self.member))


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Http, "127.0.0.1", 0, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    own = [f"127.0.0.{10 + number}" for number in range(int(sys.argv[2]))]
    await loop.create_server(Http, own, port, backlog=1024)
    print(port, flush=True)
    await server.serve_forever()


asyncio.run(main())
