"""The contestant: backupd's own downloader and check, over a list of URLs into a folder; prints what it saw as JSON.

It starts as the program does. python -m tests.bench.fetch JSON, which is a `fetching.Task`.
"""

import gc
import sys

from backupd import tls


def main() -> None:
    """Import as `backupd.__main__` and `backupd.cli.daemon` do, and fetch."""
    gc.disable()
    tls.import_aiohttp()
    from tests.bench.fetching import run

    run(sys.argv[1])


if __name__ == "__main__":
    main()
