"""What is told to operators: log lines, without a secret in any of them."""

from backupd.telemetry.listener import log_event
from backupd.telemetry.log import set_up_log
from backupd.telemetry.redaction import Redactor

__all__ = ["Redactor", "log_event", "set_up_log"]
