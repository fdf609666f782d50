"""Orders to the vendor, each sent once at most: a lost answer is found out by reading, a refusal is put into words."""

from dataclasses import dataclass
from typing import NoReturn, Protocol

from backupd.core import rrule
from backupd.core.errors import AnswerLost, Refused, ScopeMissing, VendorError
from backupd.core.model import Schedule
from backupd.core.ordering import STOPPED, Fate, fate_of_cancelling, fate_of_creation

_LOOK_AGAIN = "Look with `backupd schedule show` before you do it again: an order spends one of the month's backups."
_SCOPES = "Make a refresh token that may do this with `backupd authorize --schedules`."


class Orders(Protocol):
    """The vendor, as far as it takes orders. Raises VendorErrors only."""

    async def schedule(self) -> Schedule | None:
        """Return the standing order."""

    async def create_schedule(self, rrule: str | None) -> str:
        """Order a backup, and return the schedule's id. Raises AnswerLost when nobody knows what happened."""

    async def cancel_schedule(self, schedule_id: str) -> None:
        """Cancel a schedule. Raises AnswerLost when nobody knows what happened."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an order: the vendor's schedule afterwards, and whether only reading told of it."""

    schedule: Schedule | None
    answer_lost: bool = False
    nothing_to_do: bool = False


async def create(vendor: Orders, rule: str | None, before: Schedule | None) -> Done:
    """Order a backup, at once (no rule) or by rule. Raises VendorError, AnswerLost if nobody can tell."""
    try:
        await vendor.create_schedule(rule)
    except AnswerLost as lost:
        after = await _read_after(vendor, lost)
        if fate_of_creation(rule, before, after) is not Fate.TAKEN:
            _unsure(fate_of_creation(rule, before, after), lost)
        return Done(after, answer_lost=True)
    except Refused as error:
        raise _in_words(error, before) from error
    except ScopeMissing as error:
        raise ScopeMissing(str(error), advice=_SCOPES) from error
    return Done(await _shown(vendor))


async def cancel(vendor: Orders, before: Schedule) -> Done:
    """Cancel this schedule. Raises VendorError, AnswerLost if nobody can tell."""
    if before.status == STOPPED:
        return Done(before, nothing_to_do=True)
    try:
        await vendor.cancel_schedule(before.id)
    except AnswerLost as lost:
        after = await _read_after(vendor, lost)
        if fate_of_cancelling(before, after) is not Fate.TAKEN:
            _unsure(fate_of_cancelling(before, after), lost)
        return Done(after, answer_lost=True)
    except Refused as error:
        if error.code == "ALREADY_CANCELLED":
            return Done(await _shown(vendor), nothing_to_do=True)
        raise _in_words(error, before) from error
    except ScopeMissing as error:
        raise ScopeMissing(str(error), advice=_SCOPES) from error
    return Done(await _shown(vendor))


async def _read_after(vendor: Orders, lost: AnswerLost) -> Schedule | None:
    try:
        return await vendor.schedule()
    except VendorError as error:
        raise AnswerLost(f"{lost}; nor could it be read what became of it: {error}", advice=_LOOK_AGAIN) from error


async def _shown(vendor: Orders) -> Schedule | None:
    """Read how things are now, for showing it: what was done is done, whether it can be read or not."""
    try:
        return await vendor.schedule()
    except VendorError:
        return None


def _unsure(fate: Fate, lost: AnswerLost) -> NoReturn:
    shown = "no trace of it" if fate is Fate.NOT_TAKEN else "something that may be another's"
    message = f"the answer to the order was lost, and the vendor's schedule shows {shown}; it was not sent again"
    raise AnswerLost(message, advice=_LOOK_AGAIN) from lost


def _in_words(error: Refused, before: Schedule | None) -> Refused:
    """Say a refusal as it is meant; the vendor's own word stays in it."""
    match error.code:
        case "BACKUP_ALREADY_SCHEDULED":
            there = f": {before.status}, {rrule.in_words(before.rrule)}" if before else ""
            what = f"nothing was ordered: a backup is scheduled or being made already{there}"
            advice = "Leave it, or end it first with `backupd schedule cancel`."
        case "LIMIT_EXCEEDED" | "LIMIT_REACHED":
            what = "nothing was ordered: this month's backups are used up"
            advice = "Wait for the next month, or buy more from the vendor."
        case "INPROGRESS":
            what = "nothing was cancelled: a backup is being made right now"
            advice = "Try again when it has finished; backupd archives it meanwhile."
        case "RESOURCE_NOT_FOUND":
            what = "nothing was cancelled: the vendor does not know this schedule any more"
            advice = "Look with `backupd schedule show` what is there."
        case "INVALID_DATA":
            what = "nothing was ordered: the vendor does not take this rule"
            advice = "It takes FREQ WEEKLY or MONTHLY, INTERVAL 1 to 52, and BYDAY or BYMONTHDAY."
        case _:
            return error
    return Refused(f"{what} (the vendor says {error.code})", code=error.code, advice=advice)
