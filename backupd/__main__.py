"""Starts the program. `--version` is answered before anything else is imported; the rest is `cli.entry`."""

import gc
import sys

from backupd import __version__


def main() -> int:
    """Do what the command line says and return the exit status."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        sys.stdout.write(f"backupd {__version__}\n")
        return 0
    gc.disable()  # what is imported stays: looking for garbage in it costs a fifth of the start; see `cli.startup`
    from backupd.cli.entry import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
