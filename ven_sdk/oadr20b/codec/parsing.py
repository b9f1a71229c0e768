"""The one way from bytes from the network to a tree: :func:`parse` refuses what could do harm,
then parses once.

HTTP matters (status, content coding, the cap while reading) are ``transport``'s; what the elements
mean is the reader's; who signed them is ``security.verification``'s. Pure functions, run by the
exchange thread with the bytes.
"""

from __future__ import annotations

import re
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Optional

from lxml import etree

from ...arguments import LARGEST_MESSAGE
from ...errors import PayloadError
from .findings import Element
from .namespaces import ATOM

if TYPE_CHECKING:
    from xml.parsers.expat import XMLParserType

MAX_ELEMENTS = 500_000
"""10,000 rich events stay below it; the tree of that many elements takes some 150 MB at the
worst.
"""
MAX_ATTRIBUTES = 256
"""Attributes of one element, and namespace declarations in scope of one. Canonicalisation is
quadratic in both. A message that declares the schema's fifteen namespaces on each of its twelve
levels has 180 in scope."""
_MANY = MAX_ELEMENTS * len(b"<a/>")
"""Bytes that hold no more than ``MAX_ELEMENTS``, so that usual messages are not even counted."""
_FEW = MAX_ATTRIBUTES * len(b' a=""')
"""Bytes that hold no more than ``MAX_ATTRIBUTES``."""
_USUAL_DECLARATION = 120
_PROLOG_STEP = 512
_FEED = ATOM.encode()
_BOM, _WHITE = b"\xef\xbb\xbf", b" \t\r\n"
_IN_A_TEXT = re.compile(r" \(<string>, line \d+\)$")
"""What lxml adds to an error of a text that has no file."""
_DECLARED_ENCODING = re.compile(rb"<\?xml[^>]*?\sencoding\s*=\s*[\"']([^\"'>]*)[\"']")
_CROWDED = etree.XPath(f"boolean(//*[@*[{MAX_ATTRIBUTES + 1}]])")
_parsers = threading.local()


def parse(data: bytes, *, max_bytes: int = LARGEST_MESSAGE, verbatim: bool = False) -> Element:
    """The root element of a message, safe to walk (rule H9).

    Comments, processing instructions and white space between elements are gone, unless ``verbatim``
    asks to keep them: they may be part of what was signed (C14N covers instructions always,
    comments in its WithComments forms), so a tree that goes to
    :class:`~ven_sdk.oadr20b.security.verification.Verifier` is kept as received (rule S8), and the
    verifier removes them from what it hands out.

    Raises nothing but :class:`PayloadError`.
    """
    _check_size(data, max_bytes)
    text = (data if data.isascii() else _decodable(data)).lstrip(_WHITE)
    _check_declaration(text)
    may_hold_dtd = b"!" in text and b"<!" in text  # one byte is found ten times faster than two
    if may_hold_dtd:
        _refuse_dtd(text)
    try:
        root = etree.fromstring(text, safe_parser(_kind_of_parser(text, verbatim)))
    except (etree.LxmlError, SyntaxError, ValueError) as cause:
        raise _not_well_formed(cause) from cause
    if root is None or (may_hold_dtd and root.getroottree().docinfo.internalDTD is not None):
        raise PayloadError(
            "The message has a document type declaration. OpenADR messages have none; it was "
            "refused."
        )
    if len(text) > _FEW:
        _check_shape(root, text)
    return root


def _check_size(data: bytes, max_bytes: int) -> None:
    if not data:
        raise PayloadError("The message is empty: expected an XML document.")
    if len(data) > max_bytes:
        raise PayloadError(
            f"The message has {len(data)} bytes, but max_response_size is {max_bytes}. It was "
            f"not read."
        )
    # Every element has one "<" that no "/" follows; comments and CDATA can only make the count
    # larger than the truth.
    if len(data) > _MANY and data.count(b"<") - data.count(b"</") > MAX_ELEMENTS:
        raise PayloadError(f"The message has more than {MAX_ELEMENTS} elements. It was not read.")


