"""How far a file is, told at most twice a second."""

from backupd.core.events import Event, FileProgress
from backupd.core.model import FileId, JobId, Kind, Link
from backupd.download.progress import Progress

LINK = Link(JobId("757345985", "4004"), FileId(Kind.DATA, "Data_001.zip"), "https://files.example/")
TOTAL = 10_000_000


def receive(pieces: int, *, every: float, size: int = 1000, total: int | None = TOTAL) -> list[FileProgress]:
    """Let pieces of 1000 bytes come; return what was told."""
    told: list[Event] = []
    progress = Progress("main", LINK, told.append)
    for number in range(1, pieces + 1):
        now = 1000.0 + number * every
        if progress.received(size, now):
            progress.tell(now, in_hand=5_000_000 + number * size, total=total, resumed=5_000_000)
    return [event for event in told if isinstance(event, FileProgress)]


def test_however_often_bytes_come_it_is_told_twice_a_second():
    assert 19 <= len(receive(10_000, every=0.001)) <= 21
    assert len(receive(20, every=0.6)) == 20


def test_it_says_which_file_how_far_how_fast_and_how_long_to_go():
    last = receive(10_000, every=0.001, size=100)[-1]

    assert (last.org, last.job_id, last.file) == ("main", "4004", "data/Data_001.zip")
    assert (last.total, last.resumed) == (TOTAL, 5_000_000)
    assert last.received > 5_900_000
    assert 99_000 <= last.rate <= 101_000
    assert last.left is not None
    assert abs(last.left - (TOTAL - last.received) / last.rate) < 0.1


def test_what_is_not_known_yet_is_not_made_up():
    first, *_, last = receive(2000, every=0.001, total=None)

    assert (first.rate, first.left) == (0.0, None)
    assert last.rate > 0
    assert last.left is None


def test_the_rate_is_that_of_the_last_seconds():
    told: list[Event] = []
    progress = Progress("main", LINK, told.append)
    for number, size in enumerate([1_000_000] * 60 + [1000] * 20):
        if progress.received(size, number / 2):
            progress.tell(number / 2, in_hand=0, total=TOTAL, resumed=0)

    rates = [event.rate for event in told if isinstance(event, FileProgress)]
    assert (rates[55], rates[-1]) == (2_000_000, 2000)
