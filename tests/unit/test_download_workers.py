"""Threads that end only when nothing is left to do, and strands that one thread at a time runs."""

from collections import deque
from collections.abc import Callable
from threading import Event, Lock, Thread
from time import monotonic

from backupd.download.workers import Strand, Workers


def test_what_was_begun_when_the_threads_are_to_end_is_done_first():
    workers, begun, told_to_end = Workers(1), Event(), Event()
    done: list[int] = []

    def step() -> bool:
        begun.set()
        told_to_end.wait(5)
        done.append(len(done))
        return len(done) < 100

    strand = Strand(workers, step, lambda: None)
    strand.wake()
    assert begun.wait(5)
    workers.submit(lambda: None)  # somebody waits, so the strand comes back through the queue, behind the end
    closing = Thread(target=workers.close)
    closing.start()
    while workers._jobs.qsize() < 2:  # noqa: SLF001  no one tells that the end is in the queue
        pass
    told_to_end.set()
    closing.join(5)

    assert len(done) == 100
    assert strand.idle


def test_a_strand_that_is_woken_just_when_it_ends_is_run_by_one_thread_only(monkeypatch):
    """Two at once would hash blocks in another order than that of the file."""
    submitted: deque[Callable[[], None]] = deque()
    steps: list[str] = []

    def step() -> bool:
        steps.append("step")
        return False

    strand = Strand(Submitting(submitted), step, lambda: None)
    monkeypatch.setattr(strand, "_lock", WakesBehind(strand, times=1))  # there is no other way into that moment

    strand._run()  # noqa: SLF001  as a thread does

    assert steps == ["step"]
    assert len(submitted) == 1  # the next thread's turn
    submitted.popleft()()
    assert steps == ["step", "step"]
    assert strand.idle


def test_a_thread_that_is_told_to_end_does_not_wait_for_another_ones_job():
    workers, begun, go_on = Workers(2), Event(), Event()

    def job() -> None:
        begun.set()
        assert go_on.wait(10)

    workers.submit(job)
    assert begun.wait(10)
    threads = list(workers._threads)  # noqa: SLF001  to see one of them end
    closing = Thread(target=workers.close)
    closing.start()
    try:
        until = monotonic() + 5
        while all(thread.is_alive() for thread in threads) and monotonic() < until:
            closing.join(0.01)
        assert [thread.is_alive() for thread in threads].count(True) == 1
    finally:
        go_on.set()
        closing.join()


class Submitting(Workers):
    """Takes jobs and does none."""

    def __init__(self, submitted: deque[Callable[[], None]]) -> None:
        super().__init__(0)
        self._submitted = submitted

    def submit(self, job: Callable[[], None]) -> None:
        self._submitted.append(job)


class WakesBehind:
    """A lock behind which somebody wakes the strand, once it is free again."""

    def __init__(self, strand: Strand, times: int) -> None:
        self._lock, self._strand, self._times = Lock(), strand, times

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        if self._times:
            self._times -= 1
            self._strand.wake()
