"""Messages and heartbeats as they arrive: at a mail server, at webhooks, at a watcher; and when nobody takes them."""

import asyncio
import json
import os
from contextlib import asynccontextmanager
from datetime import timedelta

import aiohttp
import pytest

from backupd.core import events
from backupd.core.events import NotifyFailed
from backupd.notify import Outbox, Recipients
from backupd.notify.apprise_door import AppriseDoor
from backupd.notify.failures import Failures
from backupd.notify.memory import Memory
from backupd.notify.messages import Messages
from backupd.notify.statefile import started
from tests.fakes.catcher import http_catcher, postbox
from tests.fakes.clock import FakeClock
from tests.fakes.records import Ear

# Apprise's plugins import it where there still is one
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

FULL = events.AlarmWasRaised("main", "disk_full", "disk_full", "the disk has 3 MB left", "Free some space.")
HEAD = "ab" * 32
GOOD = events.CycleFinished("main", "archived", 0, 1, 3, 12_300_000, 8.0, HEAD)
BAD = events.CycleFinished("main", "download_failed", 69, 0, 0, 0, 8.0, HEAD)
BROKEN = events.CycleFailed("main", "archive", 73, "the disk fails", "Look.")
BUSY = events.CycleFailed("main", "archive_busy", 75, "process 7 has the lock", "Wait.")


@pytest.fixture
def clock():
    return FakeClock()


class Waiting(Ear):
    """Hears of what could not be told."""

    def __init__(self) -> None:
        super().__init__()
        self._news = asyncio.Event()

    def __call__(self, event: events.Event) -> None:
        super().__call__(event)
        self._news.set()

    async def until_told(self) -> None:
        async with asyncio.timeout(20):
            await self._news.wait()


@pytest.fixture
def ear():
    return Waiting()


@pytest.fixture
def outbox(clock, ear):
    """Open an outbox for these recipients; its end delivers what is left."""

    @asynccontextmanager
    async def opened(patience: float = 30.0, **recipients):
        async with Outbox(clock, ear, aiohttp.ClientSession, clean, patience=patience) as box:
            await box.use(Recipients(**recipients))
            yield box

    return opened


def clean(text: str) -> str:
    return text.replace("1000.hunter2", "[redacted]")


def hook(url: str) -> str:
    return url.replace("http://", "json://")


# --- messages -----------------------------------------------------------------------------------------------------


async def test_an_alarm_comes_by_mail_with_org_and_remedy(outbox):
    async with postbox() as box:
        url = f"mailto://127.0.0.1:{box.port}?from=backupd@example.org&to=ops@example.org&mode=insecure"
        async with outbox(messages=(url,)) as tell:
            tell(FULL)

        (mail,) = box.mails
        assert mail["Subject"] == "backupd main: the disk is full: make room"
        assert "ops@example.org" in mail["To"]
        assert "The disk has 3 MB left" in mail.as_string()
        assert "What to do: Free some space." in mail.as_string()


async def test_several_alarms_of_one_moment_are_one_message(outbox):
    async with http_catcher() as catcher:
        async with outbox(messages=(hook(catcher.url),)) as tell:
            tell(FULL)
            tell(events.RunFailed("main", None))
            await catcher.until(1)

        ((_, body),) = catcher.caught
        assert json.loads(body)["title"] == "backupd main: the disk is full: make room (and 1 more)"
        assert json.loads(body)["type"] == "failure"
        assert "backupd main: a backup failed at the vendor" in json.loads(body)["message"]


async def test_good_news_comes_only_when_wished(outbox):
    published = events.JobPublished("main", "4003", "main/2022/x", 3, 12_300_000, 95.0)
    async with http_catcher() as catcher:
        async with outbox(messages=(hook(catcher.url),)) as tell:
            tell(published)
        assert catcher.caught == []

        async with outbox(messages=(hook(catcher.url),), success=True) as tell:
            tell(published)
        assert json.loads(catcher.caught[0][1])["type"] == "success"


