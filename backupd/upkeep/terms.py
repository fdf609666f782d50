"""What an operator wants for an org's snapshots, out of the settings."""

from dataclasses import dataclass
from datetime import timedelta

from backupd.core.retention import Rules
from backupd.settings import Settings
from backupd.verify import ZipLimits


@dataclass(frozen=True, slots=True)
class Terms:
    """What an operator wants for an org's snapshots."""

    rules: Rules
    trash_for: timedelta
    scrub_every: timedelta
    limits: ZipLimits


def terms_of(settings: Settings, org: str) -> Terms:
    """Give an org's terms; one that the settings do not know has those for all."""
    found = settings.retention_of(org) if org in settings.orgs else settings.retention
    rules = Rules(
        found.keep_last,
        found.keep_daily,
        found.keep_weekly,
        found.keep_monthly,
        found.keep_yearly,
        found.keep_within,
    )
    limits = settings.verify
    zips = ZipLimits(limits.max_ratio, limits.max_total, limits.max_members)
    return Terms(rules, found.trash_for, limits.scrub_every, zips)
