"""The bounds on what members unpack to: exactly so much is fine, and one byte more is not."""

import zlib

import pytest

from backupd.core.zipformat import ZipFault
from backupd.verify.limits import ZipLimits
from backupd.verify.tally import Tally

FREE = 1024**2  # bytes of a member that the ratio does not count


def test_what_came_out_is_counted_with_its_crc():
    tally = Tally(ZipLimits(), None, 0)
    tally.packed = 10

    tally.add(b"abc")
    tally.add(memoryview(b"def"))

    assert (tally.unpacked, tally.crc) == (6, zlib.crc32(b"abcdef"))


@pytest.mark.parametrize(
    ("limits", "stated", "before", "most", "reason"),
    [
        (ZipLimits(max_ratio=2), None, 0, FREE + 20, "ratio"),
        (ZipLimits(max_ratio=2), FREE + 21, 0, FREE + 20, "ratio"),
        (ZipLimits(max_total=100), None, 60, 40, "total_size"),
        (ZipLimits(max_total=100), 40, 60, 40, "size"),
        (ZipLimits(), 40, 60, 40, "size"),
    ],
)
def test_a_member_may_unpack_to_exactly_its_bound(limits, stated, before, most, reason):
    tally = Tally(limits, stated, before)
    tally.packed = 10
    tally.add(bytes(most))

    with pytest.raises(ZipFault) as caught:
        tally.add(b"x")

    assert caught.value.reason == reason


def test_a_promise_beyond_the_total_is_refused_before_a_byte_comes_out():
    with pytest.raises(ZipFault) as caught:
        Tally(ZipLimits(max_total=100), 41, 60)

    assert caught.value.reason == "total_size"