async def test_a_place_that_fails_is_tried_again_and_the_others_hear_it_once(outbox, clock, ear):
    async with http_catcher() as good, http_catcher() as bad:
        bad.answers[:] = [500, 500]
        async with outbox(messages=(hook(good.url), hook(bad.url))) as tell:
            tell(FULL)
            await bad.until(3)

        assert len(good.caught) == 1
        assert len(bad.caught) == 3
        assert [slept for slept in clock.slept if slept >= 60] == [60.0, 300.0]
    (failed,) = ear.of(NotifyFailed)  # the second failure came within the hour
    assert failed == NotifyFailed("messages", "", "notify.urls, entry 2 (json): the message was not taken", 1)


async def test_a_place_that_hangs_or_refuses_delays_no_other(outbox, clock, ear):
    """Each has an order, tries and a pace of its own; one that hangs holds one thread, whatever there is to tell."""
    async with http_catcher() as hung, http_catcher() as bad, http_catcher() as good:
        hung.hold = asyncio.Event()
        bad.answers[:] = [500] * 1000
        async with outbox(messages=(hook(hung.url), hook(bad.url), hook(good.url))) as tell:
            began = clock.monotonic()
            for number in range(3):
                tell(events.RunFailed("main", clock.now() + timedelta(days=number)))
                await good.until(number + 1)
                await bad.until(3 * (number + 1))
            pauses = sorted(slept for slept in clock.slept if slept > 2)
            hung.hold.set()

        assert len(good.caught) == 3
        assert len(hung.caught) == 2  # the first; all others together, at the end
        assert pauses == [60.0] * 3 + [300.0] * 3  # those of the refusing place only
        assert clock.monotonic() - began < 1200
    assert {failed.reason for failed in ear.of(NotifyFailed)} == {
        "notify.urls, entry 2 (json): the message was not taken"
    }


async def test_a_hung_place_is_named_and_gets_what_it_missed(outbox, ear, monkeypatch):
    monkeypatch.setattr("backupd.notify.place._LONGEST", 0.05)
    async with http_catcher() as first, http_catcher() as second:
        first.hold = asyncio.Event()
        async with outbox(messages=(hook(first.url), hook(second.url))) as tell:
            tell(FULL)
            await ear.until_told()
            await first.until(1)
            monkeypatch.setattr("backupd.notify.place._LONGEST", 20.0)
            first.hold.set()
            tell(events.RunFailed("main", None))
            await first.until(2)

    assert "notify.urls, entry 1 (json): a delivery did not end within 0.05 s" in {
        failed.reason for failed in ear.of(NotifyFailed)
    }


async def test_what_was_to_be_tried_again_is_tried_once_more_at_the_end(ear):
    class Stopped(FakeClock):
        async def sleep(self, seconds: float) -> None:
            if seconds >= 60:
                await asyncio.Event().wait()
            await super().sleep(seconds)

    async with http_catcher() as catcher:
        catcher.answers[:] = [500]
        async with Outbox(Stopped(), ear, aiohttp.ClientSession, clean) as tell:
            await tell.use(Recipients(messages=(hook(catcher.url),)))
            tell(FULL)
            await ear.until_told()

        assert len(catcher.caught) == 2


REFUSED = events.LinkWasRefused("main", "4003", "data/Data_001.zip", "names a host that is not allowed")


async def test_runs_from_cron_tell_the_same_once_a_day(outbox, clock, tmp_path):
    memory = tmp_path / "messages.json"
    async with http_catcher() as catcher:
        for hour in range(26):
            clock.pass_time(hours=hour > 0)
            async with outbox(messages=(hook(catcher.url),), memory=memory) as tell:
                tell(REFUSED)

        assert len(catcher.caught) == 2
    assert memory.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "damage", ["", "{}", "[]", '{"told": [{"key": 1}], "waiting": []}', '{"told": [], "waiting": [3]}', "[" * 100_000]
)
async def test_a_damaged_memory_is_begun_anew(damage, outbox, tmp_path):
    memory = tmp_path / "messages.json"
    memory.write_text(damage)
    async with http_catcher() as catcher:
        for _ in range(2):
            async with outbox(messages=(hook(catcher.url),), memory=memory) as tell:
                tell(REFUSED)

        assert len(catcher.caught) == 1


async def test_what_a_run_could_not_deliver_the_next_one_delivers(outbox, clock, tmp_path):
    memory = tmp_path / "messages.json"
    async with http_catcher() as catcher:
        catcher.answers[:] = [500]
        for _ in range(3):
            async with outbox(messages=(hook(catcher.url),), memory=memory) as tell:
                tell(REFUSED)
            clock.pass_time(hours=1)

        assert len(catcher.caught) == 2


