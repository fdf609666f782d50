"""The log as a listener to events: what happens becomes a line, `file.resumed org=main file=Data_001.zip offset=…`."""

import logging
from dataclasses import fields

from backupd.core.events import Event
from backupd.telemetry.log import EVENT_FIELDS, EVENTS, WEIGHTS


def log_event(event: Event) -> None:
    """Write one event as one line, if its level is wanted; a fault comes with its traceback. Never raises."""
    weight = WEIGHTS[event.level]
    logger = logging.getLogger(EVENTS)
    if logger.isEnabledFor(weight):
        told = {field.name: _readable(getattr(event, field.name)) for field in fields(event)}
        fault = getattr(event, "fault", None)
        told.pop("fault", None)
        logger.log(weight, event.name, extra={EVENT_FIELDS: told}, exc_info=fault)


def _readable(value: object) -> object:
    return round(value, 3) if isinstance(value, float) else value
