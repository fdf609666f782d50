"""Threads that end only when nothing is left to do."""

from threading import Event, Thread

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
