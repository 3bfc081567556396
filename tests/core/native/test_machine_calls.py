"""What a device in Python may do: read and write RAM, end the run; and semihosting calls."""

import os
import threading

import pytest
from native_machines import (
    DEVICE,
    RAM,
    RAM_SIZE,
    STOP,
    UART,
    Guest,
    branch,
    load_constant,
    power_off,
    read,
    write,
)

from pocketvisor import _native

pytestmark = pytest.mark.guest_process

BUFFER = RAM + 0x4_0000
BX_LR = 0xE12FFF1E
CALL = 0xE12FFF32  # blx r2


class Dma:
    """Does `work` whenever it is written to."""

    def __init__(self, machine: _native.Machine) -> None:
        self.machine = machine
        self.work: list[tuple[int, bytes]] = []
        self.problems: list[Exception] = []
        machine.add_device(DEVICE, 0x1000, self, "dma")

    def read(self, offset: int, size: int) -> int:
        return 0

    def write(self, offset: int, size: int, value: int) -> None:
        for address, data in self.work:
            try:
                self.machine.store(address, data)
                assert self.machine.load(address, len(data)) == bytes(data)
            except ValueError as problem:
                self.problems.append(problem)

    def event(self, payload: bytes) -> None:
        self.write(0, 4, 0)

    def alarm(self) -> None: ...
    def reset(self) -> None:
        self.write(0, 4, 0)


