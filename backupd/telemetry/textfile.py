"""Metrics of a single run as a file, for node_exporter's textfile collector. Only states: counters need a daemon."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from backupd.core.errors import ArchiveError
from backupd.core.overview import Overview
from backupd.telemetry.gauges import Gauges


@dataclass(frozen=True, slots=True)
class LastRun:
    """How a single run went."""

    ended_at: float  # seconds since 1970
    seconds: float
    exit_status: int


def text_of(found: Overview | None, run: LastRun) -> bytes:
    """Give the metrics; how things stand is left away if it could not be found out."""
    registry = CollectorRegistry()
    gauges = Gauges()
    gauges.show(found)
    registry.register(gauges)
    for name, text, value in (
        ("timestamp_seconds", "When the last single run ended.", run.ended_at),
        ("duration_seconds", "How long it took.", run.seconds),
        ("exit_status", "Its exit status; 0 is success.", float(run.exit_status)),
    ):
        Gauge(f"backupd_last_run_{name}", text, registry=registry).set(value)
    return generate_latest(registry)


def write(path: Path, text: bytes) -> None:
    """Replace the file in one step, readable for all. Raises ArchiveError."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")  # the collector takes *.prom only
    try:
        scratch.write_bytes(text)
        scratch.chmod(0o644)
        scratch.replace(path)
    except OSError as error:
        with suppress(OSError):
            scratch.unlink()
        raise ArchiveError(f"{path}: {error.strerror}", advice="Check the folder of metrics.textfile.") from error
