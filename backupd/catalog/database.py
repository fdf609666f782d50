"""One SQLite connection in one thread of its own; what SQLite raises becomes our errors, or `Lost`.

A new database is filled under another name and then takes the old one's place, one at a time: who comes to it while
another process is at it waits, and uses what that one made.
"""

import asyncio
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from backupd.catalog.schema import PAGE, TABLES, VERSION
from backupd.core.errors import ArchiveBusy, ArchiveError, ArchiveFull

_T = TypeVar("_T")

_DAMAGED = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_FORMAT,
    sqlite3.SQLITE_ERROR,  # a table or column of ours is not there
    sqlite3.SQLITE_CONSTRAINT,  # two rows where ours replace each other
    0,  # no code: a text that is no text
}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_WAIT = 10.0  # seconds for another process's transaction
_LOOK = 0.1  # seconds between two looks whether another process still makes a new one
_ABANDONED = 600.0  # seconds without a change, after which nobody works on it any more
_TEMPORARY = ""  # SQLite's word for a database in a temporary file that nobody else sees


class Lost(Exception):
    """The database cannot be used: missing, damaged, of another version, or not the one that was opened any more."""

    def __init__(self, reason: str, *, damaged: bool = False) -> None:
        super().__init__(reason)
        self.damaged = damaged


