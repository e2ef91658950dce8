"""Whatever is done to the log is found and named; an honest log, even after a crash, is not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgnode.audit import Audit, verify
from kgnode.audit import log as writer
from kgnode.audit.chain import (
    HEAD_TYP,
    SEAL,
    SEAL_TYP,
    START,
    chained,
    segment_name,
    segments,
    split,
)
from kgnode.trust import SigningKey, generate_key

SMALL_RESERVE = 4096
KEY = generate_key()
KEYS = {KEY.kid: KEY.public}
STRANGER = generate_key()


def entry(number: int) -> dict[str, object]:
    return {
        "org": "DNOA",
        "sub": f"user-{number}",
        "purpose": "network-planning",
        "query": f"SELECT * WHERE {{ ?s ?p {number} }}",
        "rows": number,
        "outcome": "ok",
    }


def written(folder: Path, batches: int = 6, per_batch: int = 4, segment_bytes: int = 4000) -> Path:
    """A log of 24 entries in several batches and segments."""
    audit = Audit(folder, KEY, segment_bytes=segment_bytes)
    for batch in range(batches):
        for number in range(per_batch):
            audit.record(entry(batch * per_batch + number))
        audit.flush()
    audit.close()
    return folder


@pytest.fixture(scope="module", autouse=True)
def small_reserve() -> Iterator[None]:
    """The reserve has its real size in use; here it is only copied about."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "RESERVE_BYTES", SMALL_RESERVE)
        yield


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = written(tmp_path_factory.mktemp("audit") / "log")
    assert len(segments(folder)) >= 3
    return folder


@pytest.fixture
def log(honest: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "log"
    shutil.copytree(honest, folder)
    return folder


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines()


def rewrite(path: Path, lines: list[bytes]) -> None:
    path.write_bytes(b"".join(line + b"\n" for line in lines))


def edit(folder: Path, change: Callable[[list[bytes]], list[bytes]], segment: int = 1) -> None:
    path = folder / segment_name(segment)
    rewrite(path, change(lines_of(path)))


def entries_at(lines: list[bytes]) -> list[int]:
    return [index for index, line in enumerate(lines) if not line.startswith(SEAL)]


def rechain(folder: Path, key: SigningKey | None) -> None:
    """Chain the whole log anew, and seal it anew where the attacker has a key of their own."""
    previous = START
    number = 0
    for path in segments(folder):
        made = []
        for line in lines_of(path):
            parts = split(line)
            assert parts is not None
            body = parts[0] + b"}"
            if body.startswith(SEAL):
                if key is not None:
                    sealed = orjson.dumps({"n": number, "hash": previous})
                    body = SEAL + key.sign(sealed, SEAL_TYP).encode() + b'"}'
            else:
                number += 1
            previous, line = chained(previous, body)
            made.append(line)
        rewrite(path, made)
    if key is not None:
        head = orjson.dumps({"n": number, "hash": previous, "segment": 1})
        (folder / "head").write_text(key.sign(head, HEAD_TYP))


def change_value(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b'"rows":2,', b'"rows":9,') for line in lines]


def change_time(lines: list[bytes]) -> list[bytes]:
    index = entries_at(lines)[1]
    lines[index] = lines[index].replace(b'"time":"20', b'"time":"19')
    return lines


def drop(position: int) -> Callable[[list[bytes]], list[bytes]]:
    def change(lines: list[bytes]) -> list[bytes]:
        del lines[entries_at(lines)[position]]
        return lines

    return change


def swap(lines: list[bytes]) -> list[bytes]:
    first, second = entries_at(lines)[1:3]
    lines[first], lines[second] = lines[second], lines[first]
    return lines


def duplicate(lines: list[bytes]) -> list[bytes]:
    index = entries_at(lines)[1]
    return [*lines[: index + 1], lines[index], *lines[index + 1 :]]


def insert(lines: list[bytes]) -> list[bytes]:
    index = entries_at(lines)[2]
    previous = split(lines[index - 1])
    assert previous is not None
    _, forged = chained(previous[1], b'{"n":3,"entry":{"org":"NESO","rows":0}}')
    return [*lines[:index], forged, *lines[index:]]


def cut_in_half(lines: list[bytes]) -> list[bytes]:
    index = entries_at(lines)[2]
    lines[index] = lines[index][: len(lines[index]) // 2]
    return lines


def drop_last_batch(folder: Path) -> None:
    """Remove the last entries together with their seal."""
    path = segments(folder)[-1]
    lines = lines_of(path)
    seals = [index for index, line in enumerate(lines) if line.startswith(SEAL)]
    assert len(seals) >= 2 or len(segments(folder)) > 1
    rewrite(path, lines[: seals[-2] + 1] if len(seals) > 1 else [])


def append_unsealed(folder: Path) -> None:
    path = segments(folder)[-1]
    last = split(lines_of(path)[-1])
    assert last is not None
    _, forged = chained(last[1], b'{"n":25,"entry":{"org":"NESO"}}')
    path.write_bytes(path.read_bytes() + forged + b"\n")


def change_and_rechain(folder: Path, key: SigningKey | None) -> None:
    edit(folder, change_value)
    rechain(folder, key)


def swap_segments(folder: Path) -> None:
    first, second = segments(folder)[:2]
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)


def change_seal(folder: Path) -> None:
    path = segments(folder)[-1]
    lines = lines_of(path)
    seal = json.loads(lines[-1])["seal"]
    head, _, signature = seal.split(".")
    other = SigningKey(KEY.kid, KEY.algorithm, STRANGER.key).sign(b'{"n":24,"hash":"x"}', SEAL_TYP)
    forged = f"{head}.{other.split('.')[1]}.{signature}"
    lines[-1] = lines[-1].replace(seal.encode(), forged.encode())
    rewrite(path, lines)


