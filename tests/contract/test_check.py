"""One suite for every way to check a zip: in passing, in blocks of any size, with either engine, and on disk."""

import random
import sys
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from backupd.core.check import Check, NewCheck
from backupd.core.errors import ArchiveError, ZipRejected
from backupd.core.model import Checked
from backupd.verify import ZipLimits, new_check, tally, unpack
from backupd.verify.disk import check_on_disk
from backupd.verify.engine import STANDARD
from backupd.verify.pulled import AT_ONCE
from tests.fakes.corpus import Case, cases
from tests.fakes.corpus.case import DEALS, LEADS, NOTE, PHOTO, USUAL
from tests.fakes.corpus.whole import LEADS_WITHOUT_END_MARK
from tests.fakes.zips import BZIP2, DEFLATED, LZMA, LZMA_END_MARK, Member, build

CASES = cases()
LIMITS = ZipLimits()


class OnDisk:
    """The check of what lies on disk behind the same port: it ignores what passes."""

    def __init__(self, name: str, limits: ZipLimits) -> None:
        self._name = name
        self._limits = limits

    def feed(self, block: bytes | bytearray | memoryview) -> None:
        """Wait for the file."""

    def finish(self, path: Path) -> Checked:
        return check_on_disk(path, self._name, self._limits)


def on_disk(limits: ZipLimits) -> NewCheck:
    def start(name: str) -> Check:
        return OnDisk(name, limits)

    return start


Make = Callable[[ZipLimits], NewCheck]


