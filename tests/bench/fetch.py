"""The contestant: backupd's own downloader and check, over a list of URLs into a folder; prints what it saw as JSON.

python -m tests.bench.fetch JSON, which is a `fetching.Task`. Garbage and aiohttp are treated as the program does.
"""

import gc
import sys

from backupd import tls


def main() -> None:
    """Import as `backupd.__main__` and `backupd.cli.daemon` do what they share with this, and fetch."""
    gc.disable()
    tls.import_aiohttp()
    from tests.bench.fetching import run

    run(sys.argv[1])


if __name__ == "__main__":
    main()