class Database:
    """The connection. All methods wait for the thread; none is called at the same time as another."""

    def __init__(self, path: Path, *, wal: bool) -> None:
        self.path = path
        self._wal = wal
        self._new = path.with_name(f"{path.name}.new-{os.getpid()}")
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="catalog")
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None  # device and inode of what was opened; None: nobody else's
        self._tried: tuple[int, int] | None = None  # the same of what was last to be opened
        self._turn: int | None = None  # to make a new one: the folder, locked

    async def open(self, *, read_only: bool) -> None:
        """Open what is there. Raises Lost or ArchiveError."""
        await self._in_worker(lambda: self._open(read_only=read_only))

    async def begin_temporary(self, *, copied: bool) -> None:
        """Go on with a database that only this object sees: empty, or a copy of the one that is open."""
        await self._in_worker(lambda: self._begin_temporary(copied=copied))

    async def begin_new(self) -> bool:
        """Go on with a new, empty database beside the old one; False: another process has just put one in place.

        Waits while another process makes one; may be cancelled then.
        """
        while not await self._in_worker(self._take_turn):  # noqa: ASYNC110  nobody wakes us in another process
            await asyncio.sleep(_LOOK)
        return await self._in_worker(self._begin_new)

    async def install(self, *, aside: Path | None) -> None:
        """Put the new database in place of the old one, which is kept as `aside` if that is given."""
        try:
            await self._in_worker(lambda: self._install(aside))
        finally:
            await self._in_worker(self._end_turn)

    async def abandon_new(self) -> None:
        """Drop the new database; nothing is open then."""
        await self._in_worker(self._abandon_new)

    async def run(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do work in one transaction. Raises Lost, or ArchiveError, and then nothing was changed."""
        return await self._in_worker(lambda: self._run(work))

    async def close(self) -> None:
        """Close the connection and end the thread."""
        await self._in_worker(self._end)
        self._worker.shutdown(wait=False)

    # --- in the thread -------------------------------------------------------------------------------------------

    async def _in_worker(self, work: Callable[[], _T]) -> _T:
        def reported() -> _T:
            try:
                return work()
            except sqlite3.Error as error:
                raise self._translated(error) from error
            except UnicodeDecodeError as error:  # SQLite quotes its own damaged text
                raise Lost("it is damaged: a text in it is none", damaged=True) from error
            except OSError as error:
                raise ArchiveError(f"{self.path}: {error.strerror}") from error

        return await asyncio.get_running_loop().run_in_executor(self._worker, reported)

    def _translated(self, error: sqlite3.Error) -> Exception:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the upper bits only refine it
        if code in _DAMAGED:
            return Lost(f"it is damaged: {error}", damaged=True)
        message = f"{self.path}: {error}"
        if code == sqlite3.SQLITE_FULL:
            return ArchiveFull(message)
        return ArchiveBusy(message) if code in _BUSY else ArchiveError(message)

    def _run(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        connection = self._connection
        if connection is None or (self._opened is not None and self._opened != _identity(self.path)):
            raise Lost("it is not the file that was opened any more")
        connection.execute("BEGIN")
        try:
            answer = work(connection)
            connection.execute("COMMIT")
            return answer
        except BaseException as error:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            if isinstance(error, ValueError | TypeError | LookupError | OverflowError):  # a value that is none of ours
                raise Lost(f"a row of it cannot be read: {error}", damaged=True) from error
            raise

    def _open(self, *, read_only: bool) -> None:
        self._close()
        self._tried = identity = _identity(self.path)
        if identity is None:
            raise Lost("it is missing")
        try:
            self._check(self._connect(f"{self.path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"))
            if not read_only:
                self._prepare()
        except BaseException as error:
            self._close()
            if isinstance(error, sqlite3.OperationalError) and _identity(self.path) != identity:
                raise Lost("it is replaced just now") from error
            raise
        self._opened = identity

    def _check(self, connection: sqlite3.Connection) -> None:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version != VERSION:
            raise Lost(f"its schema is version {version}, not {VERSION}")
        connection.execute("SELECT count(*) FROM orgs").fetchone()

    def _prepare(self) -> None:
        if self._connection is not None:
            self._connection.execute(f"PRAGMA journal_mode={'WAL' if self._wal else 'DELETE'}")
            self._connection.execute("PRAGMA synchronous=NORMAL")  # a power cut costs the last lines, read again later

    def _begin_temporary(self, *, copied: bool) -> None:
        old, self._connection = self._connection, None
        connection = self._connect(_TEMPORARY)
        if copied and old is not None:
            old.backup(connection)
        else:
            connection.executescript(TABLES)
        if old is not None:
            old.close()
        self._opened = None

    def _begin_new(self) -> bool:
        self._close()
        if _identity(self.path) not in {self._tried, None}:
            self._end_turn()
            return False
        try:
            self._make_new()
        except BaseException:
            self._end_turn()
            raise
        return True

    def _make_new(self) -> None:
        self._drop_leftovers()
        self._new.unlink(missing_ok=True)
        os.close(os.open(self._new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))  # it holds links
        connection = self._connect(self._new.absolute().as_uri())
        connection.execute(f"PRAGMA page_size={PAGE}")
        connection.execute("PRAGMA journal_mode=OFF")  # a crash leaves a file under another name, and no more
        connection.execute("PRAGMA synchronous=OFF")
        connection.executescript(TABLES)
        self._opened = None

    def _install(self, aside: Path | None) -> None:
        if self._connection is not None:
            self._connection.execute(f"PRAGMA user_version={VERSION}")
        self._close()
        with self._new.open("rb") as file:
            os.fsync(file.fileno())
        if aside is not None and self.path.exists():
            self.path.rename(aside)
        self.path.unlink(missing_ok=True)
        for companion in ("-wal", "-shm", "-journal"):  # SQLite would play the old one's into the new one
            self.path.with_name(self.path.name + companion).unlink(missing_ok=True)
        self._new.rename(self.path)
        self._open(read_only=False)

    def _abandon_new(self) -> None:
        self._close()
        self._new.unlink(missing_ok=True)
        self._end_turn()

    def _take_turn(self) -> bool:
        """Say whether no other process makes a new one, so that it is ours to make one now.

        Where folders cannot be locked, it always is.
        """
        self._end_turn()
        self._turn = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._end_turn()
            return False
        except OSError:
            pass
        return True

    def _end_turn(self) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            os.close(turn)

    def _end(self) -> None:
        self._close()
        self._end_turn()

    def _drop_leftovers(self) -> None:
        """Drop what rebuilds left that were killed; one that may still be going on elsewhere is let be."""
        for leftover in self.path.parent.glob(f"{self.path.name}.new-*"):
            with suppress(FileNotFoundError):  # whoever made it is done with it just now
                if time.time() - leftover.stat().st_mtime > _ABANDONED:  # by the system's clock, as files have it
                    leftover.unlink()

    def _connect(self, name: str) -> sqlite3.Connection:
        connection = sqlite3.connect(name, uri=True, timeout=_WAIT, isolation_level=None)
        self._connection = connection
        return connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_dev, stat.st_ino