def judge(start: NewCheck, data: bytes, path: Path, block: int = 65536) -> Checked | str:
    """Check a zip as a download is checked; returns what was found, or the reason for refusing it."""
    check = start(path.name)
    try:
        for at in range(0, len(data), block):
            check.feed(data[at : at + block])
        path.write_bytes(data)
        return check.finish(path)
    except ZipRejected as rejection:
        return rejection.reason


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "Data_001.zip"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("block", [7, 512, 1 << 24])
def test_every_zip_of_the_corpus_gets_its_answer_in_passing(case: Case, block: int, path: Path):
    block = block if len(case.data) < 50_000 else max(block, 512)
    _expect(judge(new_check(case.limits), case.data, path, block), case.reason, case)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_zip_of_the_corpus_gets_its_answer_on_disk(case: Case, path: Path):
    _expect(judge(on_disk(case.limits), case.data, path), case.reason_on_disk, case)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_zip_of_the_corpus_gets_its_answer_without_isal(case: Case, path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(unpack, "engine", STANDARD)
    monkeypatch.setattr(tally, "engine", STANDARD)

    _expect(judge(new_check(case.limits), case.data, path), case.reason, case)


def _expect(answer: Checked | str, reason: str | None, case: Case) -> None:
    if reason is not None:
        assert answer == reason
        return
    assert isinstance(answer, Checked), answer
    assert case.members in {None, answer.members}


@pytest.mark.parametrize("make", [new_check, on_disk])
def test_what_was_found_is_counted(make: Make, path: Path):
    found = judge(make(LIMITS), build(USUAL), path)

    assert found == Checked(members=4, unpacked_size=sum(len(member.content) for member in USUAL))


@pytest.mark.parametrize("make", [new_check, on_disk])
@pytest.mark.parametrize("case", [case for case in CASES if case.reason], ids=lambda case: case.name)
def test_no_error_text_tells_a_name_that_the_vendor_did_not_choose(case: Case, make: Make, path: Path):
    path.write_bytes(case.data)
    check = make(case.limits)(path.name)

    with pytest.raises(ZipRejected) as caught:
        _feed_and_finish(check, path)

    assert str(caught.value).startswith("Data_001.zip: ")
    for secret in ("4876876_Ren", "ller.pdf", "0badc0de", "secret", "rger"):
        assert secret not in str(caught.value)
        assert secret not in (caught.value.member or "")


def test_the_error_names_file_member_and_reason(path: Path):
    path.write_bytes(build([LEADS, replace(DEALS, local={"crc": 1}), replace(NOTE, local={"crc": 1})]))

    with pytest.raises(ZipRejected) as caught:
        _feed_and_finish(new_check(LIMITS)(path.name), path)

    assert str(caught.value) == "Data_001.zip: member 2 (Data/Deals_001.csv): its content does not have the stated CRC"
    assert (caught.value.reason, caught.value.member) == ("crc", "member 2 (Data/Deals_001.csv)")


@pytest.mark.parametrize("make", [new_check, on_disk])
@pytest.mark.parametrize("listing", [None, (3, 2, 1, 0)], ids=["as they lie", "backwards"])
@pytest.mark.parametrize("at", range(4))
def test_a_damaged_member_is_told_by_the_number_under_which_unzip_lists_it(make: Make, listing, at: int, path: Path):
    members = [LEADS] * 4
    members[at] = replace(LEADS, local={"crc": 1})
    path.write_bytes(build(members, listing=listing))

    with pytest.raises(ZipRejected) as caught:
        _feed_and_finish(make(LIMITS)(path.name), path)

    number = at + 1 if listing is None or make is new_check else 4 - at
    assert caught.value.member == f"member {number} (Data/Leads_001.csv)"


def test_a_member_named_after_a_persons_file_is_told_by_number_and_folder(path: Path):
    path.write_bytes(build([LEADS, replace(NOTE, local={"crc": 1})]))

    with pytest.raises(ZipRejected, match=r"^Data_001\.zip: member 2 \(Attachments/…\): "):
        _feed_and_finish(new_check(LIMITS)(path.name), path)


@pytest.mark.parametrize("folder", ["Attachments/", "Metadata/", "RecordImages/", "Data/"])
def test_whatever_the_vendors_folder_only_it_is_told(folder: str, path: Path):
    path.write_bytes(build([replace(NOTE, name=f"{folder}Jane Doe.pdf".encode(), local={"crc": 1})]))

    with pytest.raises(ZipRejected, match=rf"^Data_001\.zip: member 1 \({folder}…\): its content"):
        _feed_and_finish(new_check(LIMITS)(path.name), path)


def test_a_member_whose_name_was_not_reached_does_not_get_the_one_before(path: Path):
    data = build([LEADS, DEALS])
    path.write_bytes(data[: data.index(b"PK\x03\x04", 4) + 20])

    with pytest.raises(ZipRejected) as caught:
        _feed_and_finish(new_check(LIMITS)(path.name), path)

    assert caught.value.member == "member 2"


def test_damage_in_no_member_names_the_file_alone(path: Path):
    path.write_bytes(b"<html>")

    with pytest.raises(ZipRejected, match=r"^Data_001\.zip: ") as caught:
        _feed_and_finish(new_check(LIMITS)(path.name), path)

    assert caught.value.member is None
    assert "None" not in str(caught.value)


@pytest.mark.parametrize("make", [new_check, on_disk])
@pytest.mark.parametrize(
    "data",
    [
        build(USUAL, end={"entries": 5}),
        build(USUAL, after_directory=b"gap!"),
        build(USUAL, comment=b"see PK\x05\x06"),
        build(USUAL, before_directory=b"gap!"),
        build(USUAL) + b"\0",
    ],
    ids=["end", "behind the directory", "comment", "before the directory", "behind the end"],
)
def test_damage_behind_all_members_is_not_told_of_the_last_one(make: Make, data: bytes, path: Path):
    path.write_bytes(data)

    with pytest.raises(ZipRejected) as caught:
        _feed_and_finish(make(LIMITS)(path.name), path)

    in_the_gap = make is on_disk and b"gap!PK\x01\x02" in data  # from the end, it lies behind the last member
    assert caught.value.member == ("member 4 (Attachments/…)" if in_the_gap else None)


def test_a_zip_that_ends_too_soon_is_told_with_the_bytes_that_there_are(path: Path):
    data = build(USUAL)
    path.write_bytes(data[:100])
    check = new_check(LIMITS)(path.name)
    check.feed(data[:40])
    check.feed(data[40:100])

    with pytest.raises(ZipRejected, match="it ends after 100 bytes, before the zip does"):
        check.finish(path)


def _feed_and_finish(check: Check, path: Path) -> Checked:
    check.feed(path.read_bytes())
    return check.finish(path)


def test_damage_is_told_at_the_first_block_that_shows_it():
    data = build([replace(LEADS, local={"crc": 1}), *USUAL])
    check = new_check(LIMITS)("Data_001.zip")

    with pytest.raises(ZipRejected):
        check.feed(data[: len(data) // 2])


def test_a_descriptor_that_lies_is_told_before_the_rest_is_received():
    data = build([replace(DEALS, descriptor="signed", descriptor_says={"crc": 1}), *USUAL])

    with pytest.raises(ZipRejected) as caught:
        new_check(LIMITS)("Data_001.zip").feed(data)

    assert caught.value.reason == "crc"


def test_a_member_that_unpacks_to_more_than_it_says_is_told_before_it_is_received():
    data = build([replace(DEALS, content=random.Random(1).randbytes(100_000), local={"unpacked": 50_000})])

    with pytest.raises(ZipRejected, match="it unpacks to more than the 50000 bytes stated"):
        new_check(LIMITS)("Data_001.zip").feed(data[:60_000])


@pytest.mark.parametrize("make", [new_check, on_disk])
def test_an_end_mark_that_nobody_announced_is_told_however_the_zip_arrives(make: Make, path: Path):
    data = build([replace(NOTE, method=LZMA), LEADS])
    end = data.index(b"PK\x03\x04", 4)

    assert {judge(make(LIMITS), data, path, block=at) for at in range(end - 40, end + 9)} == {"damaged_data"}


def test_a_page_is_told_at_its_first_block():
    with pytest.raises(ZipRejected) as caught:
        new_check(LIMITS)("Data_001.zip").feed(b"<!DOCTYPE html>")

    assert caught.value.reason == "not_a_zip"


def test_a_rejected_zip_stays_rejected(path: Path):
    check = new_check(LIMITS)("Data_001.zip")
    with pytest.raises(ZipRejected):
        check.feed(b"<html>")

    with pytest.raises(ZipRejected):
        check.feed(build(USUAL))
    with pytest.raises(ZipRejected):
        check.finish(path)


def test_the_block_belongs_to_its_owner_again_after_each_feed(path: Path):
    data = build([replace(DEALS, descriptor="signed"), *USUAL])
    check = new_check(LIMITS)("Data_001.zip")
    buffer = bytearray()
    for at in range(0, len(data), 100):
        buffer[:] = data[at : at + 100]  # resizing it fails while anybody holds a view of it
        check.feed(buffer)
        buffer[:] = b"\xee" * len(buffer)
        buffer.clear()

    assert check.finish(path).members == 5


def test_empty_blocks_do_no_harm(path: Path):
    check = new_check(LIMITS)("Data_001.zip")
    for byte in build([LEADS]):
        check.feed(b"")
        check.feed(bytes([byte]))

    assert check.finish(path).members == 1


@pytest.mark.parametrize(("method", "module"), [(BZIP2, "bz2"), (LZMA, "lzma")])
def test_a_method_that_this_python_lacks_is_refused_by_its_name(method: int, module: str, path: Path, monkeypatch):
    path.write_bytes(build([replace(LEADS, method=method, flags=LZMA_END_MARK if method == LZMA else 0)]))
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(ZipRejected, match=f"its compression method {method} is not known here") as caught:
        _feed_and_finish(new_check(LIMITS)(path.name), path)

    assert caught.value.reason == "unsupported_method"


@pytest.mark.parametrize("method", [DEFLATED, BZIP2, LZMA])
def test_data_that_tells_its_own_end_is_checked_in_passing_though_its_length_follows_it(method: int, tmp_path: Path):
    flags = LZMA_END_MARK if method == LZMA else 0
    check = new_check(LIMITS)("Data_001.zip")
    check.feed(build([replace(LEADS, method=method, flags=flags, descriptor="signed"), PHOTO]))

    assert check.finish(tmp_path / "is not looked at").members == 2


def test_a_file_that_is_needed_and_gone_is_the_archives_error(tmp_path: Path):
    data = build([replace(LEADS, descriptor="signed")])
    check = new_check(LIMITS)("Data_001.zip")
    check.feed(data)

    with pytest.raises(ArchiveError, match=r"Data_001\.zip could not be read: No such file"):
        check.finish(tmp_path / "Data_001.zip")


@pytest.mark.parametrize("make", [new_check, on_disk])
@pytest.mark.parametrize("beyond", [0, 1, 2, 5, 100, 257, 258, 259, 516, 1000])
@pytest.mark.parametrize("method", [DEFLATED, BZIP2])
def test_what_comes_out_behind_the_last_byte_that_goes_in_is_not_lost(make: Make, beyond: int, method: int, path: Path):
    # The unpacked data comes out in pieces of this length; decompressors take in some bytes before they are needed.
    length = AT_ONCE + beyond

    found = judge(make(LIMITS), build([Member(method=method, content=bytes(length))]), path)

    assert found == Checked(1, length)


@pytest.mark.parametrize("listing", [None, (5, 4, 3, 2, 1, 0)], ids=["as they lie", "backwards"])
@pytest.mark.parametrize("make", [new_check, on_disk])
def test_a_directory_that_fills_several_blocks_counts_each_member_once(make: Make, listing, path: Path):
    members = [replace(LEADS, name=b"%d" % number * 65_535) for number in range(6)]

    assert judge(make(LIMITS), build(members, listing=listing), path) == Checked(6, 6 * len(LEADS.content))


@pytest.mark.slow
def test_old_writers_count_members_modulo_65536(path: Path):
    assert judge(new_check(LIMITS), _many_members(65_537), path) == Checked(65_537, 0)


def _many_members(count: int) -> bytes:
    """Make a zip of empty members, whose end record counts them modulo 65536."""
    one = build([Member(name=b"x", content=b"")])
    local, entry = one[:31], one[31:-22]
    entries = b"".join(entry[:42] + (31 * number).to_bytes(4, "little") + entry[46:] for number in range(count))
    counted = (count & 0xFFFF).to_bytes(2, "little")
    end = b"PK\x05\x06" + bytes(4) + counted * 2 + len(entries).to_bytes(4, "little")
    return local * count + entries + end + (31 * count).to_bytes(4, "little") + bytes(2)


# --- damage: whatever the bytes, the answer is ZipRejected, or the content is what it was ---

_LZMA = [replace(member, method=LZMA, flags=LZMA_END_MARK) for member in (LEADS, PHOTO)]
_SMALL = replace(LEADS, content=LEADS.content[:30])
DAMAGED = {
    "usual": build(USUAL, comment=b"hello"),
    "descriptors": build([replace(member, descriptor="signed") for member in (DEALS, NOTE, LEADS)]),
    "bare descriptors": build([replace(member, descriptor="bare64", zip64=True) for member in (DEALS, NOTE)]),
    "zip64": build([replace(member, zip64=True) for member in USUAL], zip64_end=True),
    "backwards": build(USUAL, listing=[3, 2, 1, 0]),
    "bzip2": build([replace(member, method=BZIP2) for member in USUAL]),
    "lzma": build(_LZMA),
    "lzma without end mark": build([replace(LEADS, method=LZMA, packed_bytes=LEADS_WITHOUT_END_MARK), PHOTO]),
}
TINY = {
    "stored": build([_SMALL, Member(name=b"\xe9", content=b"x")], comment=b"hi"),
    "deflated": build([replace(_SMALL, method=DEFLATED, descriptor="signed")]),
    "zip64": build([replace(_SMALL, zip64=True)], zip64_end=True),
}


def content(data: bytes) -> list[tuple[str, bytes]]:
    """Unpack a zip with code that is not ours."""
    with zipfile.ZipFile(BytesIO(data)) as opened:
        return [(info.orig_filename, opened.read(info)) for info in opened.infolist()]


def survives(data: bytes, original: bytes, path: Path, *, block: int = 65536, both: bool = True) -> str:
    """Check damaged bytes, both ways if asked; says `rejected` or `accepted`, and fails if that is wrong."""
    passed = judge(new_check(LIMITS), data, path, block)
    if both or not isinstance(passed, str):
        looked_at = judge(on_disk(LIMITS), data, path)
        assert passed == looked_at or (isinstance(passed, str) and isinstance(looked_at, str)), (passed, looked_at)
    if isinstance(passed, str):
        return "rejected"
    assert content(data) == content(original)
    return "accepted"


@pytest.mark.slow
@pytest.mark.parametrize("kind", TINY)
def test_every_single_bit_is_checked_or_does_not_matter(kind: str, path: Path):
    original = TINY[kind]
    counts: Counter[str] = Counter()
    for at in range(len(original)):
        for bit in range(8):
            damaged = bytearray(original)
            damaged[at] ^= 1 << bit
            counts[survives(bytes(damaged), original, path, both=bit == at % 8)] += 1

    assert counts["rejected"] > counts["accepted"]  # the rest: times, attributes, versions, comments, unused flags


@pytest.mark.slow
@pytest.mark.parametrize("kind", TINY)
def test_no_byte_can_be_missing_or_too_many_anywhere(kind: str, path: Path):
    original = TINY[kind]
    for at in range(len(original)):
        for damaged in (original[:at], original[:at] + original[at + 1 :], original[:at] + b"\0" + original[at:]):
            if damaged != original:
                assert survives(damaged, original, path, both=at % 8 == 0) == "rejected"


@pytest.mark.slow
@pytest.mark.parametrize("kind", DAMAGED)
@pytest.mark.parametrize("seed", range(5))
def test_random_damage_is_rejected_or_harmless(kind: str, seed: int, path: Path):
    original = DAMAGED[kind]
    chance = random.Random(f"{kind} {seed}")
    for _ in range(60):
        damaged = _damage(original, chance)
        if damaged != original:
            survives(damaged, original, path, block=chance.choice([1, 13, 500, 65536]))


def _damage(original: bytes, chance: random.Random) -> bytes:
    data = bytearray(original)
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        at = chance.randrange(len(data) or 1)
        header = data.find(b"PK", at)
        if header >= 0 and chance.random() < 0.5:  # structures are few among the data
            at = min(len(data) - 1, header + chance.randrange(60))
        length = chance.choice([1, 2, 4, 8, 16, 64, 512])
        match chance.randrange(7):
            case 0:
                data[at : at + 1] = bytes([data[at] ^ 1 << chance.randrange(8)]) if data else b""
            case 1:
                data[at : at + length] = chance.randbytes(len(data[at : at + length]))
            case 2:
                del data[at : at + length]
            case 3:
                data[at:at] = chance.randbytes(length)
            case 4:
                data[at : at + length] = bytes(len(data[at : at + length]))
            case 5:
                del data[at:]
            case _:
                other = chance.randrange(len(data) or 1)
                data[at : at + length] = data[other : other + length]
    return bytes(data)
