"""Sets up the log: every line of the program and of its libraries goes one way, through redaction, to stderr.

Every line is a `logging` record; structlog turns it into JSON or into something pleasant for people. It is loaded with
the first line, for that takes a fifth of a second, which a quiet run with nothing to say need not spend.
"""

import importlib
import logging
import sys
import threading
from collections.abc import MutableMapping
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO

from backupd.core.events import Level
from backupd.core.times import to_text
from backupd.telemetry.redaction import Redactor

if TYPE_CHECKING:
    from structlog.typing import Processor

Format = Literal["console", "json"]

EVENTS: Final = "backupd"  # the logger of our events
EVENT_FIELDS: Final = "backupd_fields"  # the attribute of a record that holds an event's fields
WEIGHTS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

_NEVER_DEBUGGED = "pydantic_settings"  # when asked to debug, it writes all that it read, secrets included
_TO_THE_SECOND = len("2022-06-23T12:01:00")
_ENOUGH_OF_A_HASH = 12  # characters
_EVENT_WIDTH = 20  # characters; most names of events are shorter


def set_up_log(
    redactor: Redactor, *, form: Format, level: Level, quiet: bool = False, stream: TextIO | None = None
) -> None:
    """Send all log lines to `stream` (stderr): from `level` on, or failures only if `quiet`.

    Libraries are heard from warning on, or all of them if the level is debug. Warnings and uncaught exceptions become
    lines as well. May be called again, with other settings.
    """
    target = sys.stderr if stream is None else stream
    ours = max(WEIGHTS[level], logging.ERROR if quiet else logging.NOTSET)
    handler = logging.StreamHandler(target)
    handler.setFormatter(_Lines(redactor, form=form, colours=target.isatty()))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(ours if ours == logging.DEBUG else max(ours, logging.WARNING))
    logging.getLogger(EVENTS).setLevel(ours)
    logging.getLogger(_NEVER_DEBUGGED).setLevel(logging.WARNING)
    logging.raiseExceptions = False  # its reports would print a record's arguments as they are
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda what: _uncaught(what.exc_type, what.exc_value, what.exc_traceback)
    sys.unraisablehook = lambda what: _uncaught(what.exc_type, what.exc_value, what.exc_traceback)


def _uncaught(kind: type[BaseException], error: BaseException | None, traceback: TracebackType | None) -> None:
    if error is not None and not isinstance(error, (KeyboardInterrupt, SystemExit)):
        logging.getLogger(EVENTS).error("error.uncaught", exc_info=(kind, error, traceback))


class _Lines(logging.Formatter):
    """Makes a line of each record. Whatever is odd about a record, it becomes a line, and never an exception."""

    def __init__(self, redactor: Redactor, *, form: Format, colours: bool) -> None:
        super().__init__()
        self._redactor = redactor
        self._form = form
        self._colours = colours
        self._made: logging.Formatter | None = None

    def format(self, record: logging.LogRecord) -> str:
        if self._made is None:
            self._made = _structlog(self._redactor, form=self._form, colours=self._colours)
        try:
            line = self._made.format(record)
        except Exception as error:  # noqa: BLE001  # a line about a line is better than none
            line = self._made.format(_about(record, error))
        return self._redactor.certain(line).encode("utf-8", "backslashreplace").decode()


def _about(record: logging.LogRecord, error: Exception) -> logging.LogRecord:
    fields = {"logger": record.name, "error": type(error).__name__}
    about = {"name": EVENTS, "levelno": record.levelno, "levelname": record.levelname, "msg": "log.unreadable"}
    return logging.makeLogRecord({**about, "created": record.created, EVENT_FIELDS: fields})


_Told = MutableMapping[str, Any]
_FOR_STRUCTLOG = frozenset({"_record", "_from_structlog"})
_OF_SEVERAL_LINES = frozenset({"exception", "stack"})


def _structlog_alone() -> Any:
    """Import structlog without rich: it would load it for tracebacks not used here, a tenth of a short run's CPU."""
    loaded = "rich" in sys.modules
    if not loaded:
        sys.modules["rich"] = None  # type: ignore[assignment]  # Python's own way to say: cannot be imported
    try:
        return importlib.import_module("structlog")
    finally:
        if not loaded:
            del sys.modules["rich"]


def _structlog(redactor: Redactor, *, form: Format, colours: bool) -> logging.Formatter:
    structlog = _structlog_alone()

    def redact(_logger: object, _method: str, told: _Told) -> _Told:
        theirs = {name: told.pop(name) for name in _FOR_STRUCTLOG}
        return {**redactor.value(told), **theirs}

    prepare: list[Processor] = [_shape, structlog.processors.format_exc_info, redact]
    renderer: Processor
    if form == "json":
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    else:
        renderer = structlog.dev.ConsoleRenderer(
            colors=colours,
            sort_keys=False,
            pad_event_to=_EVENT_WIDTH,
            timestamp_key="time",
            exception_formatter=structlog.dev.plain_traceback,
        )
        prepare += [_for_people, _printable]
    formatter: logging.Formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=prepare,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    return formatter


def _shape(_logger: object, _method: str, told: _Told) -> _Told:
    """Put time, level and name first, an event's fields after them, and for libraries who says it."""
    record: logging.LogRecord = told["_record"]
    time = to_text(datetime.fromtimestamp(record.created, UTC))
    head = {"time": time, "level": record.levelname.lower(), "event": told.pop("event")}
    if stack := told.pop("stack_info", None):
        told["stack"] = stack
    fields = getattr(record, EVENT_FIELDS, {} if record.name == EVENTS else {"logger": record.name})
    return {**head, **fields, **told}


def _for_people(_logger: object, _method: str, told: _Told) -> _Told:
    """Leave away what a person does not read: parts of a second, and all of a file's hash, which the manifest has."""
    told["time"] = f"{told['time'][:_TO_THE_SECOND]}Z"
    if isinstance(told.get("sha256"), str):
        told["sha256"] = f"{told['sha256'][:_ENOUGH_OF_A_HASH]}…"
    return told


def _printable(_logger: object, _method: str, told: _Told) -> _Told:
    """Escape what could move the cursor, colour the screen or forge a line."""
    for name, value in told.items():
        if isinstance(value, str):
            lines = value.split("\n") if name in _OF_SEVERAL_LINES else [value]
            told[name] = "\n".join(map(_escaped, lines))
    return told


def _escaped(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
