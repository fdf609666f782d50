"""`prune` and `hold` as people and programs use them."""

import asyncio
import json
from datetime import timedelta
from hashlib import sha256

import pytest

from backupd.cli.hold import hold
from backupd.cli.invocation import Invocation
from backupd.cli.prune import prune
from backupd.cli.snapshots import show
from backupd.cli.verify import verify
from backupd.core.errors import ArchiveBusy, RecordDamaged, UsageError
from backupd.core.facts import Scrubbed
from tests.fakes.records import checksums_hold
from tests.integration.keeper import DATA, Keeper
from tests.integration.operator import operated, run
from tests.integration.test_cli_answers import answered, documented, fits

RULES = "\n[retention]\nkeep_last = 1\n"


@pytest.fixture
async def keeper(tmp_path):
    """Two snapshots, years old, and a rule that keeps one."""
    runs = [
        run(name, days_ago=2 - 14 * number, names=("Data_001.zip",)) for number, name in enumerate(("4001", "4002"))
    ]
    async with operated(tmp_path, *runs) as operator:
        for _ in runs:
            await operator.run_once()
            operator.clock.pass_time(days=14)
        operator.config.write_text(operator.config.read_text() + RULES)
        yield Keeper(operator)


@pytest.fixture
def invocation(keeper):
    return Invocation(keeper.operator.config, quiet=False)


def _jobs(keeper) -> list[str]:
    return [path.rpartition("_")[2] for path in keeper.operator.snapshots]


async def test_a_dry_run_says_what_would_go_and_why_and_changes_nothing(keeper, invocation, capsys):
    assert await prune(dry_run=True, invocation=invocation) == 0

    out = capsys.readouterr().out
    assert "would go  no rule keeps it\n" in out
    assert "main: no rule keeps what would go: it is not one of the newest 1.\n" in out
    assert "it is one of the newest 1" in out
    assert _jobs(keeper) == ["4001", "4002"]


@pytest.mark.parametrize(
    ("ahead", "days_later", "refused"),
    [(2, 1, True), (-2, 1, True), (0.5, 1, False), (2, 8, False), (-24 * 400, 400, False)],
)
async def test_prune_knows_what_a_cycle_saw_of_the_vendors_clock(
    ahead, days_later, refused, keeper, invocation, monkeypatch
):
    seen = keeper.operator.root / ".state" / "main.clock.json"
    seen.unlink(missing_ok=True)
    with monkeypatch.context() as patched:
        patched.setattr("backupd.zoho.client.ZohoClient.clock_skew", lambda _: timedelta(hours=ahead))
        await keeper.operator.run_once()
    keeper.operator.config.write_text(keeper.operator.config.read_text() + RULES)
    monkeypatch.setattr("backupd.app.SystemClock.now", lambda _: keeper.operator.clock.now())
    async with asyncio.timeout(20):
        while not seen.exists():  # noqa: ASYNC110 (a thread writes it, and tells nobody)
            await asyncio.sleep(0)
    keeper.operator.clock.pass_time(days=days_later)

    if refused:
        with pytest.raises(RecordDamaged, match="more than an hour off the vendor's"):
            await prune(dry_run=True, invocation=invocation)
    else:
        assert await prune(dry_run=True, invocation=invocation) == 0


@pytest.mark.parametrize("damage", ["", "[]", '{"ahead": "x"}', '{"ahead": 1e300, "at": "2022-06-24T12:00:00Z"}'])
async def test_a_damaged_note_of_the_vendors_clock_is_as_none(damage, keeper, invocation):
    (keeper.operator.root / ".state" / "main.clock.json").write_text(damage)

    assert await prune(dry_run=True, invocation=invocation) == 0


async def test_a_dry_run_waits_for_no_lock(keeper, invocation):
    async with keeper.library() as library, library.archive.lock("main", what="cycle"):
        assert await prune(dry_run=True, invocation=invocation) == 0
        with pytest.raises(ArchiveBusy):
            await prune(invocation=invocation)


async def test_what_went_is_said(keeper, invocation, capsys):
    assert await prune(invocation=invocation) == 0

    assert "went to .trash" in capsys.readouterr().out
    assert _jobs(keeper) == ["4002"]


async def test_a_refusal_is_a_failure_that_names_the_reason(keeper, invocation, capsys):
    await keeper.write(Scrubbed(keeper.job("4002"), 1, (DATA,)))

    with pytest.raises(RecordDamaged, match="nothing is dropped"):
        await prune(invocation=invocation)

    assert _jobs(keeper) == ["4001", "4002"]


async def test_pruning_an_org_that_is_not_there_is_a_usage_error(keeper, invocation):
    with pytest.raises(UsageError, match="no org 'other'"):
        await prune(org="other", invocation=invocation)


