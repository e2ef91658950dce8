"""The mapping sets of a home: what is being worked on, its history, and what was released.

In: ``HOME/mappings`` and the sets that come with the product. Out: ``Shelf``. A set's journal is
written before an act counts and a line cut by a crash is dropped; released versions lie beside it::

    HOME/mappings/NAME/journal.jsonl        one line for each thing done, who and when
    HOME/mappings/NAME/released/VERSION/    the document, its CONSTRUCT files, the signature
    HOME/mappings/NAME.vocabulary.ttl       a vocabulary that stewards want to see
"""

from __future__ import annotations

import threading
from collections import abc
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from kgnode.alignment import release as releases
from kgnode.alignment import sssom_tsv
from kgnode.alignment.mapping import MappingSet, Status
from kgnode.alignment.release import Keys, Release
from kgnode.alignment.standing import Standing, standings
from kgnode.alignment.terms import Terms, known_terms
from kgnode.alignment.vocabularies import ENDINGS, MIDDLE, kept_vocabularies, read_vocabulary
from kgnode.alignment.working import Entry, Working, head_json
from kgnode.audit.log import append
from kgnode.errors import BadMapping, BadRequest, NotFound, StoreFull
from kgnode.home import write_atomically
from kgnode.names import IDENTIFIER, resource_folder

JOURNAL = "journal.jsonl"
RELEASED = "released"
SHIPPED_BY = "Gridspine"
NEVER = (0, 0)
"""The stamp of a journal that is not there."""


