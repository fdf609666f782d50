"""What was freed goes back to the system when that is asked for, and not before."""

import ctypes
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from backupd.download import heap

_BLOCK = 100_000  # bytes: below what the C library asks the system for by itself


def test_what_lies_between_blocks_in_use_goes_back():
    blocks = [bytearray(b"1" * _BLOCK) for _ in range(400)]
    kept = blocks[::8]
    del blocks
    before = _resident()

    heap.tidy()

    assert before - _resident() > 10_000_000
    assert len(kept) == 50


def test_another_c_library_keeps_what_it_has(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())

    heap.tidy()


def test_a_python_that_cannot_call_the_c_library_keeps_what_it_has(monkeypatch):
    monkeypatch.setitem(sys.modules, "ctypes", None)  # built without libffi: the module is there, but does not load

    heap.tidy()


def test_a_c_library_that_is_linked_in_keeps_what_it_has(monkeypatch):
    def refuse(_: None) -> None:
        raise OSError("Dynamic loading not supported")

    monkeypatch.setattr(ctypes, "CDLL", refuse)

    heap.tidy()


_TAKE_AND_FREE_TWICE = """
import resource
import backupd.verify.engine
def faults():
    bytearray(b"1") * (8 * 1024**2)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(-faults() + faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have ways of their own")
def test_what_was_unpacked_into_is_kept_for_the_next():
    """To get it from the system again, page for page, takes as long as to unpack into it."""
    ran = subprocess.run([sys.executable, "-c", _TAKE_AND_FREE_TWICE], capture_output=True, check=True)  # noqa: S603

    assert int(ran.stdout) < 100


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
