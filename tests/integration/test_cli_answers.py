"""What the reading commands answer, for people and for programs; docs/json.md holds for the latter."""

import asyncio
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from backupd.cli.alarms import alarms
from backupd.cli.check import check
from backupd.cli.hold import hold
from backupd.cli.invocation import Invocation
from backupd.cli.prune import prune
from backupd.cli.reconcile import reconcile
from backupd.cli.snapshots import list_, show
from backupd.cli.status import status
from backupd.cli.verify import verify
from backupd.core.errors import ArchiveError, ArchiveUnusable, RecordDamaged, RunsMissing, UsageError
from backupd.core.figures import size
from backupd.simulator import Refuse
from backupd.verify import Unreadable, read_again
from tests.fakes.clock import START
from tests.integration.operator import Operator, operated, run

DOCUMENT = Path(__file__).parents[2] / "docs" / "json.md"
ROW = re.compile(r"\| `([^`]+)` \| (\w+)(\?)? \|")
TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", list: "list", dict: "object"}
COMMANDS = {
    "list": lambda invocation: list_(as_json=True, invocation=invocation),
    "show": lambda invocation: show("4001", as_json=True, invocation=invocation),
    "status": lambda invocation: status(as_json=True, invocation=invocation),
    "verify": lambda invocation: verify(everything=True, as_json=True, invocation=invocation),
    "reconcile": lambda invocation: reconcile(offline=True, as_json=True, invocation=invocation),
    "alarms": lambda invocation: alarms(as_json=True, invocation=invocation),
    "check": lambda invocation: check(as_json=True, invocation=invocation),
}

FAILURES = {"verify": RecordDamaged, "reconcile": RunsMissing}  # told after the answer


@dataclass(frozen=True)
class Field:
    kind: str
    nullable: bool


def documented(command: str) -> dict[str, Field]:
    section = DOCUMENT.read_text().partition(f"## `backupd {command}")[2].partition("\n## ")[0]
    return {path: Field(kind, bool(nullable)) for path, kind, nullable in ROW.findall(section)}


