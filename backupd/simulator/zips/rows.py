"""Made-up CRM records as CSV: columns, values and pages of rows.

Values hold newlines, quotes and commas, headers are labels. Nobody in here exists.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from random import Random

_FIRST = [
    "Ada", "Bruno", "Carla", "Dimitri", "Élodie", "Farid", "Grete", "Håkon", "Inês", "Jörg", "Keiko", "Łukasz", "María",
]  # fmt: skip
_LAST = [
    "Abe", "Berger", "Çelik", "Dvořák", "Eriksen", "Fischer", "García", "Hansen", "Ibrahim", "Jansen", "Kowalski", "Ng",
]  # fmt: skip
_FIRMS = ["Aurora", "Borealis", "Cobalt", "Delta", "Ember", "Fjord", "Granite", "Harbour", "Iris", "Juniper", "Kestrel"]
_FORMS = ["Ltd.", "GmbH", "S.A.", "Inc.", "B.V.", "K.K.", "AB"]
_CITIES = ["Zürich", "São Paulo", "Kraków", "Århus", "Köln", "Lyon", "Osaka", "Porto", "Leeds", "Gent"]
_STAGES = ["Qualification", "Needs Analysis", "Proposal/Price Quote", "Negotiation", "Closed Won", "Closed Lost"]
_SOURCES = ["Trade Show", "Web Download", "Cold Call", "Partner", ""]
_TEXT = (
    "called about the offer and asked for a price list, wants to see the new model next week; sent the contract by "
    "mail and waits for an answer from the board: delivery in the second quarter, payment within thirty days "
)
_OWNER = ("zcrm_4876876000000327001", "Patricia Boyle")

PEOPLE = (
    "Record Id", "Owner.id", "Owner", "First Name", "Last Name", "Company", "Email", "Phone", "City", "Lead Source",
    "Created Time", "Modified Time", "Tag", "Description",
)  # fmt: skip
DEALS = ("Record Id", "Owner.id", "Owner", "Deal Name", "Stage", "Amount", "Closing Date", "Description")


def people(seed: str, start: int, count: int) -> Iterable[Sequence[object]]:
    """Make up `count` persons whose record ids follow from `start`."""
    for number, dice in _throws(f"{seed}/people", start, count):
        first, last, city = _pick(_FIRST, dice), _pick(_LAST, dice >> 8), _pick(_CITIES, dice >> 16)
        firm = f"{_pick(_FIRMS, dice >> 24)} {_pick(_FORMS, dice >> 32)}"
        mail, phone = f"{first}.{last}{number % 1000}@example.com".lower(), f"+49 30 {(dice >> 40) % 10**7:07d}"
        times = (_time(dice >> 64), _time(dice >> 80))
        source, note = _pick(_SOURCES, dice >> 96), _note(dice >> 104, city)
        yield (record_id(number), *_OWNER, first, last, firm, mail, phone, city, source, *times, "", note)


def deals(seed: str, start: int, count: int) -> Iterable[Sequence[object]]:
    """Make up `count` deals whose record ids follow from `start`."""
    for number, dice in _throws(f"{seed}/deals", start, count):
        city = _pick(_CITIES, dice)
        name = f'{_pick(_FIRMS, dice >> 8)}, "{city}" {number % 97}'
        amount, day = f"{(dice >> 16) % 10**8 / 100:.2f}", _time(dice >> 48)[:10]
        yield (record_id(number), *_OWNER, name, _pick(_STAGES, dice >> 64), amount, day, _note(dice >> 72, city))


def record_id(number: int) -> str:
    """Give the record id as the vendor writes it in exports."""
    return f"zcrm_4876876000{number:09d}"


def table(rows: Iterable[Sequence[object]]) -> bytes:
    """Write rows as UTF-8 CSV with CRLF line ends."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _throws(seed: str, start: int, count: int) -> Iterator[tuple[int, int]]:
    """Give each number with bits of chance enough for one row: one call a row, which is what makes this fast."""
    random = Random(f"{seed}/{start}")  # noqa: S311  # reproducible test data, not a secret
    for number in range(start, start + count):
        yield number, random.getrandbits(128)


def _pick(words: Sequence[str], dice: int) -> str:
    return words[dice % 256 % len(words)]


def _time(dice: int) -> str:
    return f"2022-{dice % 6 + 1:02d}-{dice // 8 % 28 + 1:02d} {dice // 256 % 24:02d}:{dice % 60:02d}:00"


def _note(dice: int, city: str) -> str:
    start = dice % 128
    text = _TEXT[start : start + 20 + dice // 128 % 64]
    return text if dice % 5 else f'{text}\n"{city}", {dice % 100}%'
