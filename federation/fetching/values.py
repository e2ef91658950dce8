"""The values that variables can have, as far as fetched triples tell, for limiting other patterns.

In: N-Triples or a table from members, the patterns they were fetched for. Out: per variable the set
of terms, each checked against the grammar before it is pasted into another query.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from federation.members.subquery import TERM, Malformed, rows
from federation.parsing.algebra import Triple

_LINE = re.compile(rb"^(\S+) (\S+) (.+) \.$", re.MULTILINE)


class Values:
    """Term sets per variable over all members of one group."""

    def __init__(self, names: Iterable[str]) -> None:
        self.sets: dict[str, set[str]] = {name: set() for name in names}

    def add_triples(self, body: bytes, triples: Sequence[Triple], *, mixed: bool = False) -> None:
        """Take values from N-Triples; ``mixed`` where other patterns' triples are among them.

        Raises:
            Malformed: a line is no triple, or a term is none.
        """
        if not self.sets or not body.strip():
            return
        lines = _LINE.findall(body)
        if len(lines) != body.count(b"\n") - body.count(b"\n\n"):
            raise Malformed("a line that is no triple")
        wanted = [
            (at, triple, self.sets[name])
            for triple in triples
            for at, name in enumerate((triple.subject, triple.predicate, triple.object))
            if isinstance(name, str) and name in self.sets
        ]
        found: dict[int, set[bytes]] = {}
        for number, (at, triple, _) in enumerate(wanted):
            own = found.setdefault(number, set())
            predicate = triple.predicate
            if isinstance(predicate, str) and predicate[0] == "<" and (mixed or len(triples) > 1):
                only = predicate.encode()
                own.update(line[at] for line in lines if line[1] == only)
            else:
                own.update(line[at] for line in lines)
        for number, (_, _, kept) in enumerate(wanted):
            for raw in found[number]:
                term = raw.decode(errors="replace")
                if not TERM.fullmatch(term):
                    raise Malformed("a term that is none")
                kept.add(term)

    def add_table(self, body: bytes) -> None:
        """Take values from a table of SPARQL 1.1 TSV.

        Raises:
            Malformed: it is none.
        """
        names, table = rows(body)
        for at, name in enumerate(names):
            if name in self.sets:
                self.sets[name].update(row[at] for row in table)
