"""Starts the program. `--version` is answered before anything else is imported; the rest is `cli.entry`."""

import sys

from backupd import __version__


def main() -> int:
    """Do what the command line says and return the exit status."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        sys.stdout.write(f"backupd {__version__}\n")
        return 0
    from backupd.cli.entry import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
