"""How a failure reads: one line, what happened and what to do, nothing secret, and the one exit status for all."""

import io
import logging

import pytest

from backupd.cli import failures
from backupd.core.errors import AccessRefused, ConfigurationError, LinkRefused, VendorUnavailable
from backupd.core.exits import Exit


def _told(error: BaseException) -> tuple[str, Exit]:
    to = io.StringIO()
    status = failures.tell(error, to)
    return to.getvalue(), status


def test_a_failure_is_one_line_with_its_advice():
    told, status = _told(VendorUnavailable("main: the vendor's server cannot be found."))

    assert told == (
        "backupd: main: the vendor's server cannot be found; check the network, the proxy settings and the vendor's "
        "status page; backupd tries again by itself.\n"
    )
    assert status is Exit.UNAVAILABLE


def test_a_wrong_configuration_has_a_line_for_each_problem():
    told, status = _told(ConfigurationError("two problems", problems=("a is wrong; mend it", "b is wrong; mend it")))

    assert told == "backupd: a is wrong; mend it\nbackupd: b is wrong; mend it\n"
    assert status is Exit.CONFIG


def test_names_at_the_start_of_an_advice_keep_their_capitals():
    told, _ = _told(LinkRefused("a", advice="ZohoFiles moved."))

    assert told == "backupd: a; ZohoFiles moved.\n"


def test_several_failures_have_a_line_each_and_the_worst_status():
    group = ExceptionGroup("", [VendorUnavailable("a", advice=""), ExceptionGroup("", [AccessRefused("b", advice="")])])

    assert _told(group) == ("backupd: a\nbackupd: b\n", Exit.REFUSED)


def test_control_characters_of_outside_text_do_not_reach_the_terminal():
    told, _ = _told(VendorUnavailable("a\x1b[31m\r\nb", advice=""))

    assert told == "backupd: a [31m  b\n"


def test_what_we_did_not_foresee_is_one_line_without_its_text():
    told, status = _told(_raised(ValueError("https://download.example/?token=1000.secret")))

    assert told.startswith("backupd: unexpected ValueError in ")
    assert 'level = "debug"' in told
    assert "secret" not in told
    assert told.count("\n") == 1
    assert status is Exit.INCOMPLETE


def test_at_level_debug_the_log_has_the_traceback(caplog):
    fault = _raised(ValueError("why"))

    with caplog.at_level(logging.DEBUG, "backupd"):
        _told(fault)

    assert caplog.records[0].exc_info[1] is fault


def _raised(error: Exception) -> Exception:
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value
