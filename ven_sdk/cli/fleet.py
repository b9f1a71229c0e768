"""``ven-sdk fleet``: the members of a fleet on many machines, as their store knows them."""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import ConfigurationError
from ..members.sites import OBSERVER, store_of_fleet
from ..state.leases import LeasedStore, Member, SlotRow
from ..text import write_count
from .console import Console

EPILOG = """\
The store is given by --store or VEN_STORE: postgresql://user@host/database[?schema=name].
Any machine may ask. A member that drains gives all its VENs to the others and stays, without any,
until it is stopped or --undo."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="status|who|drain")
    status = actions.add_parser("status", help="members, what they run, slots without an owner")
    who = actions.add_parser("who", help="which member runs a VEN")
    who.add_argument("name", metavar="NAME", help="the VEN's ven_name")
    drain = actions.add_parser("drain", help="have a member give everything to the others")
    drain.add_argument("name", metavar="MEMBER")
    drain.add_argument("--undo", action="store_true", help="let it take its share again")
    for each in (status, who, drain):
        each.add_argument("--store", metavar="URL", default=os.environ.get("VEN_STORE"))
    for each in (status, who):
        each.add_argument("--json", action="store_true", help="print JSON")


def execute(options: argparse.Namespace, console: Console) -> int:
    """Exit code 0; 1 for a fleet with slots that nobody runs, a VEN or member that is not there.
    ``ConfigurationError`` for a store that cannot be read.
    """
    if not options.store:
        raise ConfigurationError("Which fleet? Give --store postgresql://..., or set VEN_STORE.")
    with _open_observer(options.store) as store:
        if options.action == "status":
            return _status(store, options.json, console)
        if options.action == "who":
            return _show_owner(store, options.name, options.json, console)
        return _drain(store, options.name, not options.undo, console)


@contextmanager
def _open_observer(url: str) -> Iterator[LeasedStore]:
    store = store_of_fleet(url)
    store.check()
    store.join(OBSERVER, 1.0, 1)
    if store.version() == 0:
        raise ConfigurationError(f"{store.name} holds no store yet: no member was ever started.")
    store.open()
    try:
        yield store
    finally:
        store.close()


def _status(store: LeasedStore, as_json: bool, console: Console) -> int:
    members, slots = store.owners()
    owned = Counter(slot.owner for slot in slots if slot.owner is not None and slot.seconds > 0)
    free = len(slots) - sum(owned.values())
    rows = [_facts(member, owned[member.owner]) for member in members]
    if as_json:
        console.line(json.dumps({"slots": len(slots), "free": free, "members": rows}, indent=2))
        return 1 if free else 0
    console.line(f"{'member':<24} {'state':<9} {'slots':>6} {'VENs':>8} {'registered':>11}  host")
    for row in rows:
        console.line(
            f"{row['name']:<24} {row['state']:<9} {row['slots']:>6} {row['vens']:>8} "
            f"{row['states'].get('registered', 0):>11}  {row['host']}"
        )
    vens = sum(row["vens"] for row in rows if row["state"] != "dead")
    run = write_count(vens, "VEN runs", "VENs run")
    console.line(f"{len(slots)} slots, {free} without an owner; {run}.")
    return 1 if free else 0


def _facts(member: Member, slots: int) -> dict[str, Any]:
    told = json.loads(member.facts)
    state = "dead" if not member.alive else "draining" if member.draining else "alive"
    return {
        "name": member.name,
        "state": state,
        "weight": member.weight,
        "slots": slots,
        "vens": told.get("vens", 0),
        "states": told.get("states", {}),
        "counters": told.get("counters", {}),
        "queues": told.get("queues", {}),
        "host": told.get("host", ""),
        "pid": told.get("pid"),
    }


def _show_owner(store: LeasedStore, name: str, as_json: bool, console: Console) -> int:
    misplaced = store.misplaced_vens([name])
    slot = misplaced.get(name, store.slot(name))
    members, slots = store.owners()
    row: SlotRow = slots[slot]
    names = {member.owner: member.name for member in members}
    owner = names.get(row.owner, row.owner) if row.owner and row.seconds > 0 else None
    known = bool(misplaced or store.load(name))
    if as_json:
        facts = {"ven": name, "slot": slot, "member": owner, "known": known}
        console.line(json.dumps(facts))
    else:
        rows = "" if known else " It has no rows there yet."
        console.line(f"{name} is in slot {slot}, which {owner or 'nobody'} has.{rows}")
    return 0 if owner and known else 1


def _drain(store: LeasedStore, name: str, draining: bool, console: Console) -> int:
    if not store.drain(name, draining):
        members, _ = store.owners()
        known = ", ".join(sorted({member.name for member in members})) or "none"
        console.error("fleet", f"There is no member {name!r}. There are: {known}.")
        return 1
    says = "gives its VENs to the others" if draining else "takes its share again"
    console.line(f"{name} {says}. See: ven-sdk fleet status")
    return 0
