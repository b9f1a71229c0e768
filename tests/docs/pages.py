"""The Python blocks of a page of the documentation, and running them as a reader would who types
them in, top to bottom.

rst comments tell what a page cannot show: ``.. fragment`` before a block that is compiled only;
``.. meanwhile`` with code that runs beside the next block once its VEN is registered (a block that
calls ``run()`` is stopped after it); ``.. behold`` with code that runs after the blocks above.
``vtn`` in such code is the VTN that the page talks to.
"""

from __future__ import annotations

import re
import socket
import textwrap
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from ven_sdk import Fleet, OpenADRClient
from ven_sdk.testing import LocalVTN

_START = re.compile(r"^\.\. (?:code-block:: (python)|(fragment|meanwhile|behold))\s*$")
SECONDS = 30


@dataclass(frozen=True)
class Block:
    """A block: ``python``, ``fragment``, ``meanwhile`` or ``behold``; its text, and the line where
    it begins.
    """

    kind: str
    line: int
    text: str


def blocks_of(page: Path) -> list[Block]:
    """All blocks of a page, in order."""
    lines = page.read_text(encoding="utf-8").splitlines()
    found: list[Block] = []
    fragment = False
    for number, line in enumerate(lines):
        start = _START.match(line)
        if start is None:
            continue
        if start.group(2) == "fragment":
            fragment = True
            continue
        first, text = _indented(lines, number + 1)
        found.append(
            Block("fragment" if fragment else start.group(1) or start.group(2), first, text)
        )
        fragment = False
    return found


def _indented(lines: list[str], number: int) -> "tuple[int, str]":
    taken: list[str] = []
    while number + len(taken) < len(lines) and (
        not lines[number + len(taken)].strip() or lines[number + len(taken)][0] == " "
    ):
        taken.append(lines[number + len(taken)])
    while taken and (not taken[0].strip() or taken[0].strip().startswith(":")):
        taken.pop(0)
        number += 1
    return number, textwrap.dedent("\n".join(taken)) + "\n"


class Stage:
    """Runs the blocks of one page against ``vtn`` (plain) and ``secure`` (mutual TLS, signatures),
    in one namespace.
    """

    def __init__(self, page: Path, vtn: LocalVTN, secure: Optional[LocalVTN], **names: Any) -> None:
        self.page, self.vtn, self.secure = page, vtn, secure
        self._ports: dict[str, int] = {}
        self.names: dict[str, Any] = {"__name__": "page", "vtn": vtn, "secure": secure, **names}
        self._meanwhile: Optional[Block] = None
        self._failure: Optional[BaseException] = None

    def run(self, block: Block) -> None:
        """Run one block; what it raises goes on."""
        if block.kind == "fragment":
            self._compiled(block)
        elif block.kind == "meanwhile":
            self._meanwhile = block
        else:
            self._beside(block)

    def close(self) -> None:
        """Stop whatever the page has started."""
        for value in list(self.names.values()):
            if isinstance(value, (OpenADRClient, Fleet)):
                value.stop(2)

    def _beside(self, block: Block) -> None:
        """Run a block and, on a thread of its own, what goes on meanwhile."""
        beside, self._meanwhile = self._meanwhile, None
        runs = re.search(r"^\s*(\w+)\.run\(\)", block.text, re.MULTILINE)
        thread = None
        if runs or beside:
            thread = threading.Thread(
                target=self._accompany, args=(beside, runs.group(1) if runs else None)
            )
            thread.start()
        try:
            exec(self._compiled(block), self.names)
        finally:
            if thread is not None:
                thread.join(SECONDS)
        if self._failure is not None:
            raise self._failure

    def _accompany(self, beside: Optional[Block], runner: Optional[str]) -> None:
        try:
            self._wait_for_a_poll()
            if beside is not None:
                exec(self._compiled(beside), self.names)
        except BaseException as failure:
            self._failure = failure
        finally:
            if runner is not None and runner in self.names:
                self.names[runner].stop(2)

    def _wait_for_a_poll(self) -> None:
        """Until a VEN polls one of the VTNs anew."""
        places = [(vtn, vtn.mark()) for vtn in (self.vtn, self.secure) if vtn is not None]
        deadline = time.monotonic() + SECONDS
        while not any(vtn.received_of("oadrPoll", after=after) for vtn, after in places):
            assert time.monotonic() < deadline, f"no VEN polled: {self.vtn.story()}"
            time.sleep(0.05)

    def _compiled(self, block: Block) -> Any:
        return compile(
            "\n" * block.line + self._here(block.text), str(self.page), "exec", dont_inherit=True
        )

    def _free_port(self, instead_of: str) -> int:
        """A port of this machine, the same one for the whole page."""
        if instead_of not in self._ports:
            with socket.create_server(("127.0.0.1", 0)) as taken:
                self._ports[instead_of] = int(taken.getsockname()[1])
        return self._ports[instead_of]

    def _here(self, text: str) -> str:
        """The text with this machine's places in the place of the page's."""
        text = text.replace("localhost:8080", f"127.0.0.1:{self.vtn.port}").replace(
            "/var/lib/ven/", ""
        )
        for port in ("8443", "8450"):  # where VENs listen for pushes
            if f":{port}'" in text or f":{port}/" in text:
                text = text.replace(f":{port}", f":{self._free_port(port)}")
        if self.secure is not None:
            text = re.sub(
                r"https://vtn\.example\.com(?::\d+)?(?:/OpenADR2/Simple/2\.0b)?",
                self.secure.url,
                text,
            )
            text = re.sub(
                r"(?:AA:BB|aa:bb)(?::(?:[0-9A-Fa-f]{2}|\.\.\.))+", self.secure.fingerprint, text
            )
        return text
