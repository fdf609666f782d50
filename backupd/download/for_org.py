"""The common downloader, as one org's cycle sees it."""

from dataclasses import dataclass
from datetime import datetime

from backupd.core.model import Link, Received
from backupd.core.patience import Patience
from backupd.core.slot import Slot
from backupd.download.downloader import Downloader
from backupd.download.requests import Authorizer


@dataclass(frozen=True, slots=True)
class OrgDownloads:
    """Fetches with one org's tokens, as patiently as this run is."""

    org: str
    downloader: Downloader
    authorizer: Authorizer
    patience: Patience

    async def fetch(self, link: Link, slot: Slot, *, deadline: datetime) -> Received:
        """Leave the complete, hashed, checked and fsynced file at `slot.part`, or raise; resume what is there."""
        return await self.downloader.fetch(
            self.org, link, slot, authorizer=self.authorizer, deadline=deadline, patience=self.patience
        )
