"""`backupd completion`: what a shell needs to complete commands and options."""

import sys
from typing import Annotated, Literal

from cyclopts import Parameter

_SHELL = Parameter(
    help="bash, zsh or fish. For bash: backupd completion bash > ~/.local/share/bash-completion/completions/backupd",
    show_choices=False,
)


def completion(shell: Annotated[Literal["bash", "zsh", "fish"], _SHELL], /) -> int:
    """Print the completion script."""
    from backupd.cli.commands import build

    sys.stdout.write(build().generate_completion(shell=shell))
    return 0
