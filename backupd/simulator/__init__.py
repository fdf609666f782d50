"""The vendor on loopback: answers like Zoho CRM's backup API, and misbehaves as told. For tests, the demo and trials.

Read `scenario` for what it can hold, `switches` for how it can behave, `effects` and `faults` for what can go wrong and
when, `vendor` for what a test does to it; `server` runs it.
"""

from backupd.simulator.effects import (
    Drop,
    Flip,
    Hang,
    Instead,
    Lengthen,
    Lists,
    Lose,
    Misstate,
    Refuse,
    Revoke,
    Say,
    Serve,
    Shorten,
    Stall,
    Throttle,
    Trickle,
)
from backupd.simulator.faults import Fault, Rule
from backupd.simulator.reading import Moment, ScenarioError, Size, ago
from backupd.simulator.scenario import (
    FileSpec,
    HistorySpec,
    OrgSpec,
    RunSpec,
    Scenario,
    ScheduleSpec,
    default_scenario,
    load_scenario,
    read_scenario,
)
from backupd.simulator.server import Simulator, serve
from backupd.simulator.switches import Pace, Serving, Switches
from backupd.simulator.vendor import Recorded, Vendor

__all__ = [
    "Drop",
    "Fault",
    "FileSpec",
    "Flip",
    "Hang",
    "HistorySpec",
    "Instead",
    "Lengthen",
    "Lists",
    "Lose",
    "Misstate",
    "Moment",
    "OrgSpec",
    "Pace",
    "Recorded",
    "Refuse",
    "Revoke",
    "Rule",
    "RunSpec",
    "Say",
    "Scenario",
    "ScenarioError",
    "ScheduleSpec",
    "Serve",
    "Serving",
    "Shorten",
    "Simulator",
    "Size",
    "Stall",
    "Switches",
    "Throttle",
    "Trickle",
    "Vendor",
    "ago",
    "default_scenario",
    "load_scenario",
    "read_scenario",
    "serve",
]
