"""What surrounds the process (a service manager, a container), secrets in the wrong place, and who is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backupd.core.diagnosis.finding import Finding, ok, warning
from backupd.core.figures import counted


@dataclass(frozen=True, slots=True)
class Process:
    """How this process was started, as far as it can tell."""

    under_systemd: bool  # as a unit, or with its credentials
    has_credentials: bool  # of LoadCredential=
    in_container: bool
    secret_variables: Sequence[str] = ()  # names of environment variables that hold secrets


def surroundings(found: Process, *, secrets_in_file: bool, in_its_own_layer: bool) -> list[Finding]:
    """Say what should be otherwise; `in_its_own_layer`: the archive lies in the container itself."""
    problems = []
    if found.in_container and in_its_own_layer:
        text = "the archive lies in the container itself, and goes when that goes"
        problems.append(warning("container", text, "Mount a volume at archive.root."))
    if found.secret_variables:
        text = f"secrets are in the environment, where others may see them: {', '.join(found.secret_variables)}"
        problems.append(warning("secrets", text, _better_place(found)))
    elif found.under_systemd and secrets_in_file and not found.has_credentials:
        text = "systemd started this, and the secrets are in the settings file"
        problems.append(warning("secrets", text, _better_place(found)))
    if problems:
        return problems
    return [ok("surroundings", _words(found))]


def messages(problems: Mapping[int, str], *, urls: int, heartbeats: int) -> Finding:
    """Say whether those who should be told can be; `problems` tells, for places that cannot, why."""
    if problems:
        reasons = "; ".join(dict.fromkeys(problems.values()))
        remedy = "Correct notify.urls; Apprise's documentation has the form for each service."
        if "not installed" in reasons:
            remedy = "Install it: `pip install 'backupd[notify]'`."
        return warning("messages", reasons, remedy)
    if not urls and not heartbeats:
        return ok("messages", "nobody is told", "notify.urls or orgs.NAME.heartbeat would tell when backups stop.")
    told = ["1 address" if urls == 1 else f"{urls} addresses"] if urls else []
    told += [counted(heartbeats, "heartbeat")] if heartbeats else []
    return ok("messages", f"go to {' and '.join(told)}")


def _better_place(found: Process) -> str:
    if found.in_container:
        return "Hand them over as files in /run/secrets, named like the variables."
    if found.under_systemd:
        return "Hand them over by LoadCredential=, as files named like the variables."
    return "Put them into files named like the variables, and name their folder in CREDENTIALS_DIRECTORY."


def _words(found: Process) -> str:
    if found.in_container:
        return "a container, with the archive on a volume"
    if found.under_systemd:
        return "systemd, with its credentials" if found.has_credentials else "systemd"
    return "a process of its own, neither systemd's nor in a container"
