"""The C library's heap: what was freed in it goes back to the system when somebody says so.

Inflating frees blocks of many sizes, and what lies between others that are still in use stays with the process: by
itself the memory of a long download only grows. Giving all of it back costs a millisecond.
"""

from contextlib import suppress


def tidy() -> None:
    """Give free memory back to the system, where the C library can (glibc) and Python can call it. Never raises."""
    with suppress(ImportError, OSError):  # built without libffi, or linked statically
        import ctypes  # not at the start, which it would make longer

        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
