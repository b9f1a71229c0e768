"""``ven-sdk store``: look at a store, bring it up to date, copy it to another place."""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Optional

from ..errors import ConfigurationError, StoreError
from ..members.sites import OBSERVER
from ..state.leases import SLOTS
from ..state.lock import ProcessLock
from ..state.postgresql import PostgreSQLStore
from ..state.sqlite import SQLiteStore
from ..state.store import ChangeRow, Row, Store
from ..text import write_count
from ..wiring import store_of
from .console import Console
from .parser import whole_number

EPILOG = """\
STORE is a file, or postgresql://user@host/database[?schema=name] (the extra `postgresql`).
`copy` wants both stores for itself and an empty target; it reads everything back and compares."""

AT_ONCE = 2000
"""Rows in one transaction of a copy."""
MOST_COUNTED = 1000
"""VENs whose rows are counted."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="check|migrate|copy")
    check = actions.add_parser("check", help="say what is in it, and whether it is sound")
    check.add_argument("store", metavar="STORE")
    migrate = actions.add_parser("migrate", help="bring it to this version of ven_sdk")
    migrate.add_argument("store", metavar="STORE")
    copy = actions.add_parser("copy", help="copy all rows to another store")
    copy.add_argument("source", metavar="FROM")
    copy.add_argument("target", metavar="TO")
    copy.add_argument(
        "--slots",
        type=whole_number,
        default=SLOTS,
        help=f"slots of a target on PostgreSQL: {SLOTS} for a fleet, 1 for one client",
    )


def execute(options: argparse.Namespace, console: Console) -> int:
    """Exit code 0 where all is well."""
    if options.action == "check":
        return _check(options.store, console)
    if options.action == "migrate":
        return _migrate(options.store, console)
    return _copy(options.source, options.target, options.slots, console)


# --- check ----------------------------------------------------------------------------------------


def _check(name: str, console: Console) -> int:
    store = store_of(name)
    store.check()
    if isinstance(store, PostgreSQLStore):
        return _check_database(store, console)
    _require_file(store)
    with _open_copy(store.name) as copy:
        texts = copy.open()
        try:
            _tell(copy, store.name, console)
        finally:
            copy.close()
    for text in texts:
        console.error("store", text.replace(copy.name, store.name))
    return 1 if texts else 0


def _check_database(store: PostgreSQLStore, console: Console) -> int:
    version, known = store.version(), store.known_version
    if version == 0:
        console.error("store", f"{store.name} holds no store yet; it is made when it is used.")
        return 1
    if version < known:
        console.error("store", f"{store.name} has version {version} of {known}: migrate it.")
        return 1
    with _open_observer(store):
        _tell(store, store.name, console)
        members, slots = store.owners()
        owned = sum(slot.owner is not None and slot.seconds > 0 for slot in slots)
        alive = write_count(sum(member.alive for member in members), "member lives", "members live")
        console.line(f"  {len(slots)} slots, {owned} owned; {alive}")
    return 0


def _tell(store: Store, name: str, console: Console) -> None:
    vens = store.vens()
    rows = sum(len(store.load(ven)) for ven in vens[:MOST_COUNTED])
    about = "" if len(vens) <= MOST_COUNTED else f" (of the first {MOST_COUNTED})"
    held = f"{write_count(len(vens), 'VEN', 'VENs')}, {write_count(rows, 'row', 'rows')}"
    console.line(f"{name}: {held}{about}")


@contextmanager
def _open_copy(path: str) -> Iterator[SQLiteStore]:
    """A copy to look at: opening a damaged store moves it aside. StoreError while it is in use."""
    lock = ProcessLock(path + ".lock")
    lock.acquire(path)
    try:
        with tempfile.TemporaryDirectory() as folder:
            for part in ("", "-wal", ".lock"):
                if os.path.exists(path + part):
                    shutil.copy(path + part, os.path.join(folder, Path(path).name + part))
            yield SQLiteStore(os.path.join(folder, Path(path).name))
    finally:
        lock.release()


def _require_file(store: Store) -> None:
    if not os.path.exists(store.name):
        raise ConfigurationError(f"There is no store {store.name!r}.")


@contextmanager
def _open_observer(store: PostgreSQLStore, slots: int = 1) -> Iterator[None]:
    """Open without owning anything."""
    store.join(OBSERVER, 1.0, slots)
    store.open()
    try:
        yield
    finally:
        store.close()


# --- migrate --------------------------------------------------------------------------------------


def _migrate(name: str, console: Console) -> int:
    store = store_of(name)
    store.check()
    if isinstance(store, PostgreSQLStore):
        before = store.version()
        with _open_observer(store, SLOTS):
            console.line(f"{store.name}: version {before} before, {store.known_version} now.")
        return 0
    _require_file(store)
    texts = store.open()
    store.close()
    for text in texts:
        console.error("store", text)
    console.line(f"{store.name}: up to date.")
    return 1 if texts else 0


# --- copy -----------------------------------------------------------------------------------------


def _copy(source_name: str, target_name: str, slots: int, console: Console) -> int:
    if not 1 <= slots <= 65536:
        raise ConfigurationError(f"--slots must be from 1 to 65536, not {slots}.")
    source, target = store_of(source_name), _target(target_name, slots)
    source.check()
    target.check()
    if isinstance(source, PostgreSQLStore):
        if source.version() == 0:
            raise ConfigurationError(f"There is no store {source.name!r}.")
    else:
        _require_file(source)
    with ExitStack() as stack:
        for store in (source, target):
            for text in store.open():
                console.error("store", text)
            stack.callback(store.close)
        if target.vens():
            raise StoreError(
                f"The store {target.name!r} holds VENs already: copy into an empty one.",
                path=target.name,
            )
        rows, different = _copy_rows(source, target, console)
    if different is not None:
        console.error("store", f"The copy of {different!r} differs. Do not use it.")
        return 1
    copied = write_count(rows, "row", "rows")
    console.line(f"{copied} copied from {source.name} to {target.name}, and compared.")
    return 0


def _target(name: str, slots: int) -> Store:
    store = store_of(name)
    return PostgreSQLStore(name, slots=slots) if isinstance(store, PostgreSQLStore) else store


def _copy_rows(source: Store, target: Store, console: Console) -> tuple[int, Optional[str]]:
    """How many rows were copied, and the first VEN whose copy differs."""
    count, vens = 0, source.vens()
    for number, ven in enumerate(vens, 1):
        rows = source.load(ven)
        for start in range(0, len(rows), AT_ONCE):
            target.commit(ven, [ChangeRow(*row) for row in rows[start : start + AT_ONCE]])
        if _by_table(target.load(ven)) != _by_table(rows):
            return count, ven
        count += len(rows)
        console.progress(f"{number} of {write_count(len(vens), 'VEN', 'VENs')}")
    console.progress()
    return count, None


def _by_table(rows: list[Row]) -> dict[str, list[Row]]:
    """Rows are in order within their table only."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.table, []).append(row)
    return found
