"""What the system says when a disk refuses, as our error."""

import errno
import os

import pytest

from backupd.core.diskerrors import archive_error
from backupd.core.errors import ArchiveError, ArchiveFull
from backupd.core.exits import Exit


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_no_room_is_a_passing_failure(number):
    error = archive_error("/archive/x", _error(number))

    assert isinstance(error, ArchiveFull)
    assert (error.passing, error.exit_status) == (True, Exit.ARCHIVE)


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EIO, "Check the disk"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "right"),
        (errno.EXDEV, "file system"),
        (errno.EMFILE, "LimitNOFILE"),
        (errno.EFBIG, "LimitFSIZE"),
    ],
)
def test_other_failures_say_what_to_do(number, advice):
    error = archive_error("/archive/x", _error(number))

    assert type(error) is ArchiveError
    assert error.exit_status == Exit.ARCHIVE
    assert advice in error.advice
    assert str(error) == f"/archive/x: {os.strerror(number)}"


def test_an_error_without_a_number_still_has_a_name():
    assert str(archive_error("/archive/x", OSError())) == "/archive/x: OSError"
