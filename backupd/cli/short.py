"""The short way to the daemon and to `--run-once`: their command lines are read without loading the command parser.

What it cannot read it leaves to `commands`, whose root command takes the same options; a test holds both together.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from backupd.cli.invocation import Invocation

_FLAGS = frozenset({"--run-once", "--quiet"})
_VALUES = frozenset({"--org", "--config"})


@dataclass(frozen=True, slots=True)
class Work:
    """A run of the daemon (`once` false), or one cycle for every org or for `org`."""

    invocation: Invocation
    once: bool = False
    org: str | None = None


def read(arguments: Sequence[str]) -> Work | None:
    """Read a command line that has no command, or return None if it is not as plain as that."""
    found: dict[str, str] = {}
    for name, value in _options(arguments):
        if name not in _FLAGS | _VALUES or name in found or value is None:
            return None
        found[name] = value
    once = "--run-once" in found
    if "--org" in found and not once:
        return None
    config = Path(found["--config"]) if "--config" in found else None
    return Work(Invocation(config, "--quiet" in found), once, found.get("--org"))


def _options(arguments: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Yield options with their values, flags with an empty one; None stands for a value that is not there."""
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.partition("=")
        if name in _FLAGS:
            yield name, None if equals else ""
        elif equals:
            yield name, value or None
        else:
            value = next(rest, "-")
            yield name, None if value.startswith("-") else value
