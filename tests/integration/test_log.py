import inspect
import io
import json
import logging
import re
import subprocess
import sys
import threading
import warnings
from dataclasses import fields
from datetime import UTC, datetime
from importlib import import_module
from pkgutil import iter_modules

import pytest
from multidict import CIMultiDict

from backupd.core import events
from backupd.core.events import (
    CycleFailed,
    CycleFinished,
    CycleStarted,
    Event,
    FileProgress,
    FileResumed,
    FileVerified,
    SettingsKept,
    TokenRenewed,
)
from backupd.telemetry import Redactor, log_event, set_up_log

SECRET = "hunter2-hunter2"
OPAQUE = "aB3dE6gH9"  # not known to the redactor


@pytest.fixture(autouse=True)
def log_as_it_was():
    root, hooks = logging.getLogger(), (sys.excepthook, threading.excepthook, sys.unraisablehook)
    handlers, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    yield
    root.handlers[:], logging.raiseExceptions = handlers, raising
    root.setLevel(level)
    for name in ("backupd", "pydantic_settings"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    logging.captureWarnings(capture=False)
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks


@pytest.fixture
def log():
    return Log()


class Log:
    """The log, written to memory."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.redactor = Redactor([SECRET])

    def set_up(self, form="json", level="info", *, quiet=False) -> "Log":
        set_up_log(self.redactor, form=form, level=level, quiet=quiet, stream=self.stream)
        return self

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.text.splitlines()]


def every_event() -> list[type[Event]]:
    subjects = [import_module(f"{events.__name__}.{subject.name}") for subject in iter_modules(events.__path__)]
    return [kind for subject in subjects for kind in vars(subject).values() if is_event(kind)]


def is_event(kind: object) -> bool:
    return inspect.isclass(kind) and issubclass(kind, Event) and kind is not Event


# --- events -------------------------------------------------------------------------------------------------------


def test_an_event_is_one_line_of_json_with_its_name_and_fields(log):
    log.set_up()

    log_event(FileResumed("main", "4876", "Data_001.zip", 1_048_576))

    (line,) = log.lines
    assert datetime.fromisoformat(str(line.pop("time"))).tzinfo is not None
    assert line == {
        "level": "info",
        "event": "file.resumed",
        "org": "main",
        "job_id": "4876",
        "file": "Data_001.zip",
        "offset": 1_048_576,
    }


def test_an_event_reads_well_for_people(log):
    log.set_up("console")

    log_event(TokenRenewed("main", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)))

    time, rest = log.text.split(" ", 1)
    assert time.endswith("Z")
    assert rest.split() == ["[info", "]", "token.renewed", "org=main", "expires_at=2026-01-02T03:04:05Z"]


@pytest.mark.parametrize("kind", every_event(), ids=lambda kind: kind.name)
def test_every_event_is_found_among_the_events(kind):
    assert getattr(events, kind.__name__) is kind


def test_what_is_no_event_is_not_found_among_them():
    with pytest.raises(AttributeError, match=r"'backupd\.core\.events' has no attribute 'JobLost'"):
        getattr(events, "JobLost")  # noqa: B009 - the name is wrong on purpose


@pytest.mark.parametrize("kind", every_event(), ids=lambda kind: kind.name)
def test_no_field_of_an_event_collides_with_the_line(kind):
    ours = {"time", "level", "event", "logger", "exception", "stack", "exc_info", "stack_info"}

    assert not ours & {field.name for field in fields(kind)}
    assert Redactor().value({field.name: "x" for field in fields(kind)}) == {field.name: "x" for field in fields(kind)}


def test_what_is_less_than_the_level_is_not_said(log):
    log.set_up(level="info")
    log_event(FileProgress("main", "4876", "Data_001.zip", 1, 2, 0, 1.0))
    assert log.text == ""

    log.set_up(level="debug")
    log_event(FileProgress("main", "4876", "Data_001.zip", 1, 2, 0, 1.0))
    assert [line["event"] for line in log.lines] == ["file.progress"]


def test_a_quiet_log_says_failures_only(log):
    log.set_up(level="debug", quiet=True)

    log_event(CycleStarted("main"))
    logging.getLogger("aiohttp").warning("hm")
    log_event(SettingsKept("archive.root: is not an absolute path"))

    assert [line["event"] for line in log.lines] == ["settings.kept"]


# --- libraries ----------------------------------------------------------------------------------------------------


def test_libraries_are_heard_from_warning_on(log):
    log.set_up()

    logging.getLogger("apscheduler").info("Added job")
    logging.getLogger("apscheduler").warning("Run time of job %s was missed", "poll")

    (line,) = log.lines
    assert line["event"] == "Run time of job poll was missed"
    assert line["logger"] == "apscheduler"
    assert line["level"] == "warning"


def test_a_warning_becomes_a_line(log):
    log.set_up()

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("soon gone", DeprecationWarning, stacklevel=1)

    assert "soon gone" in str(log.lines[0]["event"])


def test_an_exception_keeps_its_traceback_and_shows_no_locals(log):
    log.set_up()
    token_in_a_local = OPAQUE

    try:
        raise RuntimeError(f"failed after {len(token_in_a_local)} characters")
    except RuntimeError:
        logging.getLogger("asyncio").exception("Task exception was never retrieved")

    (line,) = log.lines
    assert "RuntimeError: failed after 9 characters" in str(line["exception"])
    assert "test_log.py" in str(line["exception"])
    assert OPAQUE not in log.text


def test_a_line_for_people_has_whole_seconds_and_the_beginning_of_a_hash(log):
    log.set_up("console")
    log_event(FileVerified("main", "4004", "data/Data_001.zip", 5, 1, "0123456789abcdef" * 4, 1, 0, 1.0))
    log_event(CycleFinished("main", "archived", 0, 1, 1, 5, 1.0, "fedcba9876543210" * 4))

    first, second = log.text.splitlines()
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \[info     \] file.verified ", first)
    assert " sha256=0123456789ab… " in first
    assert "fedcba9876543210" * 4 in second  # whoever keeps it can tell later whether the journal was changed


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_record_that_cannot_be_formatted_is_told_and_its_arguments_are_not(log, form, capsys):
    log.set_up(form)

    logging.getLogger("aiohttp").warning("%d", OPAQUE)

    assert log.text.count("\n") == 1
    assert "log.unreadable" in log.text
    assert OPAQUE not in log.text + "".join(capsys.readouterr())


def test_uncaught_exceptions_become_lines(log):
    log.set_up()
    error = RuntimeError(f"lost {SECRET}")

    sys.excepthook(RuntimeError, error, None)
    thread = threading.Thread(target=exec, args=(f"raise ValueError({SECRET!r})",))
    thread.start()
    thread.join()

    assert [line["event"] for line in log.lines] == ["error.uncaught", "error.uncaught"]
    assert SECRET not in log.text


def test_a_log_that_nobody_can_write_stops_nothing(log):
    log.set_up()
    log.stream.close()

    log_event(CycleStarted("main"))


# --- secrets ------------------------------------------------------------------------------------------------------


def chained():
    try:
        try:
            raise KeyError(SECRET)
        except KeyError as error:
            message = f"https://user:{SECRET}@host"
            raise ValueError(message) from error
    except ValueError as error:
        error.add_note(f"note {SECRET}")
        return error


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize(
    "say",
    [
        lambda logger: logger.warning(SECRET),
        lambda logger: logger.warning("%s", SECRET),
        lambda logger: logger.warning("%r", {"a": [SECRET]}),
        lambda logger: logger.warning("%(a)s", {"a": SECRET}),
        lambda logger: logger.warning("%s", CIMultiDict({"Authorization": f"Bearer {SECRET}"})),
        lambda logger: logger.warning("%s", CIMultiDict({"Authorization": f"Basic {OPAQUE}"})),
        lambda logger: logger.warning("GET https://host/?access_token=%s", OPAQUE),
        lambda logger: logger.warning(ValueError(SECRET)),
        lambda logger: logger.error("failed", exc_info=chained()),
        lambda logger: logger.error("failed", exc_info=ExceptionGroup(SECRET, [chained(), chained()])),
        lambda logger: logger.warning("x", stack_info=True, extra={"innocent": SECRET}),
        lambda logger: logger.getChild(SECRET).warning("x"),
        lambda logger: log_event(SettingsKept(f"said {SECRET}")),
        lambda logger: log_event(SettingsKept(f"refresh_token={OPAQUE}")),
        lambda logger: log_event(SettingsKept(repr({"a": (SECRET, OPAQUE.encode())}))),
    ],
)
def test_no_line_shows_a_secret_wherever_it_was(log, form, say):
    log.set_up(form, "debug")
    log.redactor.learn(OPAQUE)

    say(logging.getLogger("some.library"))

    assert log.text.count("\n") >= 1
    assert SECRET not in log.text
    assert OPAQUE not in log.text


def test_a_token_learned_later_is_taken_out_of_what_follows(log):
    log.set_up()
    log.redactor.learn("brand-new-token")

    log_event(SettingsKept("brand-new-token"))

    assert "brand-new-token" not in log.text


def test_pydantic_settings_may_not_write_what_it_read(log):
    log.set_up(level="debug")

    logging.getLogger("pydantic_settings").debug("everything: %s", OPAQUE)

    assert log.text == ""


# --- the line as such ---------------------------------------------------------------------------------------------


def test_a_text_from_outside_neither_forges_a_line_nor_reaches_the_terminal(log):
    log.set_up("console")

    logging.getLogger("aiohttp").warning("first\n2026-01-01 [info] forged\x1b[2J\x9b2J\u202e")
    log_event(SettingsKept("first\nsecond\x1b[31m"))

    assert log.text.count("\n") == 2
    assert not any(char in log.text for char in "\x1b\x9b\u202e")


def test_text_of_any_kind_becomes_a_line(log):
    log.set_up()

    log_event(SettingsKept("Anhänge_日本.zip \udcff"))

    assert "Anhänge_日本.zip" in log.text
    assert len(log.lines) == 1


def test_nothing_heavy_is_loaded_before_there_is_something_to_say():
    program = (
        "import sys; from backupd.telemetry import *; from backupd.core.events import CycleStarted\n"
        "set_up_log(Redactor(), form='console', level='info', quiet=True); log_event(CycleStarted('main'))\n"
        "sys.exit('structlog' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0  # noqa: S603  # our own words


def test_a_fault_comes_with_its_traceback_and_other_events_without(log):
    log.set_up()

    try:
        raise RuntimeError("nobody foresaw it")
    except RuntimeError as error:
        log_event(CycleFailed("main", "fault", 1, "main: unexpected RuntimeError", "", error))
    log_event(CycleFailed("main", "vendor_unavailable", 69, "main: down", ""))

    text = "\n".join(map(str, log.lines))
    assert text.count("Traceback") == 1
    assert "fault=None" not in text
