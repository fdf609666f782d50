"""What was freed goes back to the system, and nothing is said where the C library keeps it."""

import ctypes
import sys
from pathlib import Path

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


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
