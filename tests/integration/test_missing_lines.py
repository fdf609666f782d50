"""Lines that the journal lost are appended again for what exists, and a reader tells that they lack."""

import json
from itertools import count
from shutil import rmtree

import pytest

from backupd.cli.invocation import Invocation
from backupd.cli.verify import verify
from backupd.core.errors import RecordDamaged
from backupd.core.events import JournalMended
from backupd.core.exits import Exit
from backupd.core.facts import Scrubbed
from backupd.core.model import JobId
from tests.fakes.guillotine import Guillotine, Killed
from tests.fakes.values import data
from tests.fakes.vendor import ZGID, offer
from tests.integration.damaging import Site
from tests.integration.operator import operated, run

ONE, TWO = "4876876000001594001", "4876876000001594002"


@pytest.fixture
async def site(tmp_path):
    """Two snapshots; files were added to the second."""
    folder = tmp_path / "site"
    folder.mkdir()
    made = Site(folder)
    for names in (("Data_001.zip",), ("Data_001.zip", "Data_002.zip")):
        made.vendor.show(offer(ONE, "Data_001.zip"), offer(TWO, *names))
        assert (await made.cycle()).exit_status is Exit.OK
    return made


def lines(site: Site) -> list[dict[str, object]]:
    return [json.loads(line) for line in (site.root / "main/journal.jsonl").read_bytes().splitlines()]


def told(site: Site) -> list[tuple[object, object]]:
    """Return which revision of which job the journal tells of last."""
    found = {line["job_id"]: line["revision"] for line in lines(site) if line["kind"] in {"published", "revised"}}
    return sorted(found.items())


def cut(site: Site, kind: str, *, catalog_too: bool = False) -> None:
    """Cut the journal off before the first line of a kind."""
    journal = site.root / "main/journal.jsonl"
    kept = []
    for line in journal.read_bytes().splitlines(keepends=True):
        if json.loads(line)["kind"] == kind:
            break
        kept.append(line)
    journal.write_bytes(b"".join(kept))
    if catalog_too:
        (site.root / "catalog.sqlite").unlink()


@pytest.mark.parametrize("kind", ["published", "revised", "links_seen"])
@pytest.mark.parametrize("catalog_too", [True, False])
async def test_lines_of_snapshots_that_were_lost_are_appended_at_the_next_start(site, kind, catalog_too):
    before = site.tree
    cut(site, kind, catalog_too=catalog_too)
    site.ear.heard.clear()

    assert (await site.cycle()).exit_status is Exit.OK

    assert told(site) == [(ONE, 1), (TWO, 2)]
    assert site.tree == before
    assert {event.action for event in site.ear.of(JournalMended)} == {"appended"}
    assert len(await site.verify()) == 2
    length = len(lines(site))
    assert (await site.cycle()).exit_status is Exit.OK
    assert len(lines(site)) == length


async def test_a_whole_journal_that_was_lost_tells_of_all_snapshots_again(site):
    (site.root / "main/journal.jsonl").unlink()

    assert (await site.cycle()).exit_status is Exit.OK

    assert told(site) == [(ONE, 1), (TWO, 2)]


async def test_no_line_vouches_for_a_manifest_that_another_hand_changed(site):
    (manifest,) = site.root.glob(f"main/*/*_{ONE}/manifest.json")
    manifest.chmod(0o640)
    manifest.write_bytes(manifest.read_bytes().replace(b'"1.', b'"9.').replace(b'"0.', b'"9.'))
    manifest.chmod(0o440)
    cut(site, "published", catalog_too=True)

    await site.cycle()

    assert told(site) == [(TWO, 2)]
    assert len(await site.verify()) == 1


@pytest.mark.crash
@pytest.mark.timeout(300)
async def test_a_healing_that_was_killed_and_lost_the_catalog_too_is_told_as_a_healing(site, tmp_path):
    (damaged,) = site.root.glob(f"main/*/*_{TWO}/data/Data_002.zip")
    damaged.chmod(0o640)
    damaged.write_bytes(b"?" * 10)
    damaged.chmod(0o440)
    await site.write(Scrubbed(JobId(ZGID, TWO), 1, (data("Data_002.zip"),)))
    for at in count(1):
        copy = site.copy(tmp_path / f"at-{at}")
        blade = Guillotine(at=at)
        try:
            with blade.in_place():
                await copy.cycle()
        except (Killed, BaseExceptionGroup):
            rmtree(copy.root / ".state")  # the lock of the dead
        (copy.root / "catalog.sqlite").unlink(missing_ok=True)

        assert (await copy.cycle()).exit_status is Exit.OK

        facts = [line["kind"] for line in lines(copy) if line.get("job_id") == TWO]
        assert facts[-1] == "healed", (at, facts)
        assert facts.count("healed") == 1
        assert len(await copy.verify()) == 2
        rmtree(copy.folder)
        if len(blade.steps) < at:
            break


async def test_verify_tells_of_a_lost_line_and_completes_the_journal(tmp_path, capsys):
    async with operated(tmp_path, run("4001", days_ago=2, names=("Data_001.zip",))) as operator:
        assert await operator.run_once() is Exit.OK
        journal = operator.root / "main/journal.jsonl"
        whole = journal.read_bytes().splitlines(keepends=True)
        journal.write_bytes(b"".join(line for line in whole if b'"links_seen"' in line or b'"org_pinned"' in line))
        invocation = Invocation(operator.config, quiet=False)

        with pytest.raises(RecordDamaged, match=r"lack something|not as it was written"):
            await verify(everything=True, invocation=invocation)
        out = capsys.readouterr().out
        assert "is revision 1, the journal tells of none; the next cycle writes the line" in out
        assert "its end is lost" in out

        assert await verify(everything=True, invocation=invocation) == 0
        assert b'"published"' in journal.read_bytes()
