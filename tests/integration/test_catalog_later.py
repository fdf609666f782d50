"""What became of snapshots after their day: the catalog's answers, live and after a rebuild."""

import shutil
from datetime import timedelta

import pytest

from backupd.catalog import Catalog
from backupd.core.facts import Dropped, Healed, HoldLifted, HoldSet, LinksSeen, Scrubbed
from tests.fakes.values import EXPIRES_AT, JOB, link
from tests.integration.test_catalog import ONE, OTHER, SEEN, THREE, TWO, Office, office

__all__ = ["office"]


async def everything(catalog: Catalog, office: Office) -> list[object]:
    """Ask all there is to ask about later."""
    now = office.clock.now()
    return [
        sorted(await catalog.later.standings("main"), key=lambda each: each.path),
        await catalog.later.holds(),
        await catalog.later.dropped("main"),
        await catalog.later.longest_unread("main", before=now + timedelta(days=1), limit=10),
        await catalog.curable("main", now),
        await catalog.pending("main"),
        await catalog.archived("main", [JOB, OTHER]),
        await catalog.snapshots(),
    ]


@pytest.fixture
async def catalog(office):
    """Two published jobs."""
    async with await office.catalog() as catalog:
        await catalog.catch_up("main", await office.journal())
        await office.note(catalog, SEEN)
        await office.publish(catalog, ONE, TWO)
        await office.note(catalog, LinksSeen(OTHER, EXPIRES_AT, (link(OTHER, ONE), link(OTHER, THREE))))
        await office.publish(catalog, ONE, THREE, job=OTHER)
        yield catalog


async def _same_after_a_rebuild(catalog, office) -> None:
    before = await everything(catalog, office)
    await catalog.rebuild()
    assert await everything(catalog, office) == before


async def _drop(catalog, office, job=JOB) -> str:
    known = (await catalog.archived("main", [job]))[job]
    shutil.move(office.root / known.path, office.root / ".trash" / "gone")
    await office.note(catalog, Dropped(job, str(known.path), known.revision, known.manifest_sha256, ("keep_last",)))
    return str(known.path)


async def test_a_dropped_job_is_gone_and_is_not_fetched_again(catalog, office):
    path = await _drop(catalog, office)

    assert JOB not in await catalog.archived("main", [JOB])
    assert await catalog.pending("main") == ()
    assert [(job.job, str(job.path)) for job in await catalog.later.dropped("main")] == [(JOB, path)]
    await _same_after_a_rebuild(catalog, office)


async def test_links_that_show_again_do_not_bring_a_dropped_job_back(catalog, office):
    await _drop(catalog, office)

    await office.note(catalog, LinksSeen(JOB, EXPIRES_AT + timedelta(days=1), SEEN.links))

    assert await catalog.pending("main") == ()
    await _same_after_a_rebuild(catalog, office)


async def test_a_dropped_snapshot_that_was_put_back_is_there_after_a_rebuild(catalog, office):
    path = await _drop(catalog, office)

    shutil.move(office.root / ".trash" / "gone", office.root / path)
    await catalog.rebuild()

    assert JOB in await catalog.archived("main", [JOB])


async def test_a_job_dropped_with_an_unknown_past_is_not_fetched_either(office):
    async with await office.catalog() as catalog:
        await office.note(catalog, Dropped(JOB, "main/2022/2022-06-23_1", 1, "", ()))
        await office.note(catalog, SEEN)

        assert await catalog.pending("main") == ()


async def test_damage_is_known_by_file_and_may_be_cured_while_links_live(catalog, office):
    await office.note(catalog, Scrubbed(JOB, 2, (TWO,), read=(TWO,)))

    assert (await catalog.archived("main", [JOB]))[JOB].damaged == {TWO}
    assert [offer.offer.job for offer in await catalog.curable("main", office.clock.now())] == [JOB]
    assert await catalog.curable("main", EXPIRES_AT) == ()
    assert await catalog.pending("main") == ()
    assert [each.verified for each in await catalog.later.standings("main") if each.job == JOB] == [False]
    await _same_after_a_rebuild(catalog, office)


async def test_what_was_healed_is_sound_again(catalog, office):
    await office.note(catalog, Scrubbed(JOB, 2, (TWO,)))
    known = (await catalog.archived("main", [JOB]))[JOB]

    await office.note(catalog, Healed(JOB, str(known.path), 1, known.manifest_sha256, (TWO,)))

    assert not (await catalog.archived("main", [JOB]))[JOB].damaged
    assert await catalog.curable("main", office.clock.now()) == ()
    await _same_after_a_rebuild(catalog, office)


async def test_a_later_reading_that_finds_nothing_clears_the_damage(catalog, office):
    await office.note(catalog, Scrubbed(JOB, 2, (TWO,), other=("stray",)))
    await office.note(catalog, Scrubbed(JOB, 1, (), read=(ONE,), other=("stray",)))
    still = next(row.damaged for row in await catalog.snapshots() if row.job == JOB)
    await office.note(catalog, Scrubbed(JOB, 2, (), other=()))

    assert still == 2
    assert next(row.damaged for row in await catalog.snapshots() if row.job == JOB) == 0
    await _same_after_a_rebuild(catalog, office)


async def test_each_file_knows_when_it_was_last_read(catalog, office):
    office.clock.pass_time(days=3)
    await office.note(catalog, Scrubbed(JOB, 1, (), read=(ONE,)))

    unread = await catalog.later.longest_unread("main", before=office.clock.now(), limit=10)

    assert {(each.job, each.file) for each in unread} == {(JOB, TWO), (OTHER, ONE), (OTHER, THREE)}
    (path,) = {each.snapshot for each in unread if each.job == JOB}
    assert [row.read_at == office.clock.now() for row in await catalog.files(path)] == [True, False]
    await _same_after_a_rebuild(catalog, office)


async def test_holds_are_set_renewed_and_lifted(catalog, office):
    await office.note(catalog, HoldSet(JOB, "audit"))
    await office.note(catalog, HoldSet(OTHER, "lawsuit"))
    await office.note(catalog, HoldSet(OTHER, "lawsuit of 2022"))
    await _same_after_a_rebuild(catalog, office)

    assert {(hold.job, hold.reason) for hold in await catalog.later.holds("main")} == {
        (JOB, "audit"),
        (OTHER, "lawsuit of 2022"),
    }
    await office.note(catalog, HoldLifted(OTHER))
    assert [hold.job for hold in await catalog.later.holds()] == [JOB]


async def test_a_snapshot_that_lacks_files_of_its_job_is_partial(office):
    async with await office.catalog() as catalog:
        await office.note(catalog, SEEN)
        await office.publish(catalog, ONE)

        assert [each.partial for each in await catalog.later.standings("main")] == [True]
