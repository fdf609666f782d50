"""What open pages hear, and that nobody waits for them."""

import json

from backupd.core import events
from backupd.web.feed import Feed, Transfer
from tests.fakes.clock import START

KEY = ("main", "4004", "data/Data_001.zip")


def progress(received: int, *, org: str = "main") -> events.FileProgress:
    return events.FileProgress(org, *KEY[1:], received=received, total=100, resumed=10, rate=5.0)


def heard(messages) -> list[str]:
    return [messages.get_nowait() for _ in range(messages.qsize())]


async def test_progress_reaches_every_reader_as_it_comes():
    feed = Feed()
    with feed.reader(lambda: None) as one, feed.reader(lambda: None) as other:
        feed(progress(40))

        (message,) = heard(one)
        assert heard(other) == [message]
        assert message.startswith("event: progress\ndata: ")
        assert json.loads(message.partition("data: ")[2]) == {
            "key": "main/4004/data/Data_001.zip",
            "received": 40,
            "total": 100,
            "resumed": 10,
            "rate": 5.0,
        }


async def test_what_changes_a_page_is_told_without_any_detail():
    feed = Feed()
    with feed.reader(lambda: None) as messages:
        feed(events.JobWasMissed("main", "4004", 3, 1, START))
        feed(events.TokenRenewed("main", START))

        assert heard(messages) == ['event: changed\ndata: {"event": "job.missed"}\n\n']


async def test_a_reader_that_does_not_keep_up_is_dropped_and_the_others_are_not():
    feed, dropped = Feed(queue=3), []
    with feed.reader(lambda: dropped.append("slow")) as slow, feed.reader(lambda: dropped.append("quick")) as quick:
        for number in range(10):
            feed(progress(number))
            heard(quick)

        assert dropped == ["slow"]
        assert slow.qsize() == 3


async def test_there_is_an_end_to_the_number_of_readers():
    feed = Feed()
    readers = [feed.reader(lambda: None) for _ in range(64)]
    for reader in readers:
        assert not feed.is_full
        reader.__enter__()

    assert feed.is_full
    readers[0].__exit__(None, None, None)
    assert not feed.is_full


async def test_a_file_is_under_way_from_its_start_to_its_end():
    feed = Feed()
    feed(events.FileStarted(*KEY))
    assert feed.transfers == {KEY: Transfer()}
    feed(progress(40))
    assert feed.transfers == {KEY: Transfer(40, 100, 10, 5.0)}
    feed(events.FileFailed(*KEY, kind="link_dead", reason="", advice=""))
    assert feed.transfers == {}


async def test_nothing_of_an_org_moves_when_its_cycle_has_ended():
    feed = Feed()
    feed(events.CycleStarted("main"))
    feed(progress(40))
    feed(progress(40, org="other"))
    assert feed.running == {"main"}

    feed(events.CycleFailed("main", "fault", 1, "", ""))

    assert feed.running == set()
    assert [key[0] for key in feed.transfers] == ["other"]
