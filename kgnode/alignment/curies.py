"""Short names of a document and the IRIs they stand for, both ways.

In: a ``curie_map``. Out: ``Curies`` that expands and contracts. SSSOM's built-in prefixes are
always there and a document may not change them (SSSOM 1.1, "Identifiers").
"""

from __future__ import annotations

import re
from collections import abc

import pyoxigraph as ox

from kgnode.alignment.slots import BUILT_IN, FAMILIAR

_CURIE = re.compile(r"([A-Za-z_][\w.-]*):(.*)\Z", re.DOTALL)
_PREFIX = re.compile(r"[A-Za-z_][\w.-]*\Z")
_FORBIDDEN = re.compile(r'[\x00-\x20<>"{}|\\^`]')
_LOCAL = re.compile(r"[^\s/#?:|]+\Z")
_SCHEMES = frozenset(
    {"http", "https", "urn", "mailto", "tag", "ftp", "doi", "info", "did", "ark", "geo", "hdl"}
)


def is_iri(text: str) -> bool:
    """Tell whether text is an absolute IRI without characters that no IRI may have (RFC 3987)."""
    scheme, colon, rest = text.partition(":")
    if not (colon and rest and _PREFIX.match(scheme)) or _FORBIDDEN.search(text):
        return False
    try:
        ox.NamedNode(text)
    except ValueError:
        return False
    return True


def is_plain(text: str) -> bool:
    """Tell whether an IRI is one at sight, so that nobody takes its scheme for a prefix."""
    scheme, _, rest = text.partition(":")
    return (scheme.lower() in _SCHEMES or rest.startswith("//")) and is_iri(text)


class Curies:
    """The prefixes of one document.

    Args:
        declared: prefix to namespace; checked by the caller with ``fault``.
    """

    def __init__(self, declared: abc.Mapping[str, str]) -> None:
        self.declared = dict(declared)
        self._namespaces = {**FAMILIAR, **BUILT_IN, **declared}
        self._expanded: dict[str, str | None] = {}
        self._contracted: dict[str, str] = {}
        self._by_length = sorted(
            ((namespace, prefix) for prefix, namespace in self._namespaces.items()),
            key=lambda pair: (-len(pair[0]), pair[1]),
        )

    def expand(self, text: str) -> str | None:
        """Return the IRI of a CURIE or an IRI; None where it is neither.

        >>> Curies({"cim": "http://iec.ch/TC57/CIM100#"}).expand("cim:Terminal")
        'http://iec.ch/TC57/CIM100#Terminal'
        >>> Curies({}).expand("cim:Terminal") is None
        True
        """
        try:
            return self._expanded[text]
        except KeyError:
            found = self._expanded[text] = self._expand(text)
            return found

    def _expand(self, text: str) -> str | None:
        match = _CURIE.match(text)
        if match is None:
            return None
        prefix, local = match.groups()
        namespace = self._namespaces.get(prefix)
        if namespace is not None and not local.startswith("//"):
            iri = namespace + local
            return iri if local and is_iri(iri) else None
        return text if is_plain(text) else None

    def contract(self, iri: str) -> str:
        """Return the shortest CURIE that expands to exactly this IRI, else the IRI."""
        found = self._contracted.get(iri)
        if found is None:
            found = self._contracted[iri] = self._contract(iri)
        return found

    def _contract(self, iri: str) -> str:
        for namespace, prefix in self._by_length:
            local = iri[len(namespace) :]
            if iri.startswith(namespace) and _LOCAL.match(local):
                return f"{prefix}:{local}"
        return iri


def fault(prefix: str, namespace: str) -> str | None:
    """Return what is wrong with one entry of a ``curie_map``, None if nothing."""
    if not _PREFIX.match(prefix):
        return f"{prefix!r} cannot be a prefix."
    if not is_plain(namespace):
        return f"The prefix {prefix} stands for {namespace!r}, which is no IRI."
    standard = BUILT_IN.get(prefix, namespace)
    if standard != namespace:
        return f"The prefix {prefix} always stands for {standard}; the document says {namespace}."
    return None