def test_a_device_writes_ram_within_its_own_call() -> None:
    guest = Guest([*write(DEVICE, 1), *read(BUFFER), STOP])
    device, machine = Dma(guest.machine), guest.machine
    device.work = [(BUFFER, b"\x78\x56\x34\x12"), (RAM + RAM_SIZE - 2, memoryview(b"ab")), (BUFFER, b"")]
    machine.harvest_dirty()
    machine.run(1000)
    assert not device.problems
    assert guest.words(1) == [0x12345678]
    dirty = machine.harvest_dirty()
    page = (BUFFER - RAM) // 4096
    assert dirty[page // 8] >> page % 8 & 1 and dirty[RAM_SIZE // 4096 // 8 - 1] >> 7
    with pytest.raises(RuntimeError, match="only a device's own call"):
        machine.store(BUFFER, b"x")
    assert machine.load(BUFFER, 4) == b"\x78\x56\x34\x12"
    device.work = [(BUFFER, b"reset")]
    machine.reset()
    assert machine.load(BUFFER, 5) == b"reset"
    guest.close()


def test_ram_ends_where_it_ends() -> None:
    guest = Guest([*write(DEVICE, 1), STOP])
    device, machine = Dma(guest.machine), guest.machine
    bad = [
        (RAM - 1, b"xy"),
        (RAM + RAM_SIZE - 1, b"xy"),
        (UART, b"x"),
        (1 << 63, b"x"),
        ((1 << 64) - 1, b"xy"),
    ]
    device.work = bad
    assert machine.run(1000) == _native.RUN_LIMIT
    assert len(device.problems) == len(bad)
    assert guest.ram[RAM_SIZE - 1] == 0
    for address, data in bad:
        with pytest.raises(ValueError, match="not in the guest's RAM"):
            machine.load(address, len(data))
    with pytest.raises(ValueError, match="not in the guest's RAM"):
        machine.load(RAM, 0xFFFF_FFFF)
    guest.close()


def test_code_that_a_device_wrote_is_the_code_that_runs() -> None:
    """The guest calls a function, lets the device write another in its place, and calls that."""
    call = [*load_constant(2, BUFFER), CALL]
    guest = Guest([*call, *write(DEVICE, 1), *call, STOP])
    guest.place([0xE3A06001, BX_LR], BUFFER - RAM)  # mov r6, #1
    device = Dma(guest.machine)
    device.work = [(BUFFER, b"\x07\x70\xa0\xe3")]  # mov r7, #7
    guest.machine.run(1000)
    registers = guest.machine.registers()
    assert (registers["r6"], registers["r7"]) == (1, 7)
    guest.close()


def test_other_threads_leave_ram_alone() -> None:
    guest = Guest([STOP])
    Dma(guest.machine)
    machine, seen = guest.machine, []

    def outside() -> None:
        while machine.ticks() == 0:  # until it runs
            os.sched_yield()
        for attempt in (lambda: machine.store(BUFFER, b"x"), lambda: machine.load(BUFFER, 1)):
            try:
                attempt()
            except RuntimeError as problem:
                seen.append(str(problem))
        machine.stop()

    thread = threading.Thread(target=outside)
    thread.start()
    assert machine.run() == _native.RUN_STOPPED
    thread.join()
    assert len(seen) == 2
    guest.close()


class Exit(Dma):
    def write(self, offset: int, size: int, value: int) -> None:
        self.machine.request_exit(value)


def test_a_device_ends_the_run_with_a_code() -> None:
    ends = []
    for _ in range(2):
        code = [*write(DEVICE, 0xFFFF_FFFE), *write(DEVICE, 3), branch(10, 11), *write(UART, 0x21), STOP]
        guest = Guest(code)
        Exit(guest.machine)
        assert guest.machine.exit_code == 0
        assert guest.machine.run() == _native.RUN_EXIT
        assert guest.machine.exit_code == 0xFFFF_FFFE  # the first
        assert guest.machine.take_console(0) == b""
        assert guest.machine.run() == _native.RUN_EXIT
        ends.append(guest.machine.ticks())
        other = Guest([STOP])
        Exit(other.machine)
        other.machine.restore(guest.machine.save())
        assert other.machine.run() == _native.RUN_EXIT
        assert other.machine.exit_code == 0xFFFF_FFFE
        guest.close()
        other.close()
    assert ends[0] == ends[1]


def test_any_thread_ends_the_run_and_a_reset_begins_another() -> None:
    guest = Guest([STOP])
    machine = guest.machine
    threading.Timer(0.1, machine.request_exit, (42,)).start()
    assert machine.run() == _native.RUN_EXIT
    assert machine.exit_code == 42
    machine.reset()
    assert machine.exit_code == 0
    machine.set_cpu({"pc": RAM + 0x100})
    assert machine.run(machine.ticks() + 100) == _native.RUN_LIMIT
    with pytest.raises(ValueError, match="out of bounds"):
        machine.request_exit(-1)
    guest.close()


SVC_ARM, BKPT_ARM = 0xEF123456, 0xE1200A7B


def thumb(first: int, second: int = 0xBF00) -> int:
    return first | second << 16


def semihosting_guest(code: list[int], vectors: list[int] | None = None, **registers: int) -> Guest:
    guest = Guest(code, vectors or [])
    guest.machine.set_cpu({"r0": 0x18, "r1": BUFFER, **registers})
    return guest


@pytest.mark.parametrize("mode", [0x10, 0x13, 0x1F])
@pytest.mark.parametrize("call", [SVC_ARM, BKPT_ARM, thumb(0xDFAB), thumb(0xBEAB)])
def test_semihosting_calls_are_answered_in_every_mode(mode: int, call: int) -> None:
    is_thumb = call < 0xE0000000
    after = thumb(0x2607, 0xE7FE) if is_thumb else 0xE3A06007  # mov r6, #7
    guest = semihosting_guest([call, after, STOP], cpsr=0x1C0 | mode | is_thumb << 5)
    calls = []

    def answer(operation: int, parameter: int) -> int:
        assert guest.machine.translate(parameter) == (parameter, 7)
        guest.machine.store(parameter, b"answered")
        calls.append((operation, parameter, guest.machine.load(parameter, 8)))
        return -5

    guest.machine.set_semihosting(answer)
    assert guest.machine.run(100) == _native.RUN_LIMIT, guest.machine.error
    assert calls == [(0x18, BUFFER, b"answered")]
    registers = guest.machine.registers()
    assert (registers["r0"], registers["r1"], registers["r6"]) == (0xFFFF_FFFB, BUFFER, 7)
    assert registers["cpsr"] & 0x1F == mode
    guest.close()


@pytest.mark.parametrize("call", [SVC_ARM, 0xEF000000, 0xEF123457, BKPT_ARM, 0xE1200070])
def test_other_calls_are_the_guests_own_exceptions(call: int) -> None:
    """And so are semihosting's where nobody answers."""
    bkpt = call & 0xFFF00000 == 0xE1200000
    vectors = [STOP] * 8
    vectors[3 if bkpt else 2] = 0xE3A06003  # mov r6, #3
    guest = semihosting_guest([call, 0xE3A06001, STOP], vectors)
    calls = []
    guest.machine.set_semihosting(lambda operation, parameter: calls.append(operation) or 0)
    if call in (SVC_ARM, BKPT_ARM):
        guest.machine.set_semihosting(None)
    guest.machine.run(100)
    assert not calls
    assert guest.machine.registers()["r6"] == 3
    guest.close()


def test_semihosting_ends_a_run_or_fails() -> None:
    guest = semihosting_guest([SVC_ARM, STOP])
    guest.machine.set_semihosting(lambda operation, parameter: guest.machine.request_exit(operation) or 0)
    assert guest.machine.run() == _native.RUN_EXIT
    assert guest.machine.exit_code == 0x18
    guest.close()
    guest = semihosting_guest([SVC_ARM, STOP])

    def fail(operation: int, parameter: int) -> int:
        raise OSError("no such file")

    guest.machine.set_semihosting(fail)
    assert guest.machine.run() == _native.RUN_ERROR
    assert guest.machine.error == "Semihosting failed: OSError: no such file"
    guest.close()


def test_two_uarts_are_two_consoles() -> None:
    second = 0x0904_0000
    code = [*write(second + 0x30, 0x301), *write(UART, ord("A")), *write(second, ord("G"))]
    code += [*read(second), *write(second, ord("N")), *power_off()]
    guest = Guest(code)
    machine = guest.machine
    assert machine.add_pl011(second, 8) == 1
    assert machine.post(_native.EVENT_CONSOLE_INPUT, 1, b"fix")
    assert machine.run() == _native.RUN_POWER_OFF
    assert machine.take_console(0) == b"A"
    assert machine.take_console(1) == b"GN"
    assert guest.words(1) == [ord("f")]
    assert {"pl011.0", "pl011.1"} <= machine.save().keys()
    guest.close()


def test_reads_are_answered_from_a_devices_window() -> None:
    guest = Guest([*read(DEVICE + 4), *read(DEVICE + 0x800), STOP])
    machine = guest.machine
    dma = Dma(machine)
    content = bytearray(b"0123abcd")
    machine.set_window(0, content)
    machine.run(1000)
    assert guest.words(2) == [int.from_bytes(b"abcd", "little"), 0]  # behind its end the device answers
    machine.set_window(0, None)
    content += b"free again"  # nobody holds it
    with pytest.raises(ValueError, match="no device"):
        machine.set_window(1, content)
    with pytest.raises(TypeError):
        machine.set_window(0, 5)  # type: ignore[arg-type]
    assert not dma.problems
    guest.close()
