"""The code that inflates and computes CRCs: isal, two to three times faster, or zlib where isal has no wheel."""

from typing import Any


def _engine() -> Any:
    try:
        from isal import isal_zlib
    except ImportError:
        import zlib

        return zlib
    return isal_zlib


engine = _engine()
