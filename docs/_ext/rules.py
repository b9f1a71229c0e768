"""Gives each rule of docs/protocol an anchor, and makes every citation of a rule a link to it.

A rule is a definition whose term is its number (``E6``, ``O1.3``), or a row of the conformance
table whose first cell is one (``CR 61``). Nothing else is needed to cite one, so pages and
docstrings read well without Sphinx. A citation of what is not there is a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.nodes import make_refnode

CITATION = re.compile(
    r"(?<![\w.-])(?:[ETRPGHLS][1-9]\d?a?|O1\.[1-9]\d?|CR[ \u00a0][1-9]\d{0,2})(?![\w-])"
)
DEFINITION = re.compile(r"^(?:\s*\* - )?((?:[ETRPGHLS]|O1\.|CR )\d+a?)$", re.MULTILINE)
UNTOUCHED = (
    nodes.literal,
    nodes.literal_block,
    nodes.reference,
    nodes.title,
    nodes.term,
    nodes.raw,
)

logger = logging.getLogger(__name__)


def rules_of(folder: Path) -> dict[str, list[str]]:
    """The pages that define each rule; more than one is a mistake."""
    found: dict[str, list[str]] = {}
    for page in sorted(folder.glob("[!_]*.rst")):
        for rule in DEFINITION.findall(page.read_text(encoding="utf-8")):
            found.setdefault(rule, []).append(page.stem)
    return found


def anchor(rule: str) -> str:
    return "rule-" + re.sub(r"\W", "-", rule.lower())


def collect(app: Sphinx) -> None:
    app.env.rule_pages = {  # type: ignore[attr-defined]
        rule: f"protocol/{pages[0]}"
        for rule, pages in rules_of(Path(app.srcdir) / "protocol").items()
    }


def mark(app: Sphinx, doctree: nodes.document) -> None:
    """Anchors for the rules that this page defines, links for those that it cites."""
    pages: dict[str, str] = app.env.rule_pages  # type: ignore[attr-defined]
    for place in (*doctree.findall(nodes.term), *doctree.findall(nodes.entry)):
        rule = place.astext()
        if pages.get(rule) == app.env.docname and anchor(rule) not in doctree.ids:
            place["ids"].append(anchor(rule))
            doctree.ids[anchor(rule)] = place
    for text in list(doctree.findall(nodes.Text)):
        if not any(isinstance(above, UNTOUCHED) for above in ancestors(text)):
            link(app, text, pages)


def ancestors(node: nodes.Node) -> Iterator[nodes.Node]:
    above = node.parent
    while above is not None:
        yield above
        above = above.parent


def link(app: Sphinx, text: nodes.Text, pages: dict[str, str]) -> None:
    """Put a link in the place of each citation in a text."""
    pieces: list[nodes.Node] = []
    end = 0
    for found in CITATION.finditer(text):
        rule = found.group().replace("\u00a0", " ")
        if rule == text.strip() and isinstance(text.parent.parent, nodes.entry):
            continue  # the row that defines it
        if rule not in pages:
            logger.warning("there is no rule %s in docs/protocol", rule, location=text.parent)
            continue
        pieces += [nodes.Text(text[end : found.start()]), reference(app, rule, found.group())]
        end = found.end()
    if pieces:
        text.parent.replace(text, [*pieces, nodes.Text(text[end:])])


def reference(app: Sphinx, rule: str, shown: str) -> addnodes.pending_xref:
    content = nodes.inline(shown, shown, classes=["rule"])
    return addnodes.pending_xref(
        "", content, refdomain="", reftype="rule", reftarget=rule, refdoc=app.env.docname
    )


def resolve(
    app: Sphinx, env: Any, node: addnodes.pending_xref, content: nodes.Element
) -> Optional[nodes.reference]:
    if node.get("reftype") != "rule":
        return None
    rule = node["reftarget"]
    page = env.rule_pages[rule]
    return make_refnode(app.builder, node["refdoc"], page, anchor(rule), [content], rule)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("builder-inited", collect)
    app.connect("doctree-read", mark)
    app.connect("missing-reference", resolve)
    return {"version": "1", "parallel_read_safe": False}
