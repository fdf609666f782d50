"""What a person is told of an event: a title that says which org and what to do, and a text in plain words.

Alarms, deadlines and what no alarm can tell of become messages; what an alarm repeats anyway does not. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Literal, assert_never

from backupd.core import events
from backupd.core.conditions import Condition
from backupd.core.errors import ArchiveGone
from backupd.core.events import Event
from backupd.core.exits import Exit
from backupd.core.figures import counted, instant, size, span

Tone = Literal["problem", "warning", "good"]

_HEADLINES: Mapping[str, str] = MappingProxyType(
    {
        Condition.NO_NEW_BACKUP: "no new backup: look at the vendor's schedule",
        Condition.SCHEDULE_STOPPED: "the schedule stopped: schedule a backup",
        Condition.SCHEDULE_FAILED: "the schedule failed: look at it at the vendor",
        Condition.POLLS_FAILING: "polls fail: see the log",
        Condition.ACCESS_REFUSED: "access refused: make a new refresh token",
        Condition.DAMAGED: "archived files are damaged: run backupd verify",
        Condition.JOB_MISSED: "a backup was missed: order a new one",
        Condition.RUN_LOST: "a backup was lost: poll more often",
        Condition.DISK_FULL: "the disk is full: make room",
        Condition.NOT_RECONCILED: "the vendor's history is unread: check the connection",
    }
)
_TOLD_BY_ALARMS = frozenset({Exit.OK, Exit.UNAVAILABLE, Exit.TRY_LATER})  # once they last, or not at all


@dataclass(frozen=True, slots=True)
class Message:
    """What a person reads. The same `key` within a day means: told already.

    With a `subject`, which has states, that is so only while no other state of it was told.
    """

    key: tuple[str, ...]
    title: str
    text: str
    tone: Tone = "problem"
    again: bool = False  # whoever told it decided when to tell it again
    subject: tuple[str, ...] = ()
    state: str = ""


def message_of(event: Event, *, success: bool = False) -> Message | None:
    """Put an event into words, or return None if it is not one to tell a person; good news only with `success`."""
    match event:
        case events.AlarmWasRaised() | events.AlarmWasRepeated() | events.AlarmWasCleared():
            return _alarm(event)
        case events.DeadlineNear():
            return _deadline(event)
        case events.RunFailed(org, at):
            text = f"The vendor's history tells of a backup that failed there{f' at {instant(at)}' if at else ''}."
            title = "a backup failed at the vendor: look at its schedule"
            return _message(
                (event.name, org, str(at)), org, title, text, "Order another with `backupd schedule create`."
            )
        case events.CycleFailed(org, kind, status, reason, advice) if _is_to_tell(kind, Exit(status)):
            return _message((event.name, org, kind), org, "archiving broke off: see what to do", reason, advice)
        case events.ChoreFailed(org, chore, kind, reason, advice) if kind != ArchiveGone.kind:
            title = f"{chore} failed: see what to do"
            return _message((event.name, org, chore, kind), org, title, reason, advice, tone="warning")
        case _:
            return _of_files(event) or (_good_news(event) if success else None)


def _alarm(event: events.AlarmWasRaised | events.AlarmWasRepeated | events.AlarmWasCleared) -> Message:
    """Put an alarm into words. Whoever could not write down that he told it tells it again: that is no news."""
    org, headline = event.org, _headline(event.condition)
    key = (event.name, org, event.key)
    match event:
        case events.AlarmWasRaised(text=text, advice=advice, extent=extent):
            message, state = _message(key, org, headline, text, advice), f"{event.name} {extent}"
        case events.AlarmWasRepeated(text=text, advice=advice, extent=extent):
            message, state = _message(key, org, f"still: {headline}", text, advice), f"{event.name} {extent}"
        case events.AlarmWasCleared(text=text):
            title = f"over: {headline.partition(':')[0]}"
            message, state = _message(key, org, title, f"This is over: {text}", tone="good"), event.name
        case _:
            assert_never(event)
    return replace(message, subject=("alarm", org, event.key), state=state)


def _is_to_tell(kind: str, status: Exit) -> bool:
    """Tell whether a failure of an org has no other message: an alarm, or the one for all orgs."""
    return status not in _TOLD_BY_ALARMS and kind != ArchiveGone.kind


def _of_files(event: Event) -> Message | None:
    match event:
        case events.LinkWasRefused(org, job_id, file, reason):
            text = f"The link of {file} of job {job_id} {reason}; nothing was sent there."
            advice = "If the vendor moved its download servers, add the host to `download_hosts`, after checking it."
            return _message((event.name, org, job_id, file), org, "a link was refused: check its host", text, advice)
        case events.FileRejected(org, job_id, file, reason, _, retry_at):
            text = f"{file} of job {job_id} is no whole zip ({reason}); it is fetched again at {instant(retry_at)}."
            title = "a zip is not whole: nothing to do yet"
            return _message((event.name, org, job_id, file), org, title, text, tone="warning")
        case events.PruningRefused(org, reason):
            title = "no snapshot is dropped: look at why"
            return _message((event.name, org), org, title, f"Something looks wrong: {reason}.", tone="warning")
        case events.JournalDamaged(org, detail):
            title = "the journal is not as it was written: look at it"
            advice = "Compare it with a copy; a head that was kept elsewhere shows whether it was changed."
            return _message((event.name, org), org, title, f"The journal: {detail}.", advice)
        case events.ArchiveLost(reason, advice):
            return _message((event.name,), "", "the archive is gone: look at its disk", reason, advice, again=True)
        case events.ArchiveFound(root, seconds):
            text = f"This is over: the archive at {root} was gone; that lasted {span(timedelta(seconds=seconds))}."
            return _message((event.name,), "", "over: the archive is gone", text, tone="good", again=True)
        case events.ServiceFailed(kind, _, reason, advice):
            return _message((event.name, kind), "", "it could not run: see what to do", reason, advice)
        case events.SettingsKept(reason):
            text = f"{reason}. The old settings stay in force."
            return _message((event.name,), "", "the new settings are wrong: mend and reload", text)
        case _:
            return None


def _good_news(event: Event) -> Message | None:
    match event:
        case events.JobPublished(org, job_id, path, files, bytes_, seconds, missing):
            short = f", {counted(missing, 'file')} missing" if missing else ""
            took = f" in {span(timedelta(seconds=seconds))}"
            text = f"Job {job_id} is in {path}: {counted(files, 'file')}, {size(bytes_)}{took}{short}."
            return _message((event.name, org, job_id), org, "a backup was archived", text, tone="good")
        case events.JobRevised(org, job_id, path, revision, files, bytes_):
            text = f"{counted(files, 'file')}, {size(bytes_)}, came later for job {job_id} in {path}."
            key = (event.name, org, job_id, str(revision))
            return _message(key, org, "files were added to a backup", text, tone="good")
        case events.SnapshotHealed(org, job_id, path, revision, files):
            text = f"{counted(files, 'damaged file')} of {path} replaced by whole ones."
            return _message((event.name, org, job_id, str(revision)), org, "a backup was healed", text, tone="good")
        case _:
            return None


def _deadline(event: events.DeadlineNear) -> Message:
    left = span(timedelta(seconds=event.left))
    need = f"; at this pace they need {span(timedelta(seconds=event.needed))}" if event.needed is not None else ""
    text = (
        f"{counted(event.missing, 'file')} of job {event.job_id} are missing, and the links die at "
        f"{instant(event.expires_at)}, in {left}{need}."
    )
    advice = "See `backupd status` and the log for what keeps them back; run `backupd --run-once` to try now."
    key = (event.name, event.org, event.job_id, str(event.step))
    return _message(key, event.org, f"links die in {left}: see what keeps the download back", text, advice, again=True)


def _headline(condition: str) -> str:
    return _HEADLINES.get(condition, f"{condition.replace('_', ' ')}: see what to do")


def _message(
    key: tuple[str, ...],
    org: str,
    title: str,
    text: str,
    advice: str = "",
    *,
    tone: Tone = "problem",
    again: bool = False,
) -> Message:
    named = f"backupd {org}: {title}" if org else f"backupd: {title}"
    remedy = f"\nWhat to do: {advice}" if advice else ""
    sentence = text[:1].upper() + text[1:]
    return Message(key, _one_line(named), f"{sentence}{remedy}", tone, again)


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