def old_head(folder: Path) -> None:
    """Cut the log and take one of its own older seals for the head."""
    drop_last_batch(folder)
    seals = [json.loads(line)["seal"] for line in lines_of(segments(folder)[0]) if SEAL in line]
    (folder / "head").write_text(seals[-1])


def drop_all_entries(folder: Path) -> None:
    for path in segments(folder):
        path.unlink()


TAMPERINGS: dict[str, tuple[Callable[[Path], None], str]] = {
    "a value is changed": (lambda f: edit(f, change_value), "entry 3 was changed"),
    "a time is changed": (lambda f: edit(f, change_time), "entry 2 was changed"),
    "the first entry is removed": (lambda f: edit(f, drop(0)), "entry 1 was removed"),
    "an entry in the middle is removed": (lambda f: edit(f, drop(2)), "entry 3 was removed"),
    "the last entry is removed": (
        lambda f: edit(f, drop(-1), len(segments(f))),
        "the seal after entry 23 does not follow",
    ),
    "the last batch is removed with its seal": (drop_last_batch, "were removed from the end"),
    "two entries are swapped": (lambda f: edit(f, swap), "removed or moved"),
    "an entry is duplicated": (lambda f: edit(f, duplicate), "entry 2 stands again"),
    "an entry is put in": (lambda f: edit(f, insert), "entry 3 stands again"),
    "an entry is cut in half": (lambda f: edit(f, cut_in_half), "is cut or not of the log's form"),
    "an entry is added at the end": (append_unsealed, "Entries 25 to 25 stand after the last seal"),
    "a change is chained anew": (lambda f: change_and_rechain(f, None), "made over other entries"),
    "a change is chained and sealed with another key": (
        lambda f: change_and_rechain(f, STRANGER),
        "is not this organisation's",
    ),
    "a seal is changed": (change_seal, "does not follow its forerunner"),
    "a file in the middle is removed": (
        lambda f: (f / segment_name(2)).unlink(),
        f"{segment_name(2)} is missing",
    ),
    "the last file is removed": (lambda f: segments(f)[-1].unlink(), "were removed from the end"),
    "two files are swapped": (swap_segments, "removed or moved"),
    "all files are removed": (drop_all_entries, "Entries 1 to 24 were removed"),
    "the head is removed": (lambda f: (f / "head").unlink(), "The head is missing"),
    "the head is emptied": (lambda f: (f / "head").write_text(""), "head is not signed"),
    "a seal is passed off as the head": (old_head, "head is not signed"),
}


def test_an_honest_log_is_sound(honest: Path) -> None:
    report = verify(honest, KEYS)
    assert report.sound, report.problems
    assert report.entries == 24


@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_tampering_is_found_and_named(name: str, log: Path) -> None:
    tamper, expected = TAMPERINGS[name]
    tamper(log)
    problems = verify(log, KEYS).problems
    assert any(expected in problem for problem in problems), problems


@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_tampering_is_still_told_after_the_node_was_started_again(name: str, log: Path) -> None:
    TAMPERINGS[name][0](log)
    audit = Audit(log, KEY)
    audit.record(entry(99))
    audit.close()
    if name == "an entry is added at the end":
        recovered = [e for e in audit.tail(3) if e.get("event") == "recovered"]
        assert recovered, "what nobody sealed is dropped, and that is noted"
    else:
        assert not verify(log, KEYS).sound


@settings(max_examples=60)
@given(st.data())
def test_any_changed_byte_is_found(
    honest: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("flip") / "log"
    shutil.copytree(honest, folder)
    path = data.draw(st.sampled_from([*segments(folder), folder / "head"]))
    content = bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda v: v != content[position]))
    content[position] = value
    path.write_bytes(bytes(content))
    assert not verify(folder, KEYS).sound


def test_rolling_everything_back_is_found_by_a_witness_kept_elsewhere(
    log: Path, tmp_path: Path
) -> None:
    older = tmp_path / "older"
    shutil.copytree(log, older)
    audit = Audit(log, KEY)
    audit.record(entry(25))
    audit.flush()
    witness = audit.head()
    audit.close()
    assert verify(log, KEYS, witness).sound
    assert verify(older, KEYS).sound
    problems = verify(older, KEYS, witness).problems
    assert problems == ("The log does not hold what the witness saw: 25 entries.",)
    assert not verify(log, KEYS, STRANGER.sign(b"{}", HEAD_TYP)).sound


def test_a_crash_between_two_writes_is_no_tampering(log: Path) -> None:
    head = (log / "head").read_bytes()
    audit = Audit(log, KEY)
    audit.record(entry(25))
    audit.close()
    (log / "head").write_bytes(head)
    assert verify(log, KEYS).sound


def test_a_write_cut_by_a_crash_is_dropped_and_noted(log: Path) -> None:
    path = segments(log)[-1]
    with path.open("ab") as stream:
        stream.write(b'{"n":25,"entry":{"org":"DNO')
    audit = Audit(log, KEY)
    audit.record(entry(26))
    audit.close()
    assert [e.get("event") for e in audit.tail(2)] == ["recovered", None]
    assert verify(log, KEYS).sound


def test_keys_may_change_and_former_ones_still_prove(log: Path) -> None:
    new = generate_key("ES256")
    audit = Audit(log, new, keys=KEYS)
    audit.record(entry(25))
    audit.close()
    assert verify(log, {**KEYS, new.kid: new.public}).sound
    assert not verify(log, KEYS).sound


def test_a_log_that_never_began_is_sound_and_empty(tmp_path: Path) -> None:
    report = verify(tmp_path, KEYS)
    assert report.sound
    assert report.entries == 0
    assert not list(tmp_path.iterdir())
