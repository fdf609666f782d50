"""Every error of ours, each with its consequences: exit status, whether trying again helps, what the operator can do.

No caller keeps a list of error types: it reads the attributes. Texts are built from names, never from links, tokens or
records. Does not log and does not decide when to try again (`core.patience` does).
"""

from datetime import datetime, timedelta
from typing import ClassVar

from backupd.core.exits import Exit


class BackupdError(Exception):
    """Something a person must be told in one line: what happened, where, and what to do (`advice`)."""

    exit_status: ClassVar[Exit] = Exit.INCOMPLETE
    kind: ClassVar[str] = "error"  # a stable word for logs, metrics and alarms
    passing: ClassVar[bool] = False  # True: the same thing tried again may work by itself
    advice: str = ""

    def __init__(self, message: str, *, advice: str | None = None) -> None:
        super().__init__(message)
        if advice is not None:
            self.advice = advice


class UsageError(BackupdError):
    """The command line names something that is not there, or asks for what makes no sense."""

    exit_status = Exit.USAGE
    kind = "usage"


class ConfigurationError(BackupdError):
    """A setting is wrong, missing or unusable; every problem found is in `problems`, one line each."""

    exit_status = Exit.CONFIG
    kind = "configuration"

    def __init__(self, message: str, *, problems: tuple[str, ...] = (), advice: str | None = None) -> None:
        super().__init__(message, advice=advice)
        self.problems = problems or (message,)


# --- the vendor ---------------------------------------------------------------------------------------------------


class VendorError(BackupdError):
    """The vendor did not do what was asked."""

    exit_status = Exit.UNAVAILABLE
    kind = "vendor"


class VendorUnavailable(VendorError):
    """The vendor could not be reached, or answered with a passing failure (5xx, time-out, broken connection)."""

    kind = "vendor_unavailable"
    passing = True
    advice = "Check the network, the proxy settings and the vendor's status page; backupd tries again by itself."


class AnswerLost(VendorUnavailable):
    """A call that changes something was sent, and its answer was lost: only reading tells whether it took effect."""

    kind = "answer_lost"
    passing = False  # sending it again could do it twice
    advice = "Ask the vendor what happened (`backupd schedule show`) before doing it again."


class UnreadableAnswer(VendorError):
    """The vendor's answer does not have the shape we know; the message names the call and the field."""

    kind = "unreadable_answer"
    advice = "Nothing was lost. If it stays, the vendor changed its answers: look for a newer backupd."


class VendorThrottled(VendorError):
    """The vendor asks us to wait (429, or the token endpoint's throttle); `retry_after` says how long, if it said."""

    exit_status = Exit.TRY_LATER
    kind = "throttled"
    passing = True
    advice = "Nothing to do: it is temporary. Run backupd less often if it keeps coming back."

    def __init__(self, message: str, *, retry_after: timedelta | None = None, advice: str | None = None) -> None:
        super().__init__(message, advice=advice)
        self.retry_after = retry_after


