"""What every fetch of the process shares."""

from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp

from backupd.core.check import NewCheck
from backupd.core.clock import Clock
from backupd.core.events import Tell
from backupd.core.ports import Room
from backupd.download.blocks import Depot
from backupd.download.lanes import Lane
from backupd.download.pace import Pace
from backupd.download.places import Places
from backupd.download.workers import Workers


@dataclass(frozen=True, slots=True)
class Tools:
    """What every fetch of the process shares."""

    session: aiohttp.ClientSession
    new_check: NewCheck
    workers: Workers
    pace: Pace
    places: Places
    clock: Clock
    tell: Tell
    boot: str
    stall: float  # seconds without a byte
    room: Room
    depot: Depot = field(default_factory=Depot)
    lanes: dict[Lane, Callable[[], None]] = field(default_factory=dict)  # at work, each with how it is replaced
