"""Links that were refused are remembered: allowed in time they are fetched, else told again and again, then missed."""

import json
from dataclasses import replace

import pytest

from backupd.cli.invocation import Invocation
from backupd.cli.upkeep import rebuild_catalog
from backupd.core import events
from backupd.core.exits import Exit
from tests.fakes.vendor import ZGID, link, offer
from tests.integration.damaging import Site
from tests.integration.operator import JOB, NAMES, operated, run

NEWER = "4876876000001594005"


@pytest.fixture
async def operator(tmp_path):
    """One whose vendor moved to another host for one run, and hid that run behind a newer one, moved back."""
    async with operated(tmp_path, run()) as made:
        made.vendor.switch(link_base=f"http://{elsewhere(made)}")
        assert await made.run_once() is Exit.INCOMPLETE
        assert told(made) == [
            f"{kind} link {number}" for kind, number in (("data", 1), ("data", 2), ("attachments", 1))
        ]
        hide(made)
        yield made


def elsewhere(operator):
    """Name the vendor's other host."""
    return operator.hosts[0].replace("127.0.0.1", "localhost")


def hide(operator):
    operator.vendor.switch(link_base="")
    operator.vendor.add_run(run(NEWER, days_ago=1, names=NAMES[:1]))
    operator.clock.pass_time(hours=1)
    operator.ear.heard.clear()


def told(operator):
    return [event.file for event in operator.ear.of(events.LinkWasRefused)]


async def forget(operator, *, catalog: str):
    """Each run is a process of its own; what it knows of links may come from the journal alone."""
    if catalog == "deleted":
        (operator.root / "catalog.sqlite").unlink()
    if catalog == "rebuilt":
        assert await rebuild_catalog(invocation=Invocation(operator.config, quiet=True)) == Exit.OK


@pytest.mark.parametrize("catalog", ["kept", "deleted", "rebuilt"])
async def test_refused_links_that_a_newer_run_hides_are_told_until_they_expire_and_then_missed_once(operator, catalog):
    for _ in range(2):
        await forget(operator, catalog=catalog)
        operator.ear.heard.clear()
        assert await operator.run_once() is Exit.INCOMPLETE
        assert sorted(told(operator)) == ["attachments/Attachments_001.zip", "data/Data_001.zip", "data/Data_002.zip"]
        (incomplete,) = operator.ear.of(events.JobIncomplete)
        assert incomplete.job_id == JOB
    assert [path.rpartition("_")[2] for path in operator.snapshots] == [NEWER]
    assert {request.host.partition(":")[0] for request in operator.vendor.asked("download")} == {"127.0.0.1"}

    operator.clock.pass_time(days=5)
    operator.ear.heard.clear()
    assert await operator.run_once() is Exit.INCOMPLETE
    (missed,) = operator.ear.of(events.JobWasMissed)
    assert (missed.job_id, missed.files, missed.saved) == (JOB, len(NAMES), 0)
    assert told(operator) == []

    await forget(operator, catalog=catalog)
    assert await operator.run_once() is Exit.OK
    assert len(operator.ear.of(events.JobWasMissed)) == 1


@pytest.mark.parametrize("catalog", ["kept", "deleted", "rebuilt"])
async def test_refused_links_whose_host_the_operator_allows_in_time_are_fetched_though_hidden(operator, catalog):
    assert await operator.run_once() is Exit.INCOMPLETE
    await forget(operator, catalog=catalog)
    operator.hosts.append(elsewhere(operator))

    assert await operator.run_once() is Exit.OK

    assert await operator.is_whole(JOB)
    assert await operator.is_whole(NEWER, names=NAMES[:1])
    assert operator.ear.of(events.JobWasMissed) == []


async def test_a_refused_link_that_might_hold_a_secret_is_remembered_without_its_address(tmp_path):
    async with operated(tmp_path, run()) as operator:
        address = operator.hosts[0]
        operator.vendor.switch(link_base=f"http://somebody:hunter2@{address}")
        assert await operator.run_once() is Exit.INCOMPLETE
        hide(operator)

        assert await operator.run_once() is Exit.INCOMPLETE

        assert {"its address not kept" in event.reason for event in operator.ear.of(events.LinkWasRefused)} == {True}
        journal = (operator.root / "main/journal.jsonl").read_bytes()
        assert b"hunter2" not in journal
        assert b"hunter2" not in (operator.root / "catalog.sqlite").read_bytes()
        (seen,) = [
            line for line in map(json.loads, journal.splitlines()) if line.get("links") and line["job_id"] == JOB
        ]
        assert [link["url"] for link in seen["links"]] == [""] * len(NAMES)
        operator.clock.pass_time(days=5)
        assert await operator.run_once() is Exit.INCOMPLETE
        assert len(operator.ear.of(events.JobWasMissed)) == 1


async def test_a_job_of_which_one_link_was_refused_is_not_taken_for_whole_once_it_is_hidden(tmp_path):
    site = Site(tmp_path)
    bad = replace(link(JOB, "Data_002.zip"), url=f"https://files.example/v2/crm/{ZGID}/backup/{JOB}/Data_002.zip")
    good, newer = offer(JOB, "Data_001.zip"), offer(NEWER, "Data_001.zip")
    site.vendor.barred = ("files.example",)
    site.vendor.show(good)
    site.vendor.bar(replace(good, links=(bad,)))
    assert (await site.cycle()).exit_status is Exit.INCOMPLETE
    site.vendor.show(newer)
    site.vendor.bar()

    assert (await site.cycle()).exit_status is Exit.INCOMPLETE
    assert {path.split("/")[2].partition("_")[2] for path in site.tree} == {NEWER}

    site.vendor.barred = ()
    assert (await site.cycle()).exit_status is Exit.OK
    assert {path.rpartition("/")[2] for path in site.tree if JOB in path} >= {"Data_001.zip", "Data_002.zip"}
    assert site.downloads.fetched.count(f"{JOB}/data/Data_001.zip") == 1


async def test_a_job_of_which_one_file_has_no_usable_name_is_never_taken_for_whole(tmp_path):
    names = ("Data_001.zip", "Data_\u202e002.zip")
    async with operated(tmp_path, run(names=names)) as made:
        assert await made.run_once() is Exit.INCOMPLETE
        hide(made)

        assert await made.run_once() is Exit.INCOMPLETE
        assert [path.rpartition("_")[2] for path in made.snapshots] == [NEWER]
        made.clock.pass_time(days=7)
        assert await made.run_once() is Exit.INCOMPLETE
        (missed,) = made.ear.of(events.JobWasMissed)
        assert (missed.job_id, missed.files, missed.saved) == (JOB, 2, 1)
        assert "job_missed" in {alarm.condition for alarm in made.ear.of(events.AlarmWasRaised)}


async def test_what_is_saved_of_a_job_with_an_unusable_name_is_marked_as_partial(tmp_path):
    async with operated(tmp_path, run(names=("Data_001.zip", "Data_\u202e002.zip"))) as made:
        made.archive_settings = "keep_partial = true"
        await made.run_once()
        hide(made)
        made.clock.pass_time(days=7)
        await made.run_once()

        (folder,) = [made.root / path for path in made.snapshots if path.endswith(JOB)]
        manifest = json.loads((folder / "manifest.json").read_text())
        assert manifest["partial"] is True
        (missing,) = manifest["missing"]
        assert "unusable-name-" in str(missing)
