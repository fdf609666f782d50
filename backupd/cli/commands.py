"""Every command, its name and where it lives; a command's module is imported when the command is asked for.

A command is a function that returns the exit status; if it has a keyword `invocation`, that receives the options which
all commands take.
"""

import asyncio
import inspect
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

from cyclopts import (
    App,
    Argument,
    CycloptsError,
    Group,
    MissingArgumentError,
    Parameter,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from backupd import __version__
from backupd.cli import examples
from backupd.cli import help as help_page
from backupd.cli.invocation import Invocation
from backupd.cli.plain_help import PlainHelp
from backupd.cli.short import Work
from backupd.cli.startup import imported
from backupd.core.errors import UsageError

_COMMANDS = {  # in the order of the help
    "demo": ("demo:demo", "See the whole job done, against a built-in vendor."),
    "simulate": ("simulate:simulate", "Run the built-in vendor alone."),
    "status": ("status:status", "Say whether each org is safe, and what is under way."),
    "list": ("snapshots:list_", "List the snapshots, newest first."),
    "show": ("snapshots:show", "Show one snapshot: its files, checksums and times."),
    "verify": ("verify:verify", "Read snapshots again: are they intact and complete?"),
    "reconcile": ("reconcile:reconcile", "Compare the vendor's history with the archive."),
    "alarms": ("alarms:alarms", "List what is wrong, or acknowledge it."),
    "prune": ("prune:prune", "Drop the snapshots that no rule keeps, or say which."),
    "hold": ("hold:hold", "Keep a snapshot whatever the rules say."),
    "check": ("check:check", "Examine settings, archive and credentials."),
    "schedule": ("schedule", "Show, create or cancel the vendor's schedule."),
    "authorize": ("authorize:authorize", "Turn a self-client code into a refresh token."),
    "rebuild-catalog": ("upkeep:rebuild_catalog", "Make the catalog anew from manifests and journals."),
    "completion": ("completion:completion", "Print the completion script of a shell."),
}

_GROUPS = {  # commands of commands
    "schedule": {
        "show": ("schedule:show", "Show what the vendor has scheduled."),
        "create": ("schedule:create", "Order a backup, at once or by a rule; it spends quota."),
        "cancel": ("schedule:cancel", "End the vendor's schedule."),
    },
}

_USAGES = {  # where the parser would name no argument
    "verify": "backupd verify [SNAPSHOT...] [OPTIONS]",
    "alarms": "backupd alarms [acknowledge KEY] [OPTIONS]",
    "hold": "backupd hold [add SNAPSHOT | remove SNAPSHOT | list] [OPTIONS]",
}
_COMMON = ("--config", "--quiet", "--version", "--help")

_ORG = Parameter(metavar="NAME", help="With --run-once: only this org.")
_ONCE = Parameter(help="Run one cycle for every org, then exit: for cron.")
_CONFIG = Parameter(
    metavar="FILE",
    help="Read the settings from this file (or set BACKUPD_CONFIG; default: /etc/backupd/backupd.toml, if it exists).",
)
_QUIET = Parameter(help="Say nothing but failures.")
_REST = Parameter(show=False, allow_leading_hyphen=True)


def run(arguments: Sequence[str]) -> int:
    """Do what the command line says and return the exit status. Raises UsageError, or what the command raises."""
    app = build()
    try:
        status: object = app.meta(list(arguments), exit_on_error=False, print_error=False)
    except CycloptsError as error:
        raise _usage_error(error) from error
    return status if isinstance(status, int) else 0  # a help page or the version was printed


def build() -> App:
    """Make the parser of the whole command line."""
    options = Group("Options", sort_key=9)
    app = App(
        name="backupd",
        usage=help_page.USAGE,
        help=help_page.SUMMARY,
        help_epilogue=help_page.EPILOGUE,
        help_format="plaintext",
        help_formatter=PlainHelp(),
        version=f"backupd {__version__}",
        version_format="plaintext",
        group_parameters=options,
        default_parameter=Parameter(negative=(), show_default=False),
        result_action="return_value",
    )
    for position, (name, (place, text)) in enumerate(_COMMANDS.items()):
        if name in _GROUPS:
            app.command(_group(name, text, position))
            continue
        usage = _USAGES.get(name)
        app.command(
            f"backupd.cli.{place}",
            name=name,
            help=text,
            sort_key=position,
            help_epilogue=examples.of(name),
            usage=usage,
        )
    for flag, text in (("--help", "Print this text, or a command's own."), ("--version", "Print the version.")):
        app[flag].group = (options,)
        app[flag].help = text
    app.default(_without_command)
    app.meta.group_parameters = options
    app.meta.default(_launcher(app))
    return app


def _group(name: str, text: str, position: int) -> App:
    """Make a command that has commands of its own."""
    usage = f"backupd {name} COMMAND [OPTIONS]"
    group = App(name=name, help=text, usage=usage, help_epilogue=examples.of(name), sort_key=position)
    for place_in_help, (inner, (place, meaning)) in enumerate(_GROUPS[name].items()):
        shown = examples.of(f"{name} {inner}")
        group.command(f"backupd.cli.{place}", name=inner, help=meaning, sort_key=place_in_help, help_epilogue=shown)
    return group


def _launcher(app: App) -> Callable[..., int]:
    def launch(
        *tokens: Annotated[str, _REST],
        config: Annotated[Path | None, _CONFIG] = None,
        quiet: Annotated[bool, _QUIET] = False,
    ) -> int:
        command, bound, handed = app.parse_args(tokens, exit_on_error=False, print_error=False)
        if "invocation" in handed:
            bound.arguments["invocation"] = Invocation(config, quiet)
        imported(answering=True)
        result = command(*bound.args, **bound.kwargs)
        return int(asyncio.run(result) if inspect.iscoroutine(result) else result or 0)

    return launch


def _without_command(
    *,
    run_once: Annotated[bool, _ONCE] = False,
    org: Annotated[str | None, _ORG] = None,
    invocation: Annotated[Invocation, Parameter(parse=False)],
) -> int:
    if org is not None and not run_once:
        raise UsageError("--org goes with --run-once only", advice="Add --run-once, or leave --org away.")
    from backupd.cli import daemon

    return daemon.run(Work(invocation, run_once, org))


def _usage_error(error: CycloptsError) -> UsageError:
    """Say it in our form, and name the nearest right word."""
    chain = " ".join(error.command_chain or ())
    first = next(iter(error.root_input_tokens or ()), "-")
    near: Sequence[str] = ()
    match error:
        case UnusedCliTokensError() | UnknownOptionError() if not chain and not first.startswith("-"):
            what, near = f"there is no command {first!r}", get_close_matches(first, _COMMANDS, n=1)
        case UnknownCommandError() if chain in _GROUPS:
            word = next((token for token in error.root_input_tokens or () if token != chain), "-")
            what, near = f"there is no command {word!r}", get_close_matches(word, _GROUPS[chain], n=1)
        case UnusedCliTokensError(unused_tokens=[word, *_]):
            what = f"there is no place for {word!r}"
        case UnknownOptionError():
            word = error.token.keyword or error.token.value
            known = [name for argument in error.argument_collection for name in argument.names]
            what, near = f"there is no option {word}", get_close_matches(word, [*known, *_COMMON], n=1)
        case MissingArgumentError(argument=Argument() as argument):
            what = f"a value for {error.keyword or argument.name} is missing"
        case _:
            what = str(error).partition(" Did you mean")[0]
            what = what[:1].lower() + what[1:]
    question = f"Did you mean {near[0]}? " if near else ""
    page = f"backupd {chain} --help" if chain else "backupd --help"
    return UsageError(f"{chain}: {what}" if chain else what, advice=f"{question}See `{page}`.")