def _decodable(data: bytes) -> bytes:
    """The bytes without a byte order mark, when they are UTF-8 (rule H2)."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as cause:
        raise PayloadError(
            f"The message is not UTF-8: byte {data[cause.start]:#04x} at position {cause.start}. "
            "OpenADR messages are UTF-8."
        ) from cause
    return data[len(_BOM) :] if data.startswith(_BOM) else data


def _check_declaration(text: bytes) -> None:
    """The XML declaration, if there is one, names UTF-8 or nothing. The usual ones are remembered,
    as they are few.
    """
    if not text.startswith(b"<?xml"):
        return
    end = text.find(b">", 0, _USUAL_DECLARATION)
    if end < 0:
        _declares_utf8.__wrapped__(text)
    else:
        _declares_utf8(text[: end + 1])


@lru_cache(maxsize=64)
def _declares_utf8(text: bytes) -> None:
    declared = _DECLARED_ENCODING.match(text)
    if declared and declared.group(1).lower() not in (b"utf-8", b"utf8", b"us-ascii", b"ascii"):
        name = declared.group(1).decode("ascii", "replace")[:40]
        raise PayloadError(f"The message declares the encoding {name!r}: expected UTF-8.")


class _Prolog:
    """A parser target that builds nothing and notices the first start tag."""

    over = False
    expat: Optional[XMLParserType] = None

    def start(self, _tag: str, _attributes: object) -> None:
        self.over = True
        if self.expat is not None:
            self.expat.StartElementHandler = None  # the rest of the step is of no interest

    def close(self) -> None:
        """Asked for by the parser; there is nothing to give."""


def _refuse_dtd(text: bytes) -> None:
    """Let defusedxml refuse every DTD, and with it every entity but the five of XML.

    It is asked about texts with ``<!`` in them, with which a DTD begins (the text is UTF-8 for
    certain), and sees them up to the root's start tag, behind which the grammar has no place for
    it. lxml, which reads all, knows no entity without one.
    """
    # most programs never get here, and need not wait for it
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import DefusedXMLParser

    target = _Prolog()
    parser = DefusedXMLParser(target=target, encoding="utf-8", forbid_dtd=True)
    target.expat = parser.parser
    parser.parser.DefaultHandlerExpand = (
        None  # defused's own handlers stay; this one would run for every token
    )
    begin, size = 0, _PROLOG_STEP
    try:
        while begin < len(text):
            parser.feed(text[begin : begin + size])
            if target.over:
                return
            # growing: some versions of expat read a long token anew every time
            begin, size = begin + size, 2 * size
        parser.close()  # others keep back what they have until they are told that this was all
        if target.over:
            return
    except DefusedXmlException as cause:
        raise PayloadError(
            "The message has a document type declaration or an entity. OpenADR messages have "
            "none; it was refused unread."
        ) from cause
    # ParseError is a SyntaxError; defusedxml 0.7.0 has one of its own
    except (SyntaxError, ValueError) as cause:
        raise _not_well_formed(cause) from cause
    raise PayloadError("The message has no root element: expected an oadrPayload.")


def _kind_of_parser(text: bytes, verbatim: bool) -> str:
    """White space between elements, which indented messages have beside each, says nothing but in
    feeds, and is kept where all is: whoever reads the elements need not look at it.
    """
    if verbatim:
        return "verbatim"
    return "feed" if _FEED in text else "usual"


def safe_parser(kind: str) -> etree.XMLParser:
    """This thread's lxml parser of a kind (lxml lets one thread at a time into a parser). libxml2
    itself refuses, as long as ``huge_tree`` is off, a depth over 256 and a text over 10 MB.
    """
    parser: Optional[etree.XMLParser] = getattr(_parsers, kind, None)
    if parser is None:
        parser = etree.XMLParser(
            encoding="utf-8",
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            dtd_validation=False,
            attribute_defaults=False,
            huge_tree=False,
            recover=False,
            collect_ids=False,
            remove_comments=kind != "verbatim",
            remove_pis=kind != "verbatim",
            remove_blank_text=kind == "usual",
        )
        setattr(_parsers, kind, parser)
    return parser


def _check_shape(root: Element, text: bytes) -> None:
    # too few attributes in the whole message to crowd anything
    if text.count(b"=") <= MAX_ATTRIBUTES:
        return
    if _CROWDED(root):
        raise PayloadError(
            f"An element of the message has more than {MAX_ATTRIBUTES} attributes. It was refused."
        )
    in_scope = 0
    for event, _ in etree.iterwalk(root, events=("start-ns", "end-ns")):
        in_scope += 1 if event == "start-ns" else -1
        if in_scope > MAX_ATTRIBUTES:
            raise PayloadError(
                f"More than {MAX_ATTRIBUTES} namespace declarations are in scope of one element. "
                f"The message was refused."
            )


def _not_well_formed(cause: BaseException) -> PayloadError:
    text = _IN_A_TEXT.sub("", str(cause)).rstrip(".")
    return PayloadError(f"The message is not well-formed XML: {text[:200]}.")
