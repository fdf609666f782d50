"""What the service does now, in one line, for `systemctl status`: a listener to events."""

from collections.abc import Mapping
from datetime import datetime

from backupd.core import events
from backupd.core.figures import counted, instant


class StatusLine:
    """Keeps in mind what is under way: `downloading 3 files of job … (main); next poll: other at …`."""

    def __init__(self) -> None:
        self._running: set[str] = set()
        self._files: dict[tuple[str, str], set[str]] = {}  # under way, by org and job
        self._failed: dict[str, str] = {}  # how an org's last cycle failed
        self._next_polls: Mapping[str, datetime] = {}

    def hear(self, event: events.Event) -> None:
        """Take note of what happened."""
        match event:
            case events.CycleStarted(org):
                self._running.add(org)
            case events.FileStarted(org, job, file):
                self._files.setdefault((org, job), set()).add(file)
            case events.FileVerified(org, job, file) | events.FileFailed(org, job, file):
                self._files.get((org, job), set()).discard(file)
            case events.FileRejected(org, job, file):
                self._files.get((org, job), set()).discard(file)
            case events.CycleFinished(org, result, exit_status):
                self._end(org, result if exit_status else None)
            case events.CycleFailed(org, kind):
                self._end(org, kind)
            case events.SettingsReloaded():  # what ran was broken off
                self._running, self._files, self._failed = set(), {}, {}
            case _:
                pass

    def plan(self, next_polls: Mapping[str, datetime]) -> None:
        """Take note of when each org's next cycle is due."""
        self._next_polls = next_polls

    def __str__(self) -> str:
        downloads = {key: files for key, files in self._files.items() if files}
        words = [
            f"downloading {counted(len(files), 'file')} of job {job} ({org})" for (org, job), files in downloads.items()
        ]
        if polling := sorted(self._running - {org for org, _ in downloads}):
            words.append(f"polling {', '.join(polling)}")
        if waiting := sorted((at, org) for org, at in self._next_polls.items() if org not in self._running):
            words.append(f"next poll: {waiting[0][1]} at {instant(waiting[0][0])}")
        if self._failed:
            words.append(f"last failed: {', '.join(f'{org} ({kind})' for org, kind in sorted(self._failed.items()))}")
        return "; ".join(words)

    def _end(self, org: str, failed: str | None) -> None:
        self._running.discard(org)
        self._failed.pop(org, None)
        if failed is not None:
            self._failed[org] = failed
        self._files = {key: files for key, files in self._files.items() if key[0] != org}
