"""What the command line understands, what it answers to the rest, and that both ways to read it read the same."""

import io
import shlex
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupd.cli import daemon, entry, short
from backupd.cli import help as help_page
from backupd.cli.commands import build, run
from backupd.cli.examples import EXAMPLES
from backupd.cli.invocation import Invocation
from backupd.core.errors import UsageError

_PIECES = st.sampled_from(
    [
        "--run-once",
        "--quiet",
        "--org",
        "--config",
        "--org=a",
        "--config=/c.toml",
        "a",
        "/c.toml",
        "list",
        "--json",
        "-q",
    ]
)


def test_the_help_page_is_the_one_the_parser_makes(capsys):
    build().help_print()

    assert capsys.readouterr().out == help_page.TEXT


def test_every_line_of_the_help_fits_80_columns():
    assert max(map(len, help_page.TEXT.splitlines())) <= 80


@given(st.lists(_PIECES, max_size=5))
def test_the_short_way_reads_what_the_long_way_reads(arguments):
    work = short.read(arguments)

    if work is not None:
        assert _as_parsed(arguments) == work


@pytest.mark.parametrize(
    ("arguments", "work"),
    [
        ([], short.Work(Invocation())),
        (["--quiet"], short.Work(Invocation(quiet=True))),
        (["--run-once"], short.Work(Invocation(), once=True)),
        (["--org", "main", "--run-once"], short.Work(Invocation(), once=True, org="main")),
        (["--run-once", "--config=/c.toml"], short.Work(Invocation(Path("/c.toml")), once=True)),
    ],
)
def test_the_usual_lines_go_the_short_way(arguments, work):
    assert short.read(arguments) == work
    assert _as_parsed(arguments) == work


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lst"], "there is no command 'lst'; did you mean list? See `backupd --help`."),
        (["lisst", "--json"], "there is no command 'lisst'; did you mean list? See `backupd --help`."),
        (["list", "--jsn"], "list: there is no option --jsn; did you mean --json? See `backupd list --help`."),
        (["list", "main"], "list: there is no place for 'main'; see `backupd list --help`."),
        (["show"], "show: a value for SNAPSHOT is missing; see `backupd show --help`."),
        (["--run-onec"], "there is no option --run-onec; did you mean --run-once? See `backupd --help`."),
        (["--config"], "a value for --config is missing; see `backupd --help`."),
        (["--org", "main"], "--org goes with --run-once only; add --run-once, or leave --org away."),
        (["simulate", "--port", "x"], 'simulate: invalid value for --port: unable to convert "x" into int; see'),
    ],
)
def test_a_wrong_word_is_one_line_that_names_the_nearest_right_one(arguments, words, capsys):
    assert entry.run(arguments) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"backupd: {words}")
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", sorted(build()))
def test_every_command_has_a_help_page_that_fits_80_columns(command, capsys):
    run([command, "--help"]) if not command.startswith("-") else run([command])

    page = capsys.readouterr().out
    assert max(map(len, page.splitlines())) <= 80


@pytest.mark.parametrize(("command", "line"), [(name, line) for name, of in EXAMPLES.items() for line, _ in of])
def test_an_example_is_a_command_line_that_is_understood(command, line, capsys):
    words = shlex.split(line.partition("backupd ")[2].removeprefix("backupd ").rstrip(")"))
    assert " ".join(words).startswith(command)

    called, *_ = build().parse_args([word for word in words if word != "--quiet"], exit_on_error=False)

    assert callable(called)
    run([*command.split(), "--help"])
    assert f"  {line}" in capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_a_script_that_knows_the_commands(shell, capsys):
    run(["completion", shell])

    script = capsys.readouterr().out
    assert "rebuild-catalog" in script
    assert "--run-once" in script


def _as_parsed(arguments: list[str]) -> short.Work | None:
    """Give the work that the long way hands to the daemon."""
    handed: list[short.Work] = []
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()):
        patch.setattr(daemon, "run", handed.append)
        try:
            run(arguments)
        except UsageError:
            return None
    return handed[0] if handed else None
