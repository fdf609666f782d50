"""Help pages as plain text that fits 80 columns, in a pipe and on a terminal alike; the form that `help.TEXT` has."""

import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cyclopts.help import HelpEntry, HelpPanel
    from rich.console import Console, ConsoleOptions

_WIDTH = 78
_COMMON = ("--config", "--quiet", "--version", "--help")  # listed last, in this order


class PlainHelp:
    """Writes the parts of a help page."""

    def __call__(self, console: "Console", options: "ConsoleOptions", panel: "HelpPanel") -> None:  # noqa: ARG002  # a fixed form
        """Write one list: arguments, commands or options."""
        entries = [(_label(entry), _plain(entry.description)) for entry in sorted(panel.entries, key=_place)]
        if not entries:
            return
        width = 2 + max(len(label) for label, _ in entries) + 2
        _print(console, f"\n{_plain(panel.title)}:")
        for label, text in entries:
            first = f"  {label}".ljust(width)
            _print(
                console,
                textwrap.fill(text, _WIDTH, initial_indent=first, subsequent_indent=" " * width) or first.rstrip(),
            )

    def render_usage(self, console: "Console", options: "ConsoleOptions", usage: Any) -> None:  # noqa: ARG002  # as above
        """Write how the command is called."""
        text = _plain(usage).removeprefix("Usage:").strip()
        _print(console, f"Usage: {text}")

    def render_description(self, console: "Console", options: "ConsoleOptions", description: Any) -> None:  # noqa: ARG002  # as above
        """Write what the command does."""
        _print(console, "\n" + _plain(description))


def _label(entry: "HelpEntry") -> str:
    return ", ".join(entry.display_labels_with_metavar)


def _place(entry: "HelpEntry") -> int:
    return next((_COMMON.index(name) + 1 for name in entry.positive_names if name in _COMMON), 0)


def _plain(text: Any) -> str:
    """Take the words out of whatever the parser holds them in."""
    if text is None or isinstance(text, str):
        return text or ""
    from rich.console import Console

    console = Console(width=_WIDTH, no_color=True, highlight=False)
    with console.capture() as captured:
        console.print(text, end="")
    return "\n".join(line.rstrip() for line in captured.get().rstrip().splitlines())


def _print(console: "Console", text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
