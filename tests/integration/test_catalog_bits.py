"""Whatever bit of the catalog turns over, the archive stays right: SQLite does not check its content.

Each flip meets a fresh copy of one archive; then a reader, a cycle and a pruning do as they did without it.
`--flips all` turns a bit of each byte over, else the same ones are drawn each time.
"""

import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from shutil import rmtree

import pytest

from backupd.core.exits import Exit
from tests.integration.damaging import DAMAGED, HELD, OLD, Site, flip

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]  # for all of them; a hundred take some ten CPU seconds

PAGE = 4096  # bytes


@dataclass
class Attack:
    """One archive, how it goes on when all is well, and copies of it to be hurt."""

    site: Site
    numbers: Iterator[int]
    archived: dict[str, str]
    pruned: dict[str, str]
    sound: set[str]
    told: Counter[str]

    @property
    def catalog(self) -> Path:
        return self.site.root / "catalog.sqlite"

    def copy(self) -> Site:
        return self.site.copy(self.site.folder.parent / f"copy-{next(self.numbers)}")

    def hurt(self, bit: int) -> Site:
        copy = self.copy()
        flip(copy.root / "catalog.sqlite", bit)
        return copy

    async def cycle(self, bit: int) -> None:
        site = self.hurt(bit)

        await site.status()
        await site.prune(dry_run=True)
        assert self.sound <= await site.verify()
        outcome = await site.cycle()

        assert outcome.exit_status is Exit.OK
        assert site.tree == self.archived
        # job.found: links whose row was lost are written down once more
        assert set(site.ear.names) - self.told.keys() <= {"catalog.rebuilt", "job.found"}
        rmtree(site.folder)

    async def prune(self, bit: int) -> None:
        site = self.hurt(bit)
        site.clock.pass_time(days=40)

        await site.prune()

        assert site.tree == self.pruned
        rmtree(site.folder)

    def bits(self, wanted: str, *tables: str) -> list[int]:
        """Return one bit of so many bytes in use, or of `all`, of the pages of these tables, or of the whole file."""
        content = self.catalog.read_bytes()
        with sqlite3.connect(self.catalog) as database:
            roots = dict(database.execute("SELECT name, rootpage FROM sqlite_master").fetchall())
        database.close()
        pages = [roots[table] - 1 for table in tables] or range(len(content) // PAGE)
        bits = [
            8 * place + place % 8 for page in pages for place in range(page * PAGE, (page + 1) * PAGE) if content[place]
        ]
        return bits if wanted == "all" else random.Random(1).sample(bits, min(int(wanted), len(bits)))


@pytest.fixture
async def attack(tmp_path):
    folder = tmp_path / "site"
    folder.mkdir()
    site = Site(folder)
    await site.fill()
    numbers = count()
    good, pruned = site.copy(tmp_path / "good"), site.copy(tmp_path / "pruned")
    sound = await good.verify()
    assert (await good.cycle()).exit_status is Exit.OK
    pruned.clock.pass_time(days=40)
    gone = {snapshot.job.job for snapshot in (await pruned.prune()).drops}
    assert {DAMAGED, OLD} <= gone
    assert HELD not in gone
    return Attack(site, numbers, good.tree, pruned.tree, sound, Counter(good.ear.names))


@pytest.fixture
def wanted(request) -> str:
    return str(request.config.getoption("--flips"))


async def test_a_bit_anywhere_changes_nothing_in_the_archive(attack, wanted):
    for bit in attack.bits(wanted):
        await attack.cycle(bit)
        await attack.prune(bit)


@pytest.mark.parametrize("table", ["links", "jobs", "orgs"])
async def test_no_byte_of_what_a_cycle_goes_by_can_mislead_it(attack, table, wanted):
    for bit in attack.bits(wanted, table):
        await attack.cycle(bit)


@pytest.mark.parametrize("table", ["holds", "snapshots"])
async def test_no_byte_of_what_rules_go_by_can_mislead_them(attack, table, wanted):
    for bit in attack.bits(wanted, table):
        await attack.prune(bit)