def answered(value: Any, fields: dict[str, Field], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every field of a document; not into values that are described elsewhere."""
    if path:
        yield path, value
    if fields.get(path, Field("object", nullable=False)).kind in {"manifest", "snapshot"}:
        return
    if isinstance(value, dict):
        for name, one in value.items():
            yield from answered(one, fields, f"{path}.{name}" if path else name)
    if isinstance(value, list):
        for one in value:
            if isinstance(one, dict):
                for name, inner in one.items():
                    yield from answered(inner, fields, f"{path}[].{name}")


def fits(value: Any, field: Field) -> bool:
    if value is None:
        return field.nullable
    return field.kind in {TYPES[type(value)], "manifest", "snapshot"}


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """The folder of an archive in which everything happened: a job archived, one missed, and one under way."""
    folder = tmp_path_factory.mktemp("lived")

    async def live() -> None:
        async with operated(folder, run("4001", days_ago=6)) as operator:
            await operator.run_once()
            operator.clock.pass_time(hours=1)
            operator.vendor.add_run(run("4002", days_ago=0))
            operator.vendor.fault(Refuse(404), file="Data_002.zip", always=True)
            await operator.run_once()
            operator.clock.pass_time(days=8)
            await operator.run_once()
            operator.vendor.add_run(run("4003", days_ago=0))
            await operator.run_once()

    asyncio.run(live())
    return folder / "archive"


@pytest.fixture
async def archive(lived, tmp_path, monkeypatch):
    """A copy of it, and a vendor that can be asked."""
    monkeypatch.setattr("backupd.cli.session.set_up_log", lambda *_, **__: None)
    monkeypatch.setattr("backupd.app.SystemClock.now", lambda _: START + timedelta(days=8, hours=4))
    async with operated(tmp_path) as operator:
        shutil.copytree(lived, operator.root, dirs_exist_ok=True)
        operator.clock.pass_time(days=8, hours=1)
        operator.write_settings()
        yield operator


@pytest.fixture
def invocation(tmp_path):
    return Invocation(tmp_path / "backupd.toml")


@pytest.mark.parametrize("command", COMMANDS)
async def test_the_answer_is_what_the_document_says(command, archive, invocation, capsys):
    if command == "verify":
        damage(archive.root)
    capsys.readouterr()

    with pytest.raises(FAILURES[command]) if command in FAILURES else nullcontext():
        await COMMANDS[command](invocation)

    fields = documented(command)
    found = list(answered(json.loads(capsys.readouterr().out), fields))
    unseen = {"service.pid"}  # no daemon runs
    assert {path for path, _ in found} >= fields.keys() - unseen
    assert [path for path, value in found if path not in fields or not fits(value, fields[path])] == []


async def test_a_list_is_lines_that_stand_below_each_other(archive, invocation, capsys):
    await list_(invocation=invocation)

    assert capsys.readouterr().out == (
        "ORG   SNAPSHOT         FILES      SIZE  ARCHIVED    STATE\n"
        f"main  2022-06-18_4001      3  {amount(archive)}  2022-06-24  ok\n"
    )


@pytest.mark.parametrize(
    "ask",
    [
        lambda invocation: list_(org="nope", invocation=invocation),
        lambda invocation: alarms(org="nope", invocation=invocation),
        lambda invocation: hold("list", org="nope", invocation=invocation),
        lambda invocation: prune(org="nope", dry_run=True, invocation=invocation),
    ],
    ids=["list", "alarms", "hold", "prune"],
)
@pytest.mark.usefixtures("archive")
async def test_an_org_that_is_not_there_is_a_mistake(invocation, ask):
    with pytest.raises(UsageError, match="there is no org 'nope'"):
        await ask(invocation)


@pytest.mark.usefixtures("archive")
async def test_no_name_is_no_snapshot(invocation):
    with pytest.raises(UsageError, match="no snapshot is named"):
        await show("", invocation=invocation)


async def test_a_status_says_how_safe_what_is_missing_and_what_was_missed(archive, invocation, capsys):
    await status(invocation=invocation)

    lines = capsys.readouterr().out.splitlines()
    in_hand = lines[4].partition(" missing, ")[2].partition(" in hand")[0]
    saved = lines[5].partition("Z, ")[2].partition(" of")[0]
    alarm = f"the links of job 4002 expired at 2022-07-01T13:00:00Z; {3 - int(saved)} of 3 files are not archived"
    assert lines[:8] == [
        "ORG   WHAT       HOW IT IS",
        "main  state      unprotected: job 4002 was missed, and nothing newer is archived, since 2022-07-01 13:00Z",
        f"main  alarm      {alarm}, since 2022-07-02 13:00Z",
        "main  newest     main/2022/2022-06-18_4001, taken 14 days ago",
        f"main  under way  job 4003: 1 of 3 files missing, {in_hand} in hand, links die in 6 days",
        f"main  missed     job 4002, expired 2022-07-01 13:00Z, {saved} of 3 files saved",
        f"main  archived   1 snapshot, 3 files, {amount(archive)}",
        "main  verified   the newest 8 days ago, the file that waits longest 8 days ago",
    ]
    assert lines[8] == "main  last poll  succeeded 8 days ago; failing since 2022-06-24 13:00Z"
    assert lines[9] == f"-     archive    {archive.root}"
    assert lines[11] == "-     daemon     none runs, or it is out of sight; set to poll every 30 minutes"


async def test_a_status_that_checks_ends_as_healthz_answers(archive, invocation, capsys):
    assert await status(invocation=invocation) == 0
    assert await status(check=True, invocation=invocation) == 3
    capsys.readouterr()
    assert await status(check=True, as_json=True, invocation=invocation) == 3
    assert json.loads(capsys.readouterr().out)["orgs"][0]["state"] == "unprotected"


async def test_a_status_that_checks_is_content_with_orgs_that_are_safe(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("backupd.cli.session.set_up_log", lambda *_, **__: None)
    monkeypatch.setattr("backupd.app.SystemClock.now", lambda _: START)
    async with operated(tmp_path) as operator:
        await operator.run_once()
        invocation = Invocation(operator.config, quiet=True)

        assert await status(check=True, invocation=invocation) == 0

    assert capsys.readouterr().out == ""


async def test_a_quiet_status_tells_of_orgs_that_are_not_safe(archive, invocation, capsys):
    await status(invocation=replace(invocation, quiet=True))

    assert "unprotected" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name", ["4001", "2022-06-18_4001", "main/2022/2022-06-18_4001", "2022-06", "latest", "main/latest"]
)
async def test_a_snapshot_is_found_by_every_name_it_has(name, archive, invocation, capsys):
    await show(name, invocation=invocation)

    out = capsys.readouterr().out
    assert out.startswith("Snapshot  main/2022/2022-06-18_4001\n")
    digest = sha256(next(archive.root.glob("main/*/*/data/Data_001.zip")).read_bytes()).hexdigest()
    assert f"data/Data_001.zip\n  {digest}\n" in out


@pytest.mark.parametrize("name", ["4009", "acme/latest"])
async def test_a_snapshot_that_is_not_there_is_a_usage_error(name, archive, invocation):
    with pytest.raises(UsageError, match="there is no snapshot"):
        await show(name, invocation=invocation)


async def test_a_whole_archive_verifies(archive, invocation, capsys):
    assert await verify("4001", invocation=invocation) == 0

    assert capsys.readouterr().out == (
        f"ok            main/2022/2022-06-18_4001: 3 files, {amount(archive)}\n"
        f"1 snapshot, 3 files, {amount(archive)} read again: all ok\n"
    )


async def test_damage_is_named_with_file_and_reason_even_when_quiet(archive, invocation, capsys):
    damage(archive.root)

    with pytest.raises(RecordDamaged, match="1 snapshot of 1 not as archived"):
        await verify(everything=True, invocation=replace(invocation, quiet=True))

    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("FAILED        main/2022/2022-06-18_4001: data/Data_001.zip: its bytes are not the ones")


async def test_a_snapshot_whose_folder_is_gone_is_damage(archive, invocation, capsys):
    next(archive.root.glob("main/*/*_4001")).rename(archive.root / "elsewhere")

    with pytest.raises(RecordDamaged):
        await verify(everything=True, invocation=invocation)

    assert "the snapshot's folder is missing" in capsys.readouterr().out


async def test_parts_read_every_file_exactly_once(archive, invocation, capsys):
    read, told = 0, []
    for part in ("1/3", "2/3", "3/3"):
        await verify(subset=part, as_json=True, invocation=invocation)
        answer = json.loads(capsys.readouterr().out)
        read += answer["files"]
        told += [each["file"] for snapshot in answer["snapshots"] for each in snapshot["file_outcomes"]]

    assert read == 3
    assert sorted(told) == sorted(FILES)


FILES = ("attachments/Attachments_001.zip", "data/Data_001.zip", "data/Data_002.zip", "manifest.json", "SHA256SUMS")


async def test_each_file_has_an_outcome_of_its_own(archive, invocation, capsys, monkeypatch):
    async def read(path, limits, *, name, **how):
        if name == "data/Data_002.zip":
            return Unreadable(ArchiveError("I/O error"))
        return await read_again(path, limits, name=name, **how)

    monkeypatch.setattr("backupd.cli.verify.read_again", read)
    damage(archive.root)
    stray = next(archive.root.glob("main/*/*_4001")) / "stray.txt"
    stray.parent.chmod(0o750)
    stray.write_bytes(b"?")
    stray.chmod(0o440)

    with pytest.raises(RecordDamaged):
        await verify(everything=True, as_json=True, invocation=invocation)

    (snapshot,) = json.loads(capsys.readouterr().out)["snapshots"]
    assert {each["file"]: each["outcome"] for each in snapshot["file_outcomes"]} == {
        **dict.fromkeys(FILES, "ok"),
        "data/Data_001.zip": "failed",
        "data/Data_002.zip": "inconclusive",
        "stray.txt": "failed",
    }


@pytest.mark.parametrize(
    ("names", "wish", "words"),
    [
        ((), {}, "name snapshots, or else ask for --all"),
        (("4001",), {"everything": True}, "name snapshots, or else ask for --all"),
        ((), {"subset": "4/3"}, "4/3 is not a part; write N/T"),
    ],
)
async def test_a_verify_must_know_what_to_read(names, wish, words, archive, invocation):
    with pytest.raises(UsageError, match=words):
        await verify(*names, **wish, invocation=invocation)


async def test_a_check_is_a_line_for_each_finding(archive, invocation, capsys):
    assert await check(invocation=invocation) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "CHECK             RESULT   WHAT WAS FOUND",
        f"settings          OK       1 org: main ({invocation.config})",
    ]
    assert f"archive           OK       {archive.root} can be read and written" in lines
    assert any(
        line.startswith("clock main        WARNING  the vendor's clock differs from ours by 3 hours") for line in lines
    )


async def test_a_quiet_check_says_what_failed_and_no_more(archive, invocation, capsys):
    assert await check(invocation=replace(invocation, quiet=True)) == 0
    assert capsys.readouterr().out == ""

    archive.vendor.fault(Refuse(401, "INVALID_TOKEN"), on="api", always=True)
    assert await check(invocation=replace(invocation, quiet=True)) == 77
    (_, line) = capsys.readouterr().out.splitlines()
    assert line.startswith("vendor main  FAILED  GET /backup: the vendor answered 401 INVALID_TOKEN")


async def test_a_check_of_wrong_settings_names_each_problem_and_asks_nobody(archive, tmp_path, capsys):
    (tmp_path / "wrong.toml").write_text("[archive]\nroot = 3\nrot = 4\n")

    assert await check(as_json=True, invocation=Invocation(tmp_path / "wrong.toml")) == 78

    answer = json.loads(capsys.readouterr().out)
    assert [finding["result"] for finding in answer["findings"]] == ["FAILED", "FAILED"]


async def test_a_missing_root_is_no_empty_archive(archive, invocation):
    archive.root.rename(archive.root.with_name("gone"))

    with pytest.raises(ArchiveUnusable, match=r"does not exist \(.*\.toml, table \[archive\]\)"):
        await list_(invocation=invocation)


def amount(archive: Operator) -> str:
    return size(sum(path.stat().st_size for path in archive.root.glob("main/*/*/*/*.zip")))


def damage(root: Path) -> None:
    zip_file = next(root.glob("main/*/*/data/Data_001.zip"))
    zip_file.chmod(0o600)
    content = bytearray(zip_file.read_bytes())
    content[500] ^= 1
    zip_file.write_bytes(content)
    zip_file.chmod(0o440)