class TokenThrottled(VendorThrottled):
    """Too many access tokens were asked for; asking again before `until` prolongs it."""

    kind = "token_throttled"

    def __init__(self, message: str, *, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class AccessRefused(VendorError):
    """The credentials, their scope or the user's role do not allow what was asked."""

    exit_status = Exit.REFUSED
    kind = "access_refused"
    advice = (
        "Create a new refresh token with `backupd authorize`, as a user with the Administrator profile; scopes: "
        "ZohoCRM.bulk.backup.READ,ZohoFiles.files.ALL."
    )

    def __init__(self, message: str, *, code: str = "", advice: str | None = None) -> None:
        super().__init__(message, advice=advice)
        self.code = code  # the vendor's word, if it gave one


class ScopeMissing(AccessRefused):
    """The token is alive but lacks a scope; renewing it would not help."""

    kind = "scope_missing"


class Refused(VendorError):
    """The vendor understood and said no, for a business reason (`code`), such as BACKUP_ALREADY_SCHEDULED."""

    kind = "refused"

    def __init__(self, message: str, *, code: str, advice: str | None = None) -> None:
        super().__init__(message, advice=advice)
        self.code = code


class WrongOrganisation(VendorError):
    """The links belong to another organisation than the one pinned at first sight."""

    exit_status = Exit.CONFIG
    kind = "wrong_organisation"
    advice = "The refresh token belongs to another organisation. Use the right one, or configure a new org name for it."


# --- one file -----------------------------------------------------------------------------------------------------


class FileError(BackupdError):
    """One file of a job could not be had; the others are not touched by it."""

    kind = "file"


class LinkRefused(FileError):
    """A link does not lead to an allowed place; no request was sent to it."""

    kind = "link_refused"
    advice = "If the vendor moved its download servers, add the host to `download_hosts` of the org, after checking it."


class LinkDead(FileError):
    """The file server says that this link leads nowhere (404, 410, a page instead of a zip after the expiry)."""

    kind = "link_dead"


class DownloadFailed(FileError):
    """The file did not arrive within the tries and the time that were allowed; what came is kept for resuming."""

    exit_status = Exit.UNAVAILABLE
    kind = "download_failed"
    passing = True
    advice = "What was received is kept; the next cycle goes on from there."


class ZipRejected(FileError):
    """The bytes are not a whole zip; `reason` is a stable word, `member` the damaged member if one is to blame."""

    kind = "zip_rejected"
    advice = (
        "The file is fetched again by itself; the newest rejected copy is kept in `.staging/<org>/<job>/rejected/`."
    )

    def __init__(self, message: str, *, reason: str, member: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.member = member


# --- the archive --------------------------------------------------------------------------------------------------


class ArchiveError(BackupdError):
    """The archive's disk refused or failed; the message names the path and the system's reason."""

    exit_status = Exit.ARCHIVE
    kind = "archive"
    advice = "Check the disk that holds the archive; what was downloaded so far is kept."


class ArchiveFull(ArchiveError):
    """There is not enough room in the archive; downloads go on by themselves when there is."""

    kind = "archive_full"
    passing = True
    advice = "Free some space, or lower `archive.min_free`; partial files are kept and resumed."


class ArchiveUnusable(ArchiveError):
    """The archive's root is missing, not writable, or not the mount point it should be."""

    exit_status = Exit.CONFIG
    kind = "archive_unusable"
    advice = "Create the folder, mount the disk or correct `archive.root`."


class ArchiveGone(ArchiveError):
    """The archive that a process works with is not where it was any more: its disk may be gone."""

    kind = "archive_gone"
    advice = "Mount its disk, or put the folder back; the daemon then goes on by itself."


class ArchiveBusy(BackupdError):
    """Another backupd holds the lock; the message says who."""

    exit_status = Exit.TRY_LATER
    kind = "archive_busy"
    passing = True
    advice = "Wait until it has finished."


class RecordDamaged(BackupdError):
    """A manifest or a journal is not what was written; the message names the file and what does not fit."""

    exit_status = Exit.DAMAGE
    kind = "record_damaged"
    advice = "Run `backupd verify --all`; restore the named file from a copy if there is one."


class RunsMissing(BackupdError):
    """Backups that the vendor made are not in the archive, and cannot be had any more."""

    exit_status = Exit.DAMAGE
    kind = "runs_missing"
    advice = "Poll more often than the vendor makes backups, or ask the vendor for a new one (it spends quota)."


class JobIncomplete(BackupdError):
    """Some files of a job are not archived yet; their own errors say why."""

    kind = "job_incomplete"
    advice = "What is there is kept; the next cycle goes on from there, until the links expire."


class JobMissed(BackupdError):
    """A job's links expired before all its files were archived."""

    kind = "job_missed"
    advice = "Ask the vendor for a new backup: `backupd schedule create` (it spends quota)."


class Fault(BackupdError):
    """Something went wrong that nobody foresaw: a fault of the program. The cause is chained."""

    kind = "fault"
    advice = "This is a fault in backupd. What is archived is not touched by it; please report it with the log."
