"""One case of the corpus, and the members that most of them are made of."""

from dataclasses import dataclass

from backupd.verify.limits import ZipLimits
from tests.fakes.zips import DEFLATED, Descriptor, Member

LEADS = Member(content=b"Record Id,Last Name\n" + b"zcrm_4876876000001594004,\xc3\x84rger\n" * 40)
DEALS = Member(name=b"Data/Deals_001.csv", method=DEFLATED, content=b"Record Id,Amount\n" + b"zcrm_1,100.00\n" * 300)
PHOTO = Member(name=b"RecordImages/0badc0de.png", content=bytes(range(256)) * 8)
NOTE = Member(name=b"Attachments/4876876_Ren\xe9 M\xfcller.pdf", method=DEFLATED, content=b"%PDF-1.4 secret " * 90)
USUAL = (LEADS, DEALS, PHOTO, NOTE)
_USUAL_LIMITS = ZipLimits()
FORMS: tuple[Descriptor, ...] = ("signed", "bare", "signed64", "bare64")


@dataclass(frozen=True)
class Case:
    """One zip and its answer: `reason` None means whole.

    `on_disk` is the reason where the check that starts from the end of the file sees another fault first.
    """

    name: str
    data: bytes
    reason: str | None = None
    on_disk: str | None = None
    members: int | None = None
    limits: ZipLimits = _USUAL_LIMITS

    @property
    def reason_on_disk(self) -> str | None:
        """The reason expected of the check that starts from the central directory."""
        return self.on_disk or self.reason