@pytest.mark.parametrize(
    ("hours", "whose", "count"),
    [(1, os.getpid(), 1), (25, os.getpid(), 0), (1, os.getppid(), 0)],
    ids=["its own, lately", "its own, long ago", "another's that lives"],
)
async def test_what_a_killed_program_left_is_delivered_in_its_stead(hours, whose, count, outbox, clock, tmp_path):
    memory = tmp_path / "messages.json"
    async with http_catcher() as catcher:
        killed = Messages(AppriseDoor((hook(catcher.url),)), clock, Failures(clock, Ear()), clean, Memory(memory))
        killed(FULL)  # and no more
        document = json.loads(memory.read_text())
        document["waiting"][0] |= {"pid": whose, "started": started(whose)}
        memory.write_text(json.dumps(document))
        clock.pass_time(hours=hours)

        async with outbox(messages=(hook(catcher.url),), memory=memory):
            pass

        assert len(catcher.caught) == count


async def test_where_the_archive_was_nothing_is_kept_until_it_is_back(outbox, clock, tmp_path):
    memory = tmp_path / "messages.json"
    async with http_catcher() as catcher, outbox(messages=(hook(catcher.url),), memory=memory) as tell:
        tell(events.ArchiveLost("it is gone", "Look."))
        tell(REFUSED)
        assert not memory.exists()

        tell(events.ArchiveFound(str(tmp_path), 60.0))
        assert memory.exists()


async def test_no_message_and_no_heartbeat_shows_a_secret(outbox):
    secret = "FAILED 1000.hunter2"  # what a vendor may say
    async with http_catcher() as catcher:
        async with outbox(messages=(hook(catcher.url),), heartbeats={"main": catcher.url}) as tell:
            tell(events.CycleStarted("main"))
            tell(events.AlarmWasRaised("main", "x", secret, secret, secret))
            tell(events.FileFailed("main", "4003", "Data_001.zip", "download_failed", secret, ""))
            tell(events.CycleFailed("main", "x", 78, secret, ""))

        said = "".join(body for _, body in catcher.caught)
        assert "hunter2" not in said
        assert said.count("FAILED [redacted]") >= 4


@pytest.mark.parametrize("url", ["nonsense", "hunter2://user:hunter2@nowhere", "mailto://hunter2"])
async def test_what_is_no_address_is_told_without_showing_it(url, outbox, ear):
    async with outbox(messages=(url,)) as tell:
        tell(FULL)

    (failed,) = ear.of(NotifyFailed)
    assert "notify.urls, entry 1" in failed.reason
    assert "it is not an address that Apprise knows" in failed.reason
    assert "user" not in failed.reason


async def test_a_mail_server_that_refuses_is_told_of(outbox, ear):
    async with postbox() as box:
        box.refuses = True
        url = f"mailto://127.0.0.1:{box.port}?from=backupd@example.org&to=ops@example.org&mode=insecure"
        async with outbox(messages=(url,)) as tell:
            tell(FULL)

    assert [failed.reason for failed in ear.of(NotifyFailed)] == [
        "notify.urls, entry 1 (mailto): the message was not taken"
    ]


async def test_a_delivery_that_hangs_holds_the_end_up_for_its_patience_only(outbox, ear):
    async with http_catcher() as catcher:
        catcher.hold = asyncio.Event()
        async with outbox(patience=0.2, messages=(hook(catcher.url),)) as tell:
            tell(FULL)
            await catcher.until(1)
        catcher.hold.set()

    (failed,) = ear.of(NotifyFailed)
    assert (failed.channel, failed.reason) == ("outbox", "what was left could not be delivered within 0.2 s")


async def test_that_nobody_can_be_told_is_told_once_an_hour(outbox, ear, clock):
    async with outbox(messages=("nonsense",)) as tell:
        tell(FULL)
    async with Outbox(clock, ear, aiohttp.ClientSession, clean) as box:
        ear.heard.clear()
        for minutes in (0, 30, 40):
            clock.pass_time(minutes=minutes)
            await box.use(Recipients(messages=("nonsense",), success=bool(minutes % 40)))
            box(FULL)
            await box.use(Recipients())

    assert [failed.failures for failed in ear.of(NotifyFailed)] == [1, 2]


