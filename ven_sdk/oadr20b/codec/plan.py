"""From a record's declaration to the tree of elements that reader and writer follow. Made once a
class, then shared.

The paths of a record's fields are folded into one tree: neighbours that share wrappers share nodes.
What is particular to a kind of field is the readers' and writers'; this module knows only the
shape.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from re import Pattern
from typing import Callable, NamedTuple, Optional

from ...schema.declaration import Declaration
from ...schema.record import Record
from ...schema.units import UNITS
from .namespaces import local_name, tag


class Node:
    """One element: a wrapper with ``nodes`` inside, or the end of a path with the ``field`` that it
    feeds and its ``declaration``. ``match`` says whether a text is right where a pattern is
    declared.

    Where to find a child among ``nodes``: ``index`` by tag, ``names`` by local name where that is
    enough, ``deeper`` the wrapper of one that stands here without it.
    """

    __slots__ = (
        "deeper",
        "field",
        "index",
        "match",
        "name",
        "names",
        "nodes",
        "optional",
        "declaration",
        "tag",
    )

    def __init__(self, name: str, optional: bool) -> None:
        self.name: str = name
        self.tag: str = tag(name)
        self.optional: bool = optional
        self.declaration: Optional[Declaration] = None
        self.field: str = ""
        self.nodes: list[Node] = []
        self.index: dict[str, int] = {}
        self.names: dict[str, int] = {}
        self.deeper: dict[str, int] = {}
        self.match: Optional[Callable[[str], object]] = None

    @property
    def repeated(self) -> bool:
        """Whether the element itself may stand there several times."""
        return self.declaration is not None and self.declaration.kind in ("texts", "children")

    def leaves(self) -> Iterator["Node"]:
        """The ends of paths in and below this node."""
        if self.declaration is not None:
            yield self
        for node in self.nodes:
            yield from node.leaves()

    def inner_names(self, depth: int = 0) -> Iterator[tuple[int, str]]:
        """The local names of what the wrappers in this one hold, and how deep."""
        for node in self.nodes:
            yield depth, local_name(node.tag)
            yield from node.inner_names(depth + 1)

    def build_index(self) -> None:
        """Index the children by tag, and by name alone where that is enough to tell them apart. A
        unit is found under any of the tags that may stand for it. ``deeper`` knows the wrapper of
        what a peer may have put here without it.
        """
        for position, node in enumerate(self.nodes):
            tags = (
                UNIT_TAGS
                if node.declaration is not None and node.declaration.kind == "measurement"
                else (node.tag,)
            )
            self.index.update((known, position) for known in tags)
            node.build_index()
        names = [known.rpartition("}")[2] for known in self.index]
        self.names = {
            name: position
            for name, position in zip(names, self.index.values())
            if names.count(name) == 1
        }
        self.deeper = _outermost(
            [
                (depth, name, position)
                for position, node in enumerate(self.nodes)
                for depth, name in node.inner_names()
                if name not in names
            ]
        )


def _outermost(held: list[tuple[int, str, int]]) -> dict[str, int]:
    """The position of each name, where only one is the least deep."""
    least = {name: min(each[0] for each in held if each[1] == name) for _, name, _ in held}
    counts = Counter((name, depth) for depth, name, _ in held)
    return {
        name: position
        for depth, name, position in held
        if depth == least[name] and counts[name, depth] == 1
    }


class Plan(NamedTuple):
    """How one class of records lies in XML."""

    root: Node
    attributes: tuple[tuple[str, str, Callable[[str], object]], ...]
    """Field, name on the wire, and what its text has to match."""


def record_of(declaration: Declaration) -> type[Record]:
    """The class of the records in a declaration for such."""
    assert declaration.record is not None and issubclass(declaration.record, Record)
    return declaration.record


UNIT_TAGS: dict[str, str] = {tag(f"{kind.prefix}:{name}"): name for name, kind in UNITS.items()}
"""The unit elements, which substitute for the abstract ``emix:itemBase``, and the names that they
stand for.
"""


@cache
def plan_of(cls: type[Record]) -> Plan:
    """The plan of a class of records."""
    root = Node("oadr:" + cls.__name__, False)
    attributes = []
    for field, declaration in cls.declared.items():
        if declaration.kind == "attribute":
            attributes.append(
                (field, tag(declaration.path), re.compile(declaration.pattern).fullmatch)
            )
        elif declaration.path:
            _place(root, field, declaration)
    root.build_index()
    return Plan(root, tuple(attributes))


def _place(root: Node, field: str, declaration: Declaration) -> None:
    """Hang a field into the tree, under the wrapper that the field before it has used where it is
    the same.
    """
    *wrappers, last = declaration.path.split("/")
    node = root
    for wrapper in wrappers:
        name = wrapper.rstrip("?")
        if not node.nodes or node.nodes[-1].name != name or node.nodes[-1].declaration is not None:
            node.nodes.append(Node(name, wrapper.endswith("?")))
        node = node.nodes[-1]
    leaf = Node(last.rstrip("?"), declaration.optional or last.endswith("?"))
    leaf.declaration, leaf.field = declaration, field
    if declaration.pattern:
        pattern: Pattern[str] = re.compile(declaration.pattern)
        leaf.match = pattern.fullmatch
    node.nodes.append(leaf)
