"""From the spelling of an identifier in a file to the IRI that callers query.

In: values of ``rdf:ID``, ``rdf:about`` and ``rdf:resource``. Out: N-Triples terms. A UUID in any
spelling becomes a lower-case ``urn:uuid:`` (RFC 9562); another local name goes under the base of
the authority that defines it; an absolute IRI stays. Characters that RFC 3987 does not allow are
percent-encoded, and said so.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from urllib.parse import quote

from pyoxigraph import NamedNode

from kgnode.names import uuid_urn

_NCNAME = re.compile(r"[^\W\d][\w.\-·]*\Z")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_LOCAL = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?\-]|%[0-9A-Fa-f]{2})*\Z")
_PLAIN_UUID = re.compile(
    r"#_([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\Z"
).match
_ENCODED = re.compile(r"(%[0-9A-Fa-f]{2})")
_KEPT = "!$&'()*+,;=:@/?~"

Report = Callable[[str, str], None]
"""Takes a repair code and the spelling it is about."""


def is_ncname(name: str) -> bool:
    """Tell whether a name may be an ``rdf:ID`` (XML Names, NCName).

    >>> is_ncname("_default+region_GR"), is_ncname("_LINE-29")
    (False, True)
    """
    return _NCNAME.match(name) is not None


def is_absolute(spelling: str) -> bool:
    """Tell whether a reference brings its own scheme (``urn:``, ``https:``)."""
    return _SCHEME.match(spelling) is not None


def escaped(name: str) -> str:
    """Return a local name with every character encoded that an IRI fragment may not hold.

    >>> escaped("_LINE-29-28%230"), escaped("_a b#c")
    ('_LINE-29-28%230', '_a%20b%23c')
    """
    if _LOCAL.match(name):
        return name
    return "".join(
        quote(part, safe=_KEPT, errors="replace") if place % 2 == 0 else part
        for place, part in enumerate(_ENCODED.split(name))
    )


def valid_iri(spelling: str) -> str | None:
    """Return an absolute IRI (RFC 3987), encoded where it must be; None if it can be none.

    >>> valid_iri("http://a.example/b c%"), valid_iri("b") is None
    ('http://a.example/b%20c%25', True)
    """
    head, hash_sign, fragment = spelling.partition("#")
    for candidate in (spelling, escaped(head) + hash_sign + escaped(fragment)):
        with contextlib.suppress(ValueError):
            return NamedNode(candidate).value if is_absolute(candidate) else None
    return None


def with_separator(base: str) -> str:
    """Return a base that ends so that a name can be put behind it."""
    return base if base.endswith(("#", "/", ":")) else f"{base}#"


class Identities:
    """The spellings of one file and the terms they stand for.

    Args:
        base: base of the authority of this file.
        foreign: local name -> base of the authority that defines it, where it is not this one.
        report: told of every spelling that had to be mended.
    """

    def __init__(self, base: str, foreign: Mapping[str, str], report: Report) -> None:
        self.base = with_separator(base)
        self.foreign = foreign
        self.report = report
        self.references: dict[str, str] = {}
        self.local_names: set[str] = set()

    def of_id(self, name: str) -> str:
        """Return the term of an ``rdf:ID``."""
        known = self.references.get(f"#{name}")
        if known is not None:
            return known
        if not is_ncname(name):
            self.report("non_ncname_id", name)
        return self._local(f"#{name}", name, own=True)

    def of_reference(self, spelling: str) -> str:
        """Return the term of an ``rdf:about`` or ``rdf:resource`` and remember it."""
        plain = _PLAIN_UUID(spelling)
        if plain is not None:
            term = f"<urn:uuid:{plain[1]}>"
        elif spelling.startswith("#"):
            term = self._local(spelling, spelling[1:], own=False)
        elif is_absolute(spelling):
            term = self._absolute(spelling)
        else:
            self.report("missing_hash", spelling)
            return self._local(spelling, spelling, own=False)
        self.references[spelling] = term
        return term

    def _local(self, spelling: str, name: str, *, own: bool) -> str:
        urn = uuid_urn(spelling)
        if urn is not None:
            return f"<{urn}>"
        self.local_names.add(name)
        base = self.base if own else self.foreign.get(name, self.base)
        safe = escaped(name)
        if safe != name:
            self.report("bad_iri", name)
        return f"<{with_separator(base)}{safe}>"

    def _absolute(self, spelling: str) -> str:
        urn = uuid_urn(spelling)
        if urn is not None:
            return f"<{urn}>"
        safe = valid_iri(spelling) or f"{self.base}{escaped(spelling)}"
        if safe != spelling:
            self.report("bad_iri", spelling)
        return f"<{safe}>"
