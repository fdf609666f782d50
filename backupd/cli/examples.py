"""Command lines as people use them, at the end of each command's help page. A test parses them all."""

from collections.abc import Mapping, Sequence

EXAMPLES: Mapping[str, Sequence[tuple[str, str]]] = {
    "demo": (("backupd demo", "a backup archived, step by step"),),
    "simulate": (("backupd simulate --port 8322", "a vendor to try settings with"),),
    "status": (
        ("backupd status", "how things stand"),
        ("backupd status --check --quiet", "for a monitor: 3 unless all is safe"),
    ),
    "list": (("backupd list --org main", "the snapshots of one org"), ("backupd list --json", "for a program")),
    "show": (
        ("backupd show latest", "the newest snapshot of all"),
        ("backupd show main/latest", "the newest of one org"),
        ("backupd show 2022-06", "the one whose folder begins so"),
    ),
    "verify": (
        ("backupd verify main/latest", "one snapshot"),
        ("backupd verify --all", "everything, which takes its time"),
        ("backupd verify --subset 3/30", "the third of thirty parts"),
    ),
    "reconcile": (("backupd reconcile --org main", "was every backup archived?"),),
    "alarms": (
        ("backupd alarms", "what is wrong"),
        ("backupd alarms acknowledge disk_full --org main", "be told of it no more"),
    ),
    "prune": (("backupd prune --dry-run", "what would go, and why"), ("backupd prune", "let it go")),
    "hold": (
        ("backupd hold add main/latest --reason audit", "keep it"),
        ("backupd hold list", "what is kept so"),
        ("backupd hold remove main/latest", "leave it to the rules"),
    ),
    "check": (
        ("backupd check", "everything, with what to do"),
        ("sudo -u backupd backupd check", "as the user that it works as"),
        ("backupd check --quiet", "what fails, and no more"),
    ),
    "schedule": (("backupd schedule show", "what is scheduled now"),),
    "schedule show": (("backupd schedule show --org main", "one org's schedule"),),
    "schedule create": (
        ("backupd schedule create", "one backup, at once"),
        ("backupd schedule create --weekly tue --every 2", "every other Tuesday"),
        ("backupd schedule create --monthly 1", "on the first of each month"),
    ),
    "schedule cancel": (("backupd schedule cancel --org main", "asks before it does"),),
    "authorize": (
        ("backupd authorize", "leads through all of it"),
        ("backupd authorize --to /etc/backupd/refresh_token", "keeps the token there"),
    ),
    "rebuild-catalog": (("backupd rebuild-catalog", "reads every manifest again"),),
    "completion": (
        ("backupd completion bash", "print it"),
        ("source <(backupd completion bash)", "complete in this shell, from now on"),
    ),
}


def of(command: str) -> str:
    """Write a command's examples, and what each is for."""
    lines = EXAMPLES[command]
    width = max(len(line) for line, _ in lines)
    return "\n".join(["Examples:", *(f"  {line:<{width}}  {meaning}" for line, meaning in lines)])
