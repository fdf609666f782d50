"""The end of the start: all is imported, and the work begins."""

import gc

_SELDOM = 1_000_000  # objects made between two searches for garbage


def imported(*, answering: bool = False) -> None:
    """Collect garbage again, which `__main__` stopped, but never look through what was imported.

    `answering`: a command gathers what it shows, which may be very much and stays until it ends; so look seldom.
    """
    if not gc.isenabled():
        if answering:
            gc.set_threshold(_SELDOM)
        gc.freeze()
        gc.enable()
