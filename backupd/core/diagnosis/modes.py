"""Who else of this machine may read secrets and zips, or change what backupd goes by; with the `chmod` to run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from backupd.core.diagnosis.finding import Finding, ok, warning

CHECK = "modes"
_READ_BY_OTHERS, _READ_BY_GROUP = 0o004, 0o040
_LOOKED_INTO_BY_OTHERS = 0o005
_FEW = 2  # keys; of more only the number is told
_CHANGED_BY_OTHERS, _CHANGED_BY_GROUP = 0o002, 0o020


@dataclass(frozen=True, slots=True)
class Access:
    """A file or folder, whose it is, and who may do what with it."""

    path: PurePath
    mode: int  # the permission bits
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class User:
    """The user that backupd works as: the archive's owner."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Holdings:
    """Everything whose mode matters."""

    settings_file: Access | None
    secrets_in_it: Sequence[str]  # keys
    secret_files: Sequence[Access]
    root: Access
    org_folders: Sequence[Access]
    private: Sequence[Access]  # the state folder and the tokens in it


def examine(found: Holdings, user: User) -> Iterator[Finding]:
    """Yield a warning for each thing that is too open, or that all is well."""
    problems = [problem for problem in _problems(found, user) if problem is not None]
    yield from problems
    if not problems:
        yield ok(CHECK, "secrets, settings and archive are closed to other users")


def _problems(found: Holdings, user: User) -> Iterator[Finding | None]:
    file, secrets = found.settings_file, found.secrets_in_it
    if file is not None:
        yield _readable(file, f"holds {_named(secrets)} and", user) if secrets else None
        yield _changeable(file, user)
    for secret in found.secret_files:
        yield _readable(secret, "holds a secret and", user)
    yield _changeable(found.root, user)
    if found.root.mode & _LOOKED_INTO_BY_OTHERS:
        for folder in found.org_folders:
            if folder.mode & _LOOKED_INTO_BY_OTHERS:
                yield _told(folder, "holds personal data and can be looked into by every user", 0o007)
    for private in found.private:
        if private.mode & 0o077:
            yield _told(private, "holds access tokens and is open to other users", 0o077)


def _readable(found: Access, what: str, user: User) -> Finding | None:
    if found.mode & _READ_BY_OTHERS:
        return _told(found, f"{what} can be read by every user", 0o007 if _through_group(found, user) else 0o077)
    if found.mode & _READ_BY_GROUP and not _through_group(found, user):
        return _told(found, f"{what} can be read by its group", 0o077)
    return None


def _named(secrets: Sequence[str]) -> str:
    return " and ".join(secrets) if len(secrets) <= _FEW else f"{len(secrets)} secrets"


def _changeable(found: Access, user: User) -> Finding | None:
    if found.mode & _CHANGED_BY_OTHERS:
        return _told(found, "can be changed by every user", 0o002 | _CHANGED_BY_GROUP)
    if found.mode & _CHANGED_BY_GROUP and not _through_group(found, user):
        return _told(found, "can be changed by its group", _CHANGED_BY_GROUP)
    return None


def _through_group(found: Access, user: User) -> bool:
    """Tell whether the group is how backupd's user gets at what belongs to another, root say."""
    return found.uid != user.uid and found.gid == user.gid


def _told(found: Access, what: str, taken: int) -> Finding:
    return warning(CHECK, f"{found.path} {what}", f"Run `chmod {found.mode & ~taken:03o} {found.path}`.")