async def test_a_hold_is_set_listed_outranks_the_rules_and_is_lifted(keeper, invocation, capsys):
    assert await hold("add", "4001", reason="lawsuit", invocation=invocation) == 0
    assert await hold("list", invocation=invocation) == 0
    await prune(invocation=invocation)

    out = capsys.readouterr().out
    assert "lawsuit" in out
    assert _jobs(keeper) == ["4001", "4002"]

    assert await hold("remove", "4001", invocation=invocation) == 0
    await prune(invocation=invocation)
    assert _jobs(keeper) == ["4002"]


@pytest.mark.parametrize(
    ("action", "snapshot", "reason", "words"),
    [
        ("add", "4001", None, "needs a --reason"),
        ("add", "4001", "  ", "needs a --reason"),
        ("add", None, "because", "no snapshot is named"),
        ("add", "nothing", "because", "no snapshot 'nothing'"),
        ("remove", "4001", "because", "takes no --reason"),
        ("remove", "4001", None, "is not held"),
    ],
)
async def test_a_hold_that_makes_no_sense_is_a_usage_error(keeper, invocation, action, snapshot, reason, words):
    with pytest.raises(UsageError, match=words):
        await hold(action, snapshot, reason=reason, invocation=invocation)


@pytest.mark.parametrize("command", ["prune", "hold"])
async def test_the_answer_is_what_the_document_says(keeper, invocation, capsys, command):
    await hold("add", "4001", reason="lawsuit", invocation=Invocation(invocation.config, quiet=True))
    if command == "prune":
        await prune(dry_run=True, as_json=True, invocation=invocation)
    else:
        await hold("list", as_json=True, invocation=invocation)

    fields = documented(command)
    found = list(answered(json.loads(capsys.readouterr().out), fields))

    assert {path for path, _ in found} == set(fields)
    assert all(fits(value, fields[path]) for path, value in found)


# --- verify --------------------------------------------------------------------------------------------------------


async def test_what_verify_found_is_written_down(keeper, invocation):
    keeper.damage("4001")

    with pytest.raises(RecordDamaged):
        await verify(everything=True, invocation=invocation)

    async with keeper.library() as library:
        found = {row.job.job: (row.damaged, row.scrubbed_at is not None) for row in await library.catalog.snapshots()}
    assert found == {"4001": (1, True), "4002": (0, True)}


async def test_each_file_says_when_it_was_last_verified_and_whether_it_was_damaged(keeper, invocation, capsys):
    keeper.damage("4001")
    with pytest.raises(RecordDamaged):
        await verify("4001", invocation=invocation)
    capsys.readouterr()

    await show("4001", invocation=invocation)
    await show("4001", as_json=True, invocation=invocation)

    text, _, document = capsys.readouterr().out.partition("{")
    (line,) = [line for line in text.splitlines() if " damaged " in line]
    assert line.startswith("data/Data_001.zip")
    readings = json.loads("{" + document)["readings"]
    assert [each["file"] for each in readings if each["damaged"]] == ["data/Data_001.zip"]


async def test_verify_waits_for_no_lock_and_says_that_nothing_is_written_down(keeper, invocation, capsys):
    async with keeper.library() as library, library.archive.lock("main", what="cycle"):
        assert await verify(everything=True, invocation=invocation) == 0

    assert "these results are not written down" in capsys.readouterr().err
    async with keeper.library() as library:
        assert [row.scrubbed_at for row in await library.catalog.snapshots()] == [None, None]


async def test_a_manifest_that_was_changed_together_with_its_checksum_is_found_out_by_the_journal(
    keeper, invocation, capsys
):
    folder = keeper.operator.root / keeper.folder("4001")
    for name in ("manifest.json", "SHA256SUMS"):
        (folder / name).chmod(0o640)
    before = (folder / "manifest.json").read_bytes()
    after = before.replace(b'"revision": 1', b'"revision" : 1')
    (folder / "manifest.json").write_bytes(after)
    sums = (folder / "SHA256SUMS").read_text()
    (folder / "SHA256SUMS").write_text(sums.replace(sha256(before).hexdigest(), sha256(after).hexdigest()))
    for name in ("manifest.json", "SHA256SUMS"):
        (folder / name).chmod(0o440)
    assert checksums_hold(folder)

    with pytest.raises(RecordDamaged):
        await verify("4001", invocation=invocation)

    assert "manifest.json: is not the one that the journal tells of" in capsys.readouterr().out


async def test_a_journal_whose_lines_do_not_follow_each_other_is_damage(keeper, invocation, capsys):
    journal = keeper.operator.root / "main" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"Data_001.zip"', b'"Data_002.zip"', 1))

    with pytest.raises(RecordDamaged, match="journal of main"):
        await verify(everything=True, invocation=invocation)

    assert "it does not follow the line before it" in capsys.readouterr().out
