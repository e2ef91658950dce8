"""The headers of a request, as far as SPARQL over HTTP reads them.

In: name and value pairs as they came, names in lower case. Out: ``Head``, which says nothing but
what those pairs say: it may be kept and used again for a request with the same headers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

Pair = tuple[bytes, bytes]

_HOST = re.compile(rb"[A-Za-z0-9.\-]+(?::[0-9]+)?|\[[0-9A-Fa-f:.]+\](?::[0-9]+)?")


class Head(NamedTuple):
    """What the headers of one request say.

    Attributes:
        pairs: all of them, as they came.
        accept: the formats that the client takes.
        if_none_match: entity tags that it already has.
        content_type: of its body, in lower case and without parameters; may be empty.
        host: the address that it called us by; empty if it gave none that could be one.
        authorization: the first ``Authorization`` header.
        cookies: every ``Cookie`` header.
        gzip: whether it takes a packed body.
    """

    pairs: tuple[Pair, ...] = ()
    accept: str | None = None
    if_none_match: str | None = None
    content_type: bytes = b""
    host: bytes = b""
    authorization: str | None = None
    cookies: tuple[bytes, ...] = ()
    gzip: bool = False

    @property
    def names_nobody(self) -> bool:
        """Whether nothing in it could tell who calls."""
        return self.authorization is None and not self.cookies

    def cookie(self, name: bytes) -> str | None:
        """Return the value of a cookie, the last where there are several."""
        found = None
        for cookies in self.cookies:
            for part in cookies.split(b";"):
                if part.strip().startswith(name + b"="):
                    found = part.strip()[len(name) + 1 :].decode("latin-1")
        return found


def read_head(pairs: Iterable[Pair]) -> Head:
    """Return what headers say; where one stands twice, the last counts (but see ``Head``)."""
    kept = tuple(pairs)
    last = dict(kept)
    accept, match = last.get(b"accept"), last.get(b"if-none-match")
    authorization = next((v for name, v in kept if name == b"authorization"), None)
    hosts = [v for name, v in kept if name == b"host" and len(v) < 256 and _HOST.fullmatch(v)]
    return Head(
        pairs=kept,
        accept=accept.decode("latin-1") if accept is not None else None,
        if_none_match=match.decode("latin-1") if match is not None else None,
        content_type=last.get(b"content-type", b"").partition(b";")[0].strip().lower(),
        host=hosts[-1] if hosts else b"",
        authorization=authorization.decode("latin-1") if authorization is not None else None,
        cookies=tuple(value for name, value in kept if name == b"cookie"),
        gzip=_accepts_gzip(kept),
    )


def _accepts_gzip(pairs: Iterable[Pair]) -> bool:
    for name, value in pairs:
        if name == b"accept-encoding":
            for part in value.lower().split(b","):
                coding, _, parameter = part.partition(b";")
                if coding.strip() in (b"gzip", b"*"):
                    return parameter.replace(b" ", b"") not in (b"q=0", b"q=0.0", b"q=0.000")
    return False
