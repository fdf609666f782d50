"""How an org's polls go: when the last one succeeded, and since when they fail. Kept on disk by `telemetry.pulses`."""

from dataclasses import dataclass, replace
from datetime import datetime

from backupd.core import events


@dataclass(frozen=True, slots=True)
class Pulse:
    """What is known of an org's polls; nothing at all before the first."""

    last_success_at: datetime | None = None
    failing_since: datetime | None = None  # the first failure after the last success
    last_result: str = ""  # `archived`, `nothing_new`, or an error's kind


def beat(pulse: Pulse, event: events.Event, now: datetime) -> Pulse:
    """Return the pulse after an event; only the end of a cycle changes it. That another run was busy is no failure."""
    match event:
        case events.CycleFinished(result=result, exit_status=0):
            return Pulse(now, None, result)
        case events.CycleFailed(kind="archive_busy"):
            return pulse
        case events.CycleFinished(result=result) | events.CycleFailed(kind=result):
            return replace(pulse, failing_since=pulse.failing_since or now, last_result=result)
        case _:
            return pulse
