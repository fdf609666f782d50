"""`backupd prune`: which snapshots the rules keep and which they let go, with the reasons; and letting them go."""

import sys
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import repeat
from typing import Annotated

from cyclopts import Parameter

from backupd.app import caretaker, open_library
from backupd.cli import answers, table
from backupd.cli.answers import encode
from backupd.cli.options import Handed, Json, Org
from backupd.cli.reading import known_orgs, require_org
from backupd.cli.session import Session
from backupd.cli.table import Cell, Column
from backupd.core.errors import RecordDamaged
from backupd.core.figures import counted, size
from backupd.core.retention import Pruning, Reason
from backupd.upkeep import terms_of

_COLUMNS = (Column("ORG"), Column("SNAPSHOT"), Column("SIZE", right=True), Column("VERDICT"), Column("WHY"))
_DryRun = Annotated[bool, Parameter(name="--dry-run", help="Say what would go, and let nothing go.")]


async def prune(*, dry_run: _DryRun = False, org: Org = None, as_json: Json = False, invocation: Handed) -> int:
    """Drop the snapshots that no rule keeps, into `.trash`, and say why each one stays or goes."""
    session = Session(invocation)
    settings = session.load()
    async with open_library(settings, session.around(), read_only=dry_run) as library:
        await require_org(org, settings, library)
        orgs = [org] if org is not None else await known_orgs(settings, library)
        prunings = {}
        for name in orgs:
            skew = partial(library.skews.of, name)  # as the last cycle saw it: nobody asks the vendor here
            pruner = caretaker(library, session.around()).pruner(name, terms_of(settings, name), skew)
            prunings[name] = await pruner.judge(library.catalog) if dry_run else await pruner.run()
    if as_json:
        found = ((_document(name, pruning), _items(pruning)) for name, pruning in prunings.items())
        answers.write_groups({"dry_run": dry_run}, "orgs", "snapshots", found)
    else:
        _write(prunings.items(), dry_run=dry_run, quiet=invocation.quiet)
    refused = [f"{name}: {pruning.refusal.text}" for name, pruning in prunings.items() if pruning.refusal]
    if refused:
        raise RecordDamaged("; ".join(refused), advice="Find out why before anything is dropped: `backupd check`.")
    return 0


def _write(prunings: Iterable[tuple[str, Pruning]], *, dry_run: bool, quiet: bool) -> None:
    verb = "would go" if dry_run else "went to .trash"
    for name, pruning in prunings:
        if quiet:
            continue
        table.write(_COLUMNS, _rows(name, pruning, verb))
        drops = pruning.drops
        gone = f"{counted(len(drops), 'snapshot')} of {size(sum(each.size for each in drops))} {verb}"
        sys.stdout.write(f"{name}: {gone}, {len(pruning.snapshots) - len(drops)} kept.\n")
        if drops:
            sys.stdout.write(f"{name}: no rule keeps what {verb}: {_texts(pruning.against)}.\n")


def _rows(org: str, pruning: Pruning, verb: str) -> Iterator[table.Row]:
    keeps, goes = Cell("kept"), Cell(verb, "doubtful")
    for verdict in pruning.verdicts:
        word, why = (keeps, _texts(verdict.reasons)) if verdict.keeps else (goes, "no rule keeps it")
        folders = [snapshot.path.rpartition("/")[2] for snapshot in verdict.snapshots]
        sizes = [size(snapshot.size) for snapshot in verdict.snapshots]
        yield from zip(repeat(org), folders, sizes, repeat(word), repeat(why), strict=False)


def _texts(reasons: Iterable[Reason]) -> str:
    return "; ".join(reason.text for reason in reasons)


def _document(org: str, pruning: Pruning) -> answers.Document:
    return {"org": org, "refusal": pruning.refusal.text if pruning.refusal else None}


def _items(pruning: Pruning) -> Iterator[str]:
    for verdict in pruning.verdicts:
        why = encode([{"rule": reason.rule, "text": reason.text} for reason in verdict.reasons])
        end = f', "verdict": "{"keep" if verdict.keeps else "drop"}", "reasons": {why}}}'
        for snapshot in verdict.snapshots:
            yield (
                f'{{"path": {encode(snapshot.path)}, "job_id": {encode(snapshot.job_id)}, "size": {snapshot.size}{end}'
            )
