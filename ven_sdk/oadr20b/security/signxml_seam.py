"""The verifier of signxml with three of its private methods overridden: the only place that knows
them.

* ``get_root``, ``_tostring`` and ``_fromstring`` copy the whole tree several times. The tree that
  is given here belongs to the verification alone and was parsed as strictly, so the copies are
  spared. signxml makes them for the enveloped-signature transform, which takes the signature out;
  rule S2 refuses that one before. The signature, and what a reference covers, it checks on copies,
  as ever.
* ``_c14n``: libxml2 writes ``xmlns=""`` into the inclusive canonical form of a subtree where an
  ancestor outside it declares a default namespace, which the specification has not there, and
  leaves out what the subtree inherits of ``xml:`` attributes. A copy of the subtree as a document
  of its own, with all that it inherits, is canonicalised instead: canonical form says the same of
  both. And comments: a reference ``#Id`` means its element without comments, also where its
  transform has them (XML Signature, "same-document URI references"); SignedInfo keeps them. Some
  signers count them in all the same: ``with_comments`` verifies theirs.

Why this cannot let anything through: the octets that come out are those that are digested, and the
record is read from these octets and nothing else. Whatever way leads from the message to octets,
octets with the signed digest are the octets that were signed.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Optional

from lxml import etree
from signxml.verifier import XMLVerifier

from .names import C14N, C14N_11, C14N_EXCLUSIVE, DS

if TYPE_CHECKING:
    from signxml.algorithms import CanonicalizationMethod

    from ..codec.findings import Element

_XML = "{http://www.w3.org/XML/1998/namespace}"
_WITHOUT: dict[str, str] = {
    C14N + "#WithComments": C14N,
    C14N_11 + "#WithComments": C14N_11,
    C14N_EXCLUSIVE + "WithComments": C14N_EXCLUSIVE,
}
_OWN = frozenset((f"{_XML}id", f"{_XML}base"))
"""The attributes that Canonical XML 1.1 does not take from ancestors as they are."""


def make_verifier() -> Any:
    """A verifier of signxml for a tree that nobody else holds; for one verification. Its attribute
    ``with_comments`` says whether references cover comments where their transform says so.
    """
    return _OwnTreeVerifier()


class _OwnTreeVerifier(XMLVerifier):
    """signxml's verifier for a tree that nobody else holds."""

    _whole: object = None
    with_comments = False
    """Whether references cover comments where their transform says so, as some signers have it."""

    def get_root(self, data: object) -> object:
        self._whole = data
        return data

    def _tostring(self, xml_node: Element, **options: object) -> object:
        if options:
            return super()._tostring(xml_node, **options)  # type: ignore[no-untyped-call]
        if xml_node is self._whole:
            return xml_node
        inherited = _inherited_attributes(xml_node, of_10=True)
        if inherited:
            return self._copy_below_carrier(xml_node, inherited)
        return super()._tostring(xml_node)  # type: ignore[no-untyped-call]

    def _fromstring(self, xml_string: Any, **options: object) -> Any:
        if etree.iselement(xml_string):
            return xml_string
        return super()._fromstring(xml_string, **options)  # type: ignore[no-untyped-call]

    def _copy_below_carrier(self, node: Element, inherited: dict[str, str]) -> Element:
        """A copy of the node below an element that has what the node inherits."""
        text = etree.tostring(node, with_tail=False)
        carrier: Element = self._fromstring(b"<carrier>" + text + b"</carrier>")
        for name, value in inherited.items():
            carrier.set(name, value)
        return carrier[0]

    def _c14n(
        self, nodes: Any, algorithm: CanonicalizationMethod, inclusive_ns_prefixes: Any = None
    ) -> bytes:
        name = str(algorithm.value)
        if name in _WITHOUT and not (self.with_comments or _is_signed_info(nodes)):
            name = _WITHOUT[name]
            algorithm = type(algorithm)(name)
        if not name.startswith(C14N_EXCLUSIVE) and etree.iselement(nodes):
            inherited = _inherited_attributes(nodes, of_10=not name.startswith(C14N_11))
            if inherited or None in nodes.nsmap:
                nodes = self._copy_as_document(nodes, inherited)
        octets: bytes = super()._c14n(nodes, algorithm, inclusive_ns_prefixes)
        return octets

    def _copy_as_document(self, node: Element, inherited: dict[str, str]) -> Element:
        """The subtree as a document of its own. lxml writes all namespaces in scope on its root."""
        copy: Element = self._fromstring(etree.tostring(node, with_tail=False))
        for name, value in inherited.items():
            copy.set(name, value)
        return copy


def _is_signed_info(node: object) -> bool:
    return etree.iselement(node) and node.tag == f"{{{DS}}}SignedInfo"


def _inherited_attributes(node: Element, *, of_10: bool) -> dict[str, str]:
    """The ``xml:`` attributes that canonical form 1.0 or 1.1 shows on the apex of a subtree."""
    found: dict[str, str] = {}
    ancestor: Optional[Element] = node.getparent()
    while ancestor is not None:
        for name, value in ancestor.attrib.items():
            if str(name).startswith(_XML) and name not in node.attrib:
                if of_10 or name not in _OWN:
                    found.setdefault(str(name), str(value))
        ancestor = ancestor.getparent()
    return found


def check() -> None:
    """Raise ``AssertionError`` where signxml's private side is not what is overridden here."""
    wanted = {
        "get_root": ["self", "data"],
        "_tostring": ["self", "xml_node", "kwargs"],
        "_fromstring": ["self", "xml_string", "kwargs"],
        "_c14n": ["self", "nodes", "algorithm", "inclusive_ns_prefixes"],
    }
    for name, parameters in wanted.items():
        found = list(inspect.signature(getattr(XMLVerifier, name)).parameters)
        assert found == parameters, f"XMLVerifier.{name} takes {found}"
    source = inspect.getsource(XMLVerifier.verify) + inspect.getsource(
        XMLVerifier._verify_reference
    )
    for call in ("self.get_root(data)", "self._fromstring(self._tostring(root))", "self._c14n("):
        assert call in source, f"signxml does not call {call} any more"
