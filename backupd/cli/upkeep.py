"""`backupd rebuild-catalog`: what keeps the archive's own records in order."""

import sys
from time import monotonic

from backupd.app import rebuild_catalog as rebuild
from backupd.cli.options import Handed
from backupd.cli.session import Session
from backupd.core.figures import counted


async def rebuild_catalog(*, invocation: Handed) -> int:
    """Make the catalog anew from manifests and journals. Nothing is lost with the old one."""
    session = Session(invocation)
    started = monotonic()
    count = await rebuild(session.load(), session.around())
    if not invocation.quiet:
        sys.stdout.write(
            f"The catalog holds {counted(count, 'snapshot')} now; it took {monotonic() - started:.1f} s.\n"
        )
    return 0
