"""The doctor: looks at everything at the same time, and gives findings in a fixed order. Rules: `core.diagnosis`.

Changes nothing but that it moves one empty file through the archive, and keeps a token that it had to ask for.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from backupd.app.doctor import place, process
from backupd.app.doctor.line import examine_line, examine_org
from backupd.app.surroundings import Surroundings
from backupd.core.diagnosis.finding import Finding, ok
from backupd.core.figures import counted
from backupd.settings import Settings
from backupd.settings.provenance import provenance


async def examine(settings: Settings, around: Surroundings, *, config: Path | None) -> AsyncIterator[Finding]:
    """Yield every finding; `config` is the settings file that the command line names."""
    found = provenance(config)
    where = f" ({found.file})" if found.file else ""
    yield ok("settings", f"{counted(len(settings.orgs), 'org')}: {', '.join(sorted(settings.orgs))}{where}")
    ours = await asyncio.to_thread(place.owns, settings.archive.root)
    async with asyncio.TaskGroup() as group:
        looks = [
            group.create_task(asyncio.to_thread(place.examine_place, settings, found), name="look at the archive"),
            group.create_task(place.examine_records(settings, around), name="look at the records"),
            group.create_task(asyncio.to_thread(examine_line), name="look at the line"),
            *(
                group.create_task(examine_org(settings, around, org, keep=ours), name=f"ask for {org}")
                for org in settings.orgs
            ),
            group.create_task(asyncio.to_thread(process.examine, settings, found), name="look at the process"),
        ]
    for look in looks:
        for finding in look.result():
            yield finding
