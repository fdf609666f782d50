"""How long a new backup may be in coming, going by the vendor's recurrence rule: a bound with slack, never a date.

The vendor's own samples disagree with their rules about the dates, so a rule only tells how far apart two runs can be.
"""

import re
from datetime import timedelta

_LONGEST_MONTH = 31
_DRIFT = 6  # days by which "the first Thursday" moves within its month
_SAFE_MONTH_DAY = 28  # every month has it; one without the day asked for may be left out
_MOST = 3650  # days; what is longer is no expectation
_SLACK = 2  # days for the run itself, and for the vendor's being late
_SLACK_SHARE = 10  # or one part in so many of the interval, whichever is more
_NUMBER = re.compile(r"[+-]?\d{1,4}", re.ASCII)


def longest_gap(rrule: str | None) -> timedelta | None:
    """Return how long after a run the next one must have come, slack included; None if the rule does not tell.

    Understands FREQ DAILY, WEEKLY, MONTHLY and YEARLY with INTERVAL, BYDAY (`TU`, `1TH`) and BYMONTHDAY; several days
    in one period only bring runs closer together. Rules that end (COUNT, UNTIL) are not known to have ended.
    """
    parts = _parts(rrule or "")
    interval = _number(parts.get("INTERVAL", "1"))
    if interval is None or interval < 1:
        return None
    match parts.get("FREQ"):
        case "DAILY":
            days = interval
        case "WEEKLY":
            days = 7 * interval
        case "MONTHLY":
            days = _months(interval, parts)
        case "YEARLY":
            days = 366 * interval
        case _:
            return None
    if days > _MOST:
        return None
    return timedelta(days=days + max(_SLACK, days // _SLACK_SHARE))


def _months(interval: int, parts: dict[str, str]) -> int:
    days = interval * _LONGEST_MONTH
    if "BYDAY" in parts:
        return days + _DRIFT
    month_days = [_number(text) for text in parts.get("BYMONTHDAY", "1").split(",")]
    if all(day is None or day > _SAFE_MONTH_DAY for day in month_days):
        return 2 * days
    return days


def _parts(rrule: str) -> dict[str, str]:
    text = "".join(rrule.upper().split()).removeprefix("RRULE:")
    return dict(pair for part in text.split(";") if len(pair := part.split("=", 1)) == 2)  # noqa: PLR2004 — key and value


def _number(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text) else None
