"""What systemd hears, on a real socket."""

import asyncio
import os
import socket
from datetime import UTC, datetime

import pytest

from backupd.core import events
from backupd.notify import ServiceWatcher, Systemd
from backupd.settings.service import notify_socket, watchdog

POLLS = {"main": datetime(2022, 6, 24, 12, 0, tzinfo=UTC)}


class Ear:
    """The socket that systemd listens on."""

    def __init__(self, address: str) -> None:
        self.door = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.door.bind(address)
        self.door.setblocking(False)

    def heard(self) -> list[str]:
        words = []
        while True:
            try:
                words.append(self.door.recv(4096).decode())
            except BlockingIOError:
                return words


@pytest.fixture
def ear(tmp_path, monkeypatch):
    ear = Ear(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with ear.door:
        yield ear


async def test_a_life_from_start_to_end_is_told_in_its_order(ear):
    watcher = ServiceWatcher(Systemd(notify_socket()))
    watcher.starting()
    await watcher.planned(POLLS)
    await watcher.ready()
    await watcher.alive()
    watcher.hear(events.CycleStarted("main"))
    watcher.hear(events.FileStarted("main", "4001", "data/a.zip"))
    assert ear.heard() == [
        "STATUS=starting: reading the settings, opening the archive",
        "READY=1",
        "STATUS=next poll: main at 2022-06-24 12:00Z",
        "WATCHDOG=1",
        "STATUS=polling main",
        "STATUS=downloading 1 file of job 4001 (main)",
    ]

    await watcher.reloading()
    await watcher.ready()
    await watcher.stopping()
    watcher.hear(events.CycleFailed("main", "interrupted", 1, "", ""))
    reloading, *heard = ear.heard()
    word, clock = reloading.split("\n")
    assert word == "RELOADING=1"
    assert clock.removeprefix("MONOTONIC_USEC=").isdecimal()
    assert heard == [
        "STATUS=reading the settings again",
        "READY=1",
        "STATUS=downloading 1 file of job 4001 (main)",
        "STOPPING=1",
        "STATUS=stopping: what was downloaded so far is kept",
    ]


async def test_an_abstract_address_is_understood(monkeypatch):
    name = f"backupd-test-{os.getpid()}"
    ear = Ear("\0" + name)
    with ear.door:
        Systemd("@" + name).alive()
        assert ear.heard() == ["WATCHDOG=1"]


async def test_a_full_ear_costs_a_status_and_nothing_else(ear):
    systemd = Systemd(notify_socket())
    for number in range(600):  # more than any queue holds
        systemd.status(str(number))
    kept = len(ear.heard())
    assert 0 < kept < 600

    for number in range(600):
        systemd.status(str(number))
    heard = []
    asyncio.get_running_loop().call_later(0.01, lambda: heard.extend(ear.heard()))
    await asyncio.to_thread(systemd.ready)
    heard.extend(ear.heard())
    assert heard[-1] == "READY=1"
    assert heard.count("READY=1") == 1


async def test_nobody_who_listens_disturbs_nothing(tmp_path):
    await ServiceWatcher(Systemd(str(tmp_path / "gone"))).ready()
    await ServiceWatcher(Systemd(None)).ready()


@pytest.mark.parametrize(
    ("said", "meant_for", "seconds"),
    [
        ("120000000", "", 120.0),
        ("120000000", "this", 120.0),
        ("120000000", "1", None),
        ("", "", None),
        ("0", "", None),
        ("often", "", None),
    ],
)
def test_a_watchdog_is_heeded_if_it_watches_this_process(monkeypatch, said, meant_for, seconds):
    monkeypatch.setenv("WATCHDOG_USEC", said)
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if meant_for == "this" else meant_for)

    assert watchdog() == seconds
