"""What is in an archive, seen from outside, without the program's own code: to compare, and to find what is wrong."""

import hashlib
import json
import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_VARIES = {"first_seen_at", "archived_at", "verified_at", "attempts", "resumed_bytes", "seconds"}  # of a manifest
_OF_JOBS = {"org_pinned", "links_seen", "published", "revised", "missed"}  # facts; others tell how the work went
_OF_THE_LINE = {"time", "previous", "manifest_sha256"}  # of a journal's line
_SNAPSHOT_FILE = re.compile(r"[a-z0-9_]+/\d{4}/[^/]+/(manifest\.json|SHA256SUMS|(data|attachments)/[^/]+)")
_OUR_RECORDS = re.compile(r"catalog\.sqlite(-wal|-shm|-journal)?|[a-z0-9_]+/journal\.jsonl")
_KEPT = re.compile(r"\.state/[a-z0-9_]+\.(lock|token|[a-z]+\.json)")


@dataclass(frozen=True, slots=True)
class Archived:
    """What must be the same however often the work was broken off: all but times, attempts and resumed bytes."""

    files: Mapping[str, str]  # path to sha256, of every zip
    manifests: Mapping[str, Any]
    journals: Mapping[str, list[Any]]
    catalog: list[Any]


def archived(root: Path) -> Archived:
    """Read the archive."""
    return Archived(
        files={str(path.relative_to(root)): _sha256(path) for path in sorted(root.glob("[a-z]*/*/*/*/*"))},
        manifests={
            str(path.relative_to(root)): _without(json.loads(path.read_bytes()), _VARIES)
            for path in sorted(root.glob("[a-z]*/*/*/manifest.json"))
        },
        journals={str(path.relative_to(root)): _facts(path) for path in sorted(root.glob("[a-z]*/journal.jsonl"))},
        catalog=_catalog(root),
    )


def half_done(root: Path) -> list[str]:
    """Say what shows in the archive that is not whole: a snapshot that sha256sum or its manifest denies, or a stray."""
    problems = [problem for folder in sorted(root.glob("[a-z]*/[0-9]*/*")) for problem in _not_whole(folder)]
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_file() and not name.startswith(".") and not _is_known(name):
            problems.append(f"{name} is no part of a snapshot")
    return problems


def unfinished(root: Path) -> list[str]:
    """Say what a finished cycle must not leave: files in staging or of a moment, records that do not fit together."""
    names = [str(path.relative_to(root)) for path in sorted(root.rglob("*")) if path.is_file()]
    problems = [f"{name} was left" for name in names if name.startswith(".") and not _KEPT.fullmatch(name)]
    for journal in sorted(root.glob("[a-z]*/journal.jsonl")):
        problems += _broken_chain(journal, root)
    with closing(sqlite3.connect(f"{(root / 'catalog.sqlite').as_uri()}?mode=ro", uri=True)) as db:
        problems += [text for (text,) in db.execute("PRAGMA integrity_check") if text != "ok"]
        for org, read_to in db.execute("SELECT org, read_to FROM orgs"):
            size = (root / org / "journal.jsonl").stat().st_size
            if read_to != size:
                problems.append(f"the catalog has read {read_to} of {size} bytes of the journal of {org}")
    return problems


def whole_files(root: Path) -> set[tuple[str, str]]:
    """Return kind and name of the files that are whole: published, or in staging with a receipt."""
    receipts = root.glob(".staging/*/*/receipts/*/*.json")
    whole = {(path.parent.name, path.name.removesuffix(".json")) for path in receipts}
    for pattern in ("[a-z]*/*/*/*/*.zip", ".staging/*/*/snapshot/*/*.zip"):
        whole |= {(path.parent.name, path.name) for path in root.glob(pattern)}
    return whole


def _not_whole(folder: Path) -> list[str]:
    name = folder.name
    try:
        lines = (folder / "SHA256SUMS").read_text().splitlines()
        manifest = json.loads((folder / "manifest.json").read_bytes())
    except (FileNotFoundError, ValueError) as error:
        return [f"{name}: {error}"]
    sums = {path: digest for digest, path in (line.split("  ", 1) for line in lines)}
    problems = [
        f"{name}: {path} is not as SHA256SUMS says"
        for path, digest in sums.items()
        if not (folder / path).is_file() or _sha256(folder / path) != digest
    ]
    listed = {entry["path"]: entry["sha256"] for entry in manifest["files"]}
    return problems + [f"{name}: {path} is not in SHA256SUMS" for path in listed if sums.get(path) != listed[path]]


def _is_known(name: str) -> bool:
    return bool(
        _SNAPSHOT_FILE.fullmatch(name) or _OUR_RECORDS.fullmatch(name) or name.startswith("catalog.sqlite.new-")
    )


def _broken_chain(journal: Path, root: Path) -> list[str]:
    problems, previous = [], ""
    for number, line in enumerate(journal.read_bytes().split(b"\n")[:-1], start=1):
        fact = json.loads(line)
        if fact["previous"] != previous:
            problems.append(f"line {number} of {journal.name} does not follow the one before it")
        previous = hashlib.sha256(line).hexdigest()
        if fact["kind"] == "revised" or (fact["kind"] == "published" and not _revised_later(journal, fact)):
            found = _sha256(root / fact["path"] / "manifest.json")
            if found != fact["manifest_sha256"]:
                problems.append(f"line {number} of {journal.name} names another manifest")
    return problems


def _revised_later(journal: Path, fact: Mapping[str, Any]) -> bool:
    return any(
        other["kind"] == "revised" and other["job_id"] == fact["job_id"]
        for other in map(json.loads, journal.read_bytes().splitlines())
    )


def _catalog(root: Path) -> list[Any]:
    with closing(sqlite3.connect(f"{(root / 'catalog.sqlite').as_uri()}?mode=ro", uri=True)) as db:
        return db.execute(
            "SELECT org, zgid, job, path, revision, s.files, s.size, problem, kind, name, f.size, f.sha256"
            " FROM snapshots s JOIN files f ON f.snapshot = s.id ORDER BY org, job, kind, name"
        ).fetchall()


def _facts(journal: Path) -> list[Any]:
    lines = (json.loads(line) for line in journal.read_bytes().splitlines())
    facts = [_without(line, _OF_THE_LINE) for line in lines if line["kind"] in _OF_JOBS]
    for link in [link for fact in facts for link in fact.get("links", ())]:
        link["url"] = urlsplit(link["url"]).path  # not the vendor's port
    return facts


def _without(value: Any, keys: set[str]) -> Any:
    match value:
        case dict():
            return {key: _without(item, keys) for key, item in value.items() if key not in keys}
        case list():
            return [_without(item, keys) for item in value]
        case _:
            return value


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
