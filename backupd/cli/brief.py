"""What a quiet `--run-once` says: a line for each thing that failed, as a person reads it in cron's mail; else nothing.

A listener to events, in place of the log's lines, that tells at the end what is left when the same is told once: many
files that fail for one reason, a step and the alarm that it raised.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TextIO

from backupd.cli.failures import joined
from backupd.core import events
from backupd.core.events import Event
from backupd.core.figures import counted, instant, short

_NAMED = 3  # files; of more only the number is told


@dataclass(slots=True)
class Brief:
    """Gathers failures, and writes them down in the end; what it has no words for goes to `otherwise` at once."""

    otherwise: events.Tell
    _heard: list[Event] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        """Take note of a failure."""
        if event.level != "error":
            return
        if getattr(event, "fault", None) is not None or not _is_known(event):
            self.otherwise(event)
            return
        self._heard.append(event)

    def write(self, to: TextIO, redacted: Callable[[str], str]) -> None:
        """Write a line for each failure."""
        to.writelines(f"{redacted(line)}\n" for line in self.lines())

    def lines(self) -> Iterator[str]:
        """Yield the lines, in the order in which things first failed, each once."""
        told: set[tuple[str, str]] = set()
        for org, what, advice in (*_causes(self._heard), *_consequences(self._heard)):
            if (org, what) not in told:
                told.add((org, what))
                yield f"backupd: {joined(f'{org}: {what}', advice)}"


_Told = tuple[str, str, str]  # org, what happened, what to do


def _is_known(event: Event) -> bool:
    from backupd.notify.wording import message_of

    return isinstance(event, _CAUSES | _CONSEQUENCES) or message_of(event) is not None


_CAUSES = events.StepFailed | events.CycleFailed | events.FileFailed | events.FileRejected
_CONSEQUENCES = events.JobIncomplete | events.JobWasMissed | events.AlarmWasRaised | events.AlarmWasRepeated


def _causes(heard: list[Event]) -> Iterator[_Told]:
    """Tell what failed first: steps, and files by their common reason."""
    failed = [event for event in heard if isinstance(event, events.FileFailed)]
    rejected = {(event.job_id, event.file): event for event in heard if isinstance(event, events.FileRejected)}
    for event in heard:
        match event:
            case events.StepFailed(org, _, _, reason, advice) | events.CycleFailed(org, _, _, reason, advice):
                yield org, reason.removeprefix(f"{org}: "), advice
            case events.FileFailed(org, job_id, file, _, _, advice) if (job_id, file) not in rejected:
                same = [other.file for other in failed if (other.job_id, _bare(other)) == (job_id, _bare(event))]
                yield org, f"{_files(same)} of job {job_id}: {_bare(event)}", advice
            case events.FileRejected(org, job_id, file):
                last = rejected[job_id, file]  # of several, the newest
                again = f"It is fetched again by itself, from {instant(last.retry_at)} on."
                yield org, f"{short(file)} of job {job_id} is no whole zip: {_bare(last)}", again
            case _:
                pass


def _consequences(heard: list[Event]) -> Iterator[_Told]:
    """Tell what follows, unless its cause says as much."""
    from backupd.notify.wording import message_of

    reasons = {(event.org, event.reason) for event in heard if isinstance(event, _CAUSES)}
    failed = {event.job_id for event in heard if isinstance(event, events.FileFailed | events.FileRejected)}
    alarmed = {event.key for event in heard if isinstance(event, events.AlarmWasRaised)}
    for event in heard:
        match event:
            case events.JobIncomplete(org, job_id, files, missing, expires_at) if job_id not in failed:
                what = f"{missing} of {counted(files, 'file')} of job {job_id} are missing"
                yield org, what, f"The next run goes on; the links live until {instant(expires_at)}."
            case events.JobWasMissed(org, job_id, files, saved) if f"job_missed/{job_id}" not in alarmed:
                yield org, f"the links of job {job_id} expired with {saved} of {counted(files, 'file')} saved", ""
            case events.AlarmWasRaised(org, _, _, text, advice) | events.AlarmWasRepeated(org, _, _, text, advice):
                if (org, text) not in reasons:
                    yield org, text, advice
            case events.JobIncomplete() | events.JobWasMissed() | events.FileRejected():
                pass
            case _:
                message = message_of(event) if not isinstance(event, _CAUSES) else None
                if message is not None:
                    text, _, advice = message.text.partition("\nWhat to do: ")
                    yield getattr(event, "org", ""), text, advice


def _files(files: list[str]) -> str:
    unique = list(dict.fromkeys(short(file) for file in files))
    return ", ".join(unique) if len(unique) <= _NAMED else counted(len(unique), "file")


def _bare(event: events.FileFailed | events.FileRejected) -> str:
    """Give a reason without the names that it begins with, which are told anyway."""
    return event.reason.removeprefix(f"{event.org}: ").removeprefix(f"{event.file}: ")
