"""The end of the start: all is imported, and the work begins."""

import gc


def imported() -> None:
    """Collect garbage again, which `__main__` stopped, but never look through what was imported."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
