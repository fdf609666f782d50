"""Each file is read again in its time, whatever comes between."""

from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import PurePosixPath

import pytest

from backupd.core.listing import LastRead
from backupd.core.model import FileId, JobId, Kind
from backupd.core.portion import due_before, portion, quota

START = datetime(2024, 1, 1, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
EVERY, ROUND = 30 * DAY, 6 * HOUR
PATH, JOB = PurePosixPath("main/2024/2024-01-01_1"), JobId("7", "1")


def file(number: int, read_at: datetime) -> LastRead:
    return LastRead(PATH, JOB, FileId(Kind.DATA, str(number)), 100 + number, read_at)


class Reader:
    """Reads so many files, again and again; all were archived at the start."""

    def __init__(self, files: int) -> None:
        self.files = {number: file(number, START) for number in range(files)}
        self.now = START
        self.total = sum(each.size for each in self.files.values())
        self.portions: list[float] = []  # of all bytes

    def live(self, span: timedelta, *, reading: timedelta = timedelta(0)) -> timedelta:
        """Read at each round; return how long the longest unread file was not read, at its worst."""
        until, worst = self.now + span, timedelta(0)
        while self.now < until:
            before = due_before(self.now, EVERY)
            due = sorted((each for each in self.files.values() if each.read_at < before), key=lambda each: each.read_at)
            hours = [list(group) for _, group in groupby(due, lambda each: each.read_at.replace(minute=0))]
            sizes = [(group[0].read_at, sum(each.size for each in group)) for group in hours]
            chosen = portion(due, quota(sizes, self.total, now=self.now, every=EVERY, since=ROUND))
            for each in chosen:
                number, read = int(each.file.name), self.now + reading
                worst = max(worst, read - each.read_at)
                self.files[number] = file(number, read)
            self.portions.append(sum(each.size for each in chosen) / self.total)
            self.now += ROUND
        return max(worst, self.now - min(each.read_at for each in self.files.values()))


@pytest.mark.parametrize("reading", [timedelta(0), 2 * HOUR])
@pytest.mark.parametrize("files", [1, 7, 600])
def test_each_file_is_read_within_its_time(files, reading):
    reader = Reader(files)

    assert reader.live(200 * DAY, reading=reading) <= EVERY
    if files == 600:
        assert max(reader.portions) < 1 / 30  # spread: never a day's worth and more at once


@pytest.mark.parametrize("off", [2, 10, 40])
def test_what_was_left_out_while_nothing_was_read_is_made_up_for(off):
    reader = Reader(600)
    reader.live(75 * DAY)
    reader.now += off * DAY
    reader.portions.clear()

    late = reader.live(6 * DAY)

    assert late <= EVERY + max(0, off - 3) * DAY + DAY
    assert reader.live(60 * DAY) <= EVERY
    assert max(reader.portions) < 1 / 3  # not all at once


def test_however_little_is_due_a_file_of_it_is_read():
    assert portion([file(1, START)], quota([(START, 0)], 0, now=START + 20 * DAY, every=EVERY, since=ROUND))
