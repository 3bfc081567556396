"""What a guest's process takes of this computer's processors is bounded, whatever runs in it."""

from typing import Final

import pytest

from pocketvisor.scheduler.host_bound import AT_REST, SPARE, WORKING, HostBound, HostProcess

EPOCH: Final = 1000.0


class Computer:
    """Its time goes on by hand; a process gets as many cores as it wants while it is not stopped."""

    def __init__(self) -> None:
        self.now = EPOCH
        self.processes: list[Process] = []

    def passes(self, seconds: float) -> None:
        self.now += seconds
        for process in self.processes:
            process.used += 0.0 if process.stopped else process.cores * seconds


class Process(HostProcess):
    def __init__(self, computer: Computer, pid: int, cores: float) -> None:
        self.pid, self.cores, self.used, self.stopped, self.closed = pid, cores, 7.0, False, False
        self.gone = False
        computer.processes.append(self)

    def ran(self) -> float:
        if self.gone:
            raise OSError
        return self.used

    def stop(self) -> None:
        self.stopped = True

    def go_on(self) -> None:
        self.stopped = False

    def close(self) -> None:
        self.closed = True


class Guest:
    def __init__(self, pid: int, *, rests: bool) -> None:
        self.pid, self.rests = pid, rests
        self.notes: list[str] = []

    def run_note(self, sentence: str) -> None:
        self.notes.append(sentence)


class Scene:
    def __init__(self, *, cores: float, rests: bool) -> None:
        self.computer, self.cores = Computer(), cores
        self.guest = Guest(5, rests=rests)
        self.guests = [self.guest]
        self.bound = HostBound(lambda: self.guests, lambda pid: Process(self.computer, pid, self.cores))
        self.bound.look(self.computer.now)

    @property
    def process(self) -> Process:
        return self.computer.processes[-1]

    def goes_on(self, seconds: float, late: float = 0.0) -> float:
        """What its process took meanwhile, in seconds of a core."""
        before, until = self.process.used, self.computer.now + seconds
        while self.computer.now < until:
            self.computer.passes(self.bound.patience + late)
            self.bound.look(self.computer.now)
        return self.process.used - before


@pytest.mark.parametrize("threads", [1, 4])
def test_one_at_rest_takes_next_to_nothing_once_it_has_used_up_what_it_saved(threads: int) -> None:
    scene = Scene(cores=threads, rests=True)
    assert scene.goes_on(4) <= SPARE + 4 * AT_REST + threads * 0.5
    assert scene.goes_on(60) == pytest.approx(60 * AT_REST, rel=0.1)
    assert scene.guest.notes == [
        "takes more of this computer's processors than a guest can use: its process is held back"
    ]


def test_one_with_more_threads_at_work_than_an_engine_has_is_held_to_what_that_can_do() -> None:
    scene = Scene(cores=8, rests=False)
    scene.goes_on(4)
    assert scene.goes_on(60) == pytest.approx(60 * WORKING, rel=0.1)


@pytest.mark.parametrize(("cores", "rests"), [(2.0, False), (0.2, True), (0.0, True)])
def test_an_honest_one_is_never_held_back(cores: float, rests: bool) -> None:
    scene = Scene(cores=cores, rests=rests)
    assert scene.goes_on(60) == pytest.approx(60 * cores, abs=1.0)
    assert scene.bound.patience == 0.5, "and is looked at seldom"
    assert not scene.guest.notes


def test_what_it_was_at_when_it_came_to_rest_is_finished() -> None:
    scene = Scene(cores=2, rests=False)
    scene.goes_on(30)
    scene.guest.rests = True
    scene.goes_on(1)
    scene.process.cores = 0
    scene.goes_on(30)
    assert not scene.process.stopped and not scene.guest.notes


def test_one_that_is_wanted_again_goes_on_within_moments() -> None:
    scene = Scene(cores=4, rests=True)
    scene.goes_on(10)
    while not scene.process.stopped:
        scene.goes_on(0.05)
    scene.guest.rests, scene.process.cores = False, 2
    assert scene.goes_on(0.6) >= 0.5
    assert not scene.process.stopped


def test_looks_that_come_late_stop_it_no_longer_than_some_seconds() -> None:
    scene = Scene(cores=4, rests=True)
    scene.goes_on(30, late=5)
    scene.process.cores = 0
    scene.goes_on(1.0 / AT_REST + 0.6)
    assert not scene.process.stopped


def test_another_process_of_a_guest_begins_anew() -> None:
    """Also one whose number is that of another guest's before."""
    scene = Scene(cores=4, rests=True)
    scene.goes_on(10)
    first, scene.guest.pid, scene.cores = scene.process, 6, 0.0
    scene.goes_on(1)
    assert first.closed and not first.stopped, "who has it now decides"
    assert scene.process is not first and not scene.process.stopped


@pytest.mark.parametrize("how", ["taken off", "no process", "gone", "stop"])
def test_of_one_that_has_gone_nothing_is_kept(how: str) -> None:
    scene = Scene(cores=4, rests=True)
    while not scene.process.stopped:
        scene.goes_on(0.05)
    if how == "taken off":
        scene.guests.clear()
    elif how == "no process":
        scene.guest.pid = 0
    elif how == "gone":
        scene.process.gone = True
    if how == "stop":
        scene.bound.stop()
    else:
        scene.bound.look(scene.computer.now)
    assert scene.process.closed and not scene.process.stopped
    assert not scene.bound._accounts


def test_a_process_that_cannot_be_looked_at_is_passed_over() -> None:
    def none(pid: int) -> HostProcess:
        raise ProcessLookupError

    bound = HostBound(lambda: [Guest(5, rests=True)], none)
    bound.look(EPOCH)
    assert not bound._accounts
