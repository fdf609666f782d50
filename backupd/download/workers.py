"""Threads for the work on bytes, and strands: work that is done in order, one piece at a time, by any of them.

Every piece is short (one block), so that many files share few threads fairly; and most of a piece is spent in calls
that release the interpreter's lock: writing, hashing, inflating.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from queue import Empty, SimpleQueue
from threading import Lock, Thread

from backupd.download.heap import tidy

_MOST_THREADS = 4
_TIDY_EVERY = 512  # jobs, of each thread: some hundred megabytes


def usual_threads() -> int:
    """Return how many threads pay off: one a core but for that of the event loop, which hashes too; a few at most."""
    return max(1, min(_MOST_THREADS, len(os.sched_getaffinity(0)) - 1))


class Workers:
    """A few threads that take jobs in the order they come. They start with the first job."""

    def __init__(self, threads: int) -> None:
        self._wanted = threads
        self._threads: list[Thread] = []
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()

    def submit(self, job: Callable[[], None]) -> None:
        """Have a job done soon. It must not raise."""
        if not self._threads:
            self._start()
        self._jobs.put(job)

    @property
    def pressed(self) -> bool:
        """Whether jobs wait for a thread."""
        return not self._jobs.empty()

    def close(self) -> None:
        """End the threads once what was submitted is done."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _start(self) -> None:
        for number in range(self._wanted):
            thread = Thread(target=self._work, name=f"bytes-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        for number in count(1):
            job = self._jobs.get() or self._rather_a_job()
            if job is None:
                return
            job()
            del job  # it holds a file's state: not until the next one comes
            if number % _TIDY_EVERY == 0:
                tidy()

    def _rather_a_job(self) -> Callable[[], None] | None:
        """Return a job that stands behind the ends of threads, if there is one: a strand came back meanwhile."""
        ends = 1
        job: Callable[[], None] | None = None
        with suppress(Empty):
            while (job := self._jobs.get_nowait()) is None:
                ends += 1
        for _ in range(ends if job is not None else ends - 1):
            self._jobs.put(None)
        return job


class Strand:
    """Pieces of work in order: `step` does one and says whether it found any. Never run by two threads at a time.

    `on_idle` is called, by the thread, whenever there was no more.
    """

    def __init__(self, workers: Workers, step: Callable[[], bool], on_idle: Callable[[], None]) -> None:
        self._workers = workers
        self._step = step
        self._on_idle = on_idle
        self._lock = Lock()
        self._busy = False
        self._again = False

    @property
    def idle(self) -> bool:
        """Whether no thread is at it and none will be, until it is woken."""
        return not self._busy

    def wake(self) -> None:
        """There may be work. May be called from any thread."""
        with self._lock:
            self._again = True
            if self._busy:
                return
            self._busy = True
        self._workers.submit(self._run)

    def _run(self) -> None:
        while True:
            self._again = False
            found = self._step()
            with self._lock:  # and not looked at behind it: somebody may wake the strand there, for another thread
                busy = self._busy = found or self._again
            if not busy:
                self._on_idle()
                return
            if self._workers.pressed:  # let others have a turn; else stay, which saves the hand-over
                self._workers.submit(self._run)
                return