# --- heartbeats ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "path", "words"),
    [
        (GOOD, "/ping/uuid", "exit status 0 (archived): 3 files of 1 job, 12.3 MB, in 8 s"),
        (BAD, "/ping/uuid/fail", "exit status 69 (download_failed)"),
        (BROKEN, "/ping/uuid/fail", "exit status 73 (archive): the disk fails"),
        (BUSY, "/ping/uuid/log", "exit status 75 (archive_busy): process 7 has the lock"),
    ],
    ids=["good", "bad", "broken", "busy"],
)
async def test_a_cycle_tells_its_start_and_its_end(end, path, words, outbox):
    async with http_catcher() as catcher:
        async with outbox(heartbeats={"main": f"{catcher.url}/ping/uuid"}) as tell:
            tell(events.CycleStarted("main"))
            tell(end)

        assert catcher.paths == ["/ping/uuid/start", path]
        assert catcher.caught[1][1].startswith(words)


async def test_the_log_goes_along_with_the_journals_head(outbox):
    async with http_catcher() as catcher:
        async with outbox(heartbeats={"main": f"{catcher.url}/ping/uuid?rid=1"}) as tell:
            tell(events.CycleStarted("main"))
            tell(events.FileFailed("main", "4003", "Data_001.zip", "download_failed", "no answer", ""))
            tell(events.FileStarted("main", "4003", "Data_002.zip"))
            tell(events.FileFailed("acme", "9", "Data_009.zip", "download_failed", "no answer", ""))
            tell(BAD)

        assert catcher.paths == ["/ping/uuid/start?rid=1", "/ping/uuid/fail?rid=1"]
        assert catcher.caught[1][1].splitlines() == [
            "exit status 69 (download_failed): 0 files of 0 jobs, 0 B, in 8 s",
            f"journal head {HEAD}",
            "file.failed job_id=4003 file=Data_001.zip kind=download_failed reason=no answer advice=",
        ]


async def test_each_org_has_a_heart_of_its_own(outbox):
    async with http_catcher() as catcher:
        async with outbox(heartbeats={"main": f"{catcher.url}/main"}) as tell:
            tell(events.CycleStarted("acme"))
            tell(events.CycleStarted("main"))

        assert catcher.paths == ["/main/start"]


async def test_a_beat_that_does_not_arrive_is_tried_again_in_order(outbox, clock, ear):
    async with http_catcher() as catcher:
        catcher.answers[:] = [500, 302]
        async with outbox(heartbeats={"main": catcher.url}) as tell:
            tell(events.CycleStarted("main"))
            tell(GOOD)
            await catcher.until(4)

        assert catcher.paths[:4] == ["/start", "/start", "/start", "/"]
        assert set(catcher.paths[4:]) <= {"/"}  # the end may come before the answer, and then tells it again
        assert clock.slept == [2.0, 10.0]
    assert ear.of(NotifyFailed) == []


async def test_a_watcher_that_is_gone_is_told_of_without_its_address(outbox, ear):
    async with http_catcher() as catcher:
        url = f"{catcher.url}/hunter2"
    async with outbox(heartbeats={"main": url}) as tell:
        tell(events.CycleStarted("main"))
        tell(GOOD)

    (failed,) = ear.of(NotifyFailed)
    assert (failed.channel, failed.org) == ("heartbeat", "main")
    assert failed.reason == "no answer (ClientConnectorError)"


async def test_other_recipients_take_over_and_none_is_left_untold(outbox):
    async with http_catcher() as old, http_catcher() as new:
        async with outbox(heartbeats={"main": old.url}) as tell:
            tell(events.CycleStarted("main"))
            await tell.use(Recipients(heartbeats={"main": new.url}))
            tell(GOOD)

        assert (old.paths, new.paths) == (["/start"], ["/"])


async def test_nobody_to_tell_costs_nothing(clock, ear):
    async with Outbox(clock, ear, aiohttp.ClientSession, clean) as tell:
        await tell.use(Recipients())
        tell(FULL)
        tell(GOOD)

    assert ear.heard == []
    assert timedelta(seconds=sum(clock.slept)) == timedelta()


def test_a_repr_shows_no_address():
    assert "hunter2" not in repr(Recipients(messages=("json://hunter2",), heartbeats={"main": "https://hunter2"}))
