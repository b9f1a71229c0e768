"""Holds what VENs send in tests against the official XSD, the one in openleadr's package data.

``WATCH.watched(function)`` wraps whatever takes the bytes of an outgoing message; the fixture
``xsd_watch`` of conftest.py fails the test that sent an invalid one. Bodies are only kept while the
test runs and validated after it, so that timings stay what they are. Any thread may send.
"""

from __future__ import annotations

import functools
import importlib.util
import threading
from pathlib import Path
from typing import Any, Callable, Optional, TypeVar

from lxml import etree

Function = TypeVar("Function", bound=Callable[..., Any])


def schema_file() -> Optional[Path]:
    """The official schema's root file, found without importing openleadr; None where openleadr is
    not installed.
    """
    spec = importlib.util.find_spec("openleadr")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder, "schema", "oadr_20b.xsd")
        if path.is_file():
            return path
    return None


def load_schema() -> Optional[etree.XMLSchema]:
    """The official XSD, compiled (about 10 ms), or None. A compiled schema serves one thread at a
    time.
    """
    path = schema_file()
    return (
        etree.XMLSchema(etree.parse(str(path), etree.XMLParser(no_network=True))) if path else None
    )


class XsdWatch:
    """Collects outgoing bodies and says which of them the XSD refuses. Memory is bounded by
    ``keep`` bodies.
    """

    def __init__(self, keep: int = 500) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._schema: Optional[etree.XMLSchema] = None
        self._bodies: list[bytes] = []
        self._faults: list[str] = []
        self.checked = 0
        self.invalid = 0

    def watched(self, function: Function) -> Function:
        """``function`` as it is, except that its first ``bytes`` argument is collected before it is
        called.
        """

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            self.see(next(value for value in (*args, *kwargs.values()) if isinstance(value, bytes)))
            return function(*args, **kwargs)

        return wrapper  # type: ignore[return-value]

    def see(self, body: bytes) -> None:
        """Collect one outgoing body."""
        with self._lock:
            self._bodies.append(body)
            if len(self._bodies) >= self._keep:
                self._check()

    def faults(self) -> list[str]:
        """What the XSD refused since the last call, each with its reason; empty when all was
        valid.
        """
        with self._lock:
            self._check()
            faults, self._faults = self._faults, []
            return faults

    def _check(self) -> None:
        bodies, self._bodies = self._bodies, []
        if not bodies:
            return
        self._schema = self._schema or load_schema()
        for body in bodies if self._schema else ():
            self.checked += 1
            reason = self._refused(body)
            if reason:
                self.invalid += 1
                self._faults.append(f"{reason}\n{body[:2000].decode('utf-8', 'replace')}")

    def _refused(self, body: bytes) -> str:
        try:
            document = etree.fromstring(body)
        except etree.XMLSyntaxError as error:
            return f"not XML: {error}"
        if self._schema.validate(document):
            return ""
        return "; ".join(entry.message for entry in self._schema.error_log)


WATCH = XsdWatch()
