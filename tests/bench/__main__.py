"""Run it: python -m tests.bench [PART...] [--rounds 3] [--size 2000] [--folder DIR]; sizes in MB. See docs/bench.md."""

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.bench import courses, ourselves
from tests.bench.compete import machine, say
from tests.bench.contestants import NEEDED

_PARTS: dict[str, Callable[[Path, int, int], None]] = {
    part.__name__: part
    for part in (
        *(courses.fast, courses.slow, courses.delay, courses.small),
        *(ourselves.memory, ourselves.loop, ourselves.progress),
    )
}


def main() -> None:
    """Run what was asked for, or everything."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(f"{name}: {(part.__doc__ or '').strip()}" for name, part in _PARTS.items()),
    )
    parser.add_argument("parts", nargs="*", choices=[*_PARTS, []], default=list(_PARTS), metavar="PART")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=2000, help="MB, of eight zips together")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp/backupd-bench"))  # noqa: S108  large, kept
    asked = parser.parse_args()
    missing = [tool for tool in NEEDED if shutil.which(tool) is None]
    if missing:
        raise SystemExit(
            f"the benchmark needs {', '.join(missing)} (apt: nginx-light aria2 curl wget rclone unzip 7zip)"
        )
    asked.folder.mkdir(parents=True, exist_ok=True)
    say(machine())
    for name in asked.parts:
        _PARTS[name](asked.folder, asked.rounds, asked.size * 1_000_000)


if __name__ == "__main__":
    main()