class Shelf:
    """All mapping sets of a home.

    Args:
        folder: ``HOME/mappings``.
        keys: returns the keys that may have signed a release.
        shipped: folder of the sets that come with the product.
    """

    def __init__(
        self,
        folder: Path,
        keys: abc.Callable[[], Keys] = dict,
        shipped: Path | None = None,
    ) -> None:
        self.folder = folder
        self.shipped = shipped or resource_folder("ontologies") / "mappings"
        self._keys = keys
        self._lock = threading.RLock()
        self._working: dict[str, tuple[tuple[int, int], Working]] = {}
        self._released: dict[tuple[str, str], Release] = {}
        self._shipped: dict[str, MappingSet] = {}
        self._terms: tuple[tuple[tuple[Path, tuple[int, int]], ...], Terms] | None = None

    @property
    def terms(self) -> Terms:
        """What is known of terms: what comes with the product, and the vocabularies kept here."""
        paths = kept_vocabularies(self.folder)
        stamps = tuple((path, _stamp(path)) for path in paths)
        if not stamps:
            return known_terms()
        with self._lock:
            if self._terms is None or self._terms[0] != stamps:
                more = (
                    term
                    for path in paths
                    for term in read_vocabulary(path.read_bytes(), path.suffix[1:], file=path.name)
                )
                self._terms = stamps, Terms((*known_terms(), *more))
            return self._terms[1]

    def keep_vocabulary(self, name: str, content: bytes, form: str) -> int:
        """Keep a vocabulary in place of one of the same name; return how many terms it describes.

        Raises:
            BadMapping: it is no vocabulary.
            BadRequest: the name or the form is none.
        """
        releases.check_name(name, "1")
        if form not in ENDINGS:
            raise BadRequest(f"{form!r} is no form here.", hint=f"Use {', '.join(ENDINGS)}.")
        found = read_vocabulary(content, form, file=name)
        with self._lock:
            for ending in ENDINGS:
                if ending != form:
                    (self.folder / f"{name}{MIDDLE}{ending}").unlink(missing_ok=True)
            write_atomically(self.folder / f"{name}{MIDDLE}{form}", content)
        return len(found)

    def names(self) -> tuple[str, ...]:
        """Return the names of all sets."""
        here = (path.name for path in self.folder.glob("*/") if IDENTIFIER.match(path.name))
        return tuple(sorted({*here, *self.shipped_names()}))

    def shipped_names(self) -> tuple[str, ...]:
        """Return the names of the sets that come with the product."""
        files = self.shipped.glob("*.sssom.tsv")
        return tuple(sorted(path.name.removesuffix(".sssom.tsv") for path in files))

    def shipped_set(self, name: str) -> MappingSet:
        """Return a set as it comes with the product; all of it is proposed.

        Raises:
            NotFound: there is none.
        """
        if name not in self.shipped_names():
            raise self._unknown(name)
        if name not in self._shipped:
            found = sssom_tsv.read(self.shipped / f"{name}.sssom.tsv", name=name)
            rules = (self.shipped / "structural" / name).glob("*.rq")
            names = tuple(sorted(path.name for path in rules))
            rows = (replace(row, status=Status.PROPOSED) for row in found.mappings)
            self._shipped[name] = replace(found, structural=names, mappings=tuple(rows))
        return self._shipped[name]

    def shipped_rules(self, name: str) -> dict[str, str]:
        """Return the CONSTRUCT files that come with a set, name to text."""
        if name not in self.shipped_names():
            return {}
        rules = sorted((self.shipped / "structural" / name).glob("*.rq"))
        return {path.name: path.read_text("utf-8") for path in rules}

    def working(self, name: str) -> Working:
        """Return a set as it is being worked on; a shipped one begins as it is shipped.

        Raises:
            NotFound: there is none of that name.
        """
        with self._lock:
            path = self._place(name) / JOURNAL
            stamp = _stamp(path)
            cached = self._working.get(name)
            if cached is not None and cached[0] == stamp:
                return cached[1]
            found = self._replayed(path) if stamp != NEVER else self._untouched(name)
            self._working[name] = stamp, found
            return found

    def _untouched(self, name: str) -> Working:
        if name in self.shipped_names():
            of = self.shipped_set(name)
            return Working(of, standings(of.mappings).values())
        found = self.versions(name)
        if not found:
            raise self._unknown(name)
        of = self.released(name)
        return Working(of, standings(of.mappings).values())

    def _replayed(self, path: Path) -> Working:
        """Let everything in a journal have happened."""
        entries = [Entry.of_json(orjson.loads(line)) for line in _whole_lines(path)]
        if not entries or "head" not in entries[0].detail:
            raise BadMapping(
                f"The journal of {path.parent.name} has no beginning.",
                hint="Restore it from a backup.",
                file=str(path),
            )
        working = Working(MappingSet("", path.parent.name))
        for entry in entries:
            working.take(entry)
        return working

    def record(
        self,
        name: str,
        verb: str,
        org: str,
        sub: str,
        at: str,
        changes: abc.Sequence[Standing] = (),
        detail: abc.Mapping[str, Any] | None = None,
    ) -> Entry:
        """Write one act and let it count.

        Raises:
            NotFound: there is no such set and this act does not make one.
            StoreFull: it cannot be written; nothing changed.
        """
        with self._lock:
            place = self._place(name)
            told = dict(detail or {})
            fresh = _stamp(place / JOURNAL) == NEVER
            if fresh and "head" not in told:
                self._begin(name, at)
            working = None if fresh and "head" in told else self.working(name)
            number = len(working.entries) + 1 if working else 1
            entry = Entry(number, at, org, sub, verb, tuple(changes), told)
            self._append(place / JOURNAL, entry)
            if working is None:
                working = Working(MappingSet("", name))
            working.take(entry)
            self._working[name] = _stamp(place / JOURNAL), working
            return entry

    def _begin(self, name: str, at: str) -> None:
        """Put down what a set begins with, before the first act on it."""
        working = self._untouched(name)
        entry = Entry(
            1,
            at,
            SHIPPED_BY,
            "shipped",
            "import",
            tuple(working.standings.values()),
            {"head": head_json(working.head), "source": working.head.label},
        )
        self._append(self._place(name) / JOURNAL, entry)

    def _append(self, path: Path, entry: Entry) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        line = orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)
        whole = sum(len(one) + 1 for one in _whole_lines(path)) if path.exists() else 0
        try:
            append(path, whole, line, cut=True)
        except OSError as error:
            raise StoreFull(
                f"{path} could not be written: {error.strerror}.",
                hint="Free disk space, then try again.",
                file=str(path),
            ) from error

    def versions(self, name: str) -> tuple[str, ...]:
        """Return the released versions of a set, oldest first."""
        folder = self._place(name) / RELEASED
        found = [p.name for p in folder.glob("*/") if releases.VERSION.match(p.name)]
        return tuple(sorted(found, key=lambda one: (releases.issued(folder / one), one)))

    def release(self, name: str, version: str | None = None) -> Release:
        """Return a release, the latest where no version is named.

        Raises:
            NotFound: there is none.
            BadMapping: it was tampered with.
        """
        if version is None:
            found = self.versions(name) if name in self.names() else ()
            if not found:
                raise self._unreleased(name, None)
            version = found[-1]
        place = self._place(name) / RELEASED / version
        if not releases.VERSION.match(version) or not place.is_dir():
            raise self._unreleased(name, version)
        key = name, version
        if key not in self._released:
            self._released[key] = releases.load(place, self._keys())
        return self._released[key]

    def released(self, name: str, version: str | None = None) -> MappingSet:
        """Return a released set, the latest where no version is named.

        Raises:
            NotFound: there is none.
        """
        return self.release(name, version).mappings

    def keep(self, release: Release) -> None:
        """Keep a release that was made here or came from elsewhere.

        Raises:
            BadRequest: that version is there already.
        """
        with self._lock:
            releases.save(release, self._place(release.mappings.name) / RELEASED)

    def adopt(self, content: bytes) -> Release:
        """Check a release of another organisation and keep it.

        Raises:
            BadMapping: it is not what a known organisation signed.
            BadRequest: that version is there already.
        """
        release = releases.unbundle(content, self._keys())
        self.keep(release)
        return release

    def rules(self, name: str, version: str | None = None) -> abc.Mapping[str, str]:
        """Return the CONSTRUCT files of a released set, name to text."""
        return self.release(name, version).structural

    def _place(self, name: str) -> Path:
        if not IDENTIFIER.match(name):
            raise self._unknown(name)
        return self.folder / name

    def _unknown(self, name: str) -> NotFound:
        return NotFound(
            f"There is no mapping set {name}.", hint=f"Sets here: {', '.join(self.names())}."
        )

    def _unreleased(self, name: str, version: str | None) -> NotFound:
        there = [f"{one}@{number}" for one in self.names() for number in self.versions(one)]
        return NotFound(
            f"There is no released mapping set {name}{'@' + version if version else ''}.",
            hint=f"Released here: {', '.join(there) or 'none'}.",
        )


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return NEVER
    return status.st_mtime_ns, status.st_size


def _whole_lines(path: Path) -> list[bytes]:
    """Return the lines that were written whole."""
    content = path.read_bytes()
    return content[: content.rfind(b"\n") + 1].splitlines()
