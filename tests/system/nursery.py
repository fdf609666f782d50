"""Processes of the real program, forked from one that has imported it: starting costs milliseconds, not a second.

What is run is `backupd.__main__.main` with its own arguments, environment, streams, signals and process id; only the
imports have been made before. Tests that start the program hundreds of times can so do it for every step it makes.

`python -m tests.system.nursery FD` is the parent of these processes and talks over a socket; one child at a time.
"""

import importlib
import json
import os
import socket
import sys
from collections.abc import Iterable

from tests.system.seccomp import watch_me

_LARGEST_REQUEST = 65_536
_OFTEN_USED = (  # what is not named here is imported by each child, as far as it needs it
    "aiohttp", "backupd.cli.daemon", "backupd.cli.failures", "backupd.download", "backupd.verify",
    "backupd.zoho.auth", "backupd.zoho.client", "backupd.zoho.gate", "backupd.zoho.hosts",
)  # fmt: skip


def main(channel: socket.socket) -> int:
    """Serve until the other side closes."""
    for module in _OFTEN_USED:
        importlib.import_module(module)
    while True:
        request, descriptors, _, _ = socket.recv_fds(channel, _LARGEST_REQUEST, 3)
        if not request:
            return 0
        pid = os.fork()
        if pid == 0:
            channel.close()
            return _be_the_program(**json.loads(request), descriptors=descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        _say(channel, {"pid": pid})
        _, status, used = os.wait4(pid, 0)
        _say(channel, {"status": os.waitstatus_to_exitcode(status), "peak": used.ru_maxrss})


def _be_the_program(
    arguments: list[str], environment: dict[str, str], watched: Iterable[int], descriptors: list[int]
) -> int:
    out, errors, *door = descriptors
    os.dup2(out, 1)
    os.dup2(errors, 2)
    os.close(out)
    os.close(errors)
    os.environ.clear()
    os.environ.update(environment)
    if door:
        with socket.socket(fileno=door[0]) as channel:
            listener = watch_me(watched)
            socket.send_fds(channel, [b"!"], [listener])
            os.close(listener)
    sys.argv = ["backupd", *arguments]
    from backupd.__main__ import main as program

    return program()


def _say(channel: socket.socket, word: dict[str, int]) -> None:
    channel.sendall(json.dumps(word).encode())


if __name__ == "__main__":
    sys.exit(main(socket.socket(fileno=int(sys.argv[1]))))
