"""A guest that stands still is read and changed: registers, memory, its state in the midst of a block."""

import copy
import random
import struct

import pytest
from native_machines import DISTRIBUTOR, RAM, RAM_SIZE, UART, Guest, echo_guest, load_constant
from stop_guests import DATA, LOOP, MAKERS, START, UNTIL, at, counting_guest, straight_guest

from pocketvisor import _native

pytestmark = pytest.mark.guest_process

BITS = dict(_native.REGISTERS)
CONSTANTS = ("midr", "ctr", "mpidr", "fpsid", "mvfr0", "mvfr1", "id_pfr0", "id_pfr1", "id_mmfr0")
MODES = {"usr": 0x10, "fiq": 0x11, "irq": 0x12, "svc": 0x13, "abt": 0x17, "und": 0x1B}


def test_registers_are_those_that_are_named_in_that_order() -> None:
    guest = counting_guest()
    values = guest.machine.registers()
    assert list(values) == [name for name, _ in _native.REGISTERS]
    assert all(0 <= value < 1 << BITS[name] for name, value in values.items())
    assert (values["midr"], values["mpidr"], values["fpsid"]) == (0x410F_C090, 0x8000_0000, 0x4103_3090)
    assert (values["mvfr0"], values["mvfr1"]) == (0x1111_0222, 0x0001_1111)
    guest.close()


def test_every_register_takes_a_value_and_keeps_it() -> None:
    chance = random.Random(3)
    free = [name for name in BITS if name[0] in "rds" and name[1:2].isdigit()]
    free += [name for name in BITS if name.startswith(("sp", "lr", "tpidr", "r8", "r12"))]
    free += ["dfar", "ifar", "contextidr", "dacr", "vbar"]
    for mode in MODES.values():
        guest = counting_guest()
        machine = guest.machine
        machine.set_cpu({"cpsr": 0x1C0 | mode})
        for name in sorted(set(free)):
            value = chance.getrandbits(BITS[name]) & ~31
            machine.set_cpu({name: value})
            assert machine.registers()[name] == value, (hex(mode), name)
        guest.close()


def test_each_mode_has_registers_of_its_own() -> None:
    guest = counting_guest()
    machine = guest.machine
    names = [f"{name}_{mode}" for mode in MODES for name in ("sp", "lr")]
    names += [f"spsr_{mode}" for mode in MODES if mode != "usr"]
    names += [f"r{n}_{mode}" for mode in ("usr", "fiq") for n in range(8, 13)]
    chance = random.Random(4)
    wanted = {name: chance.getrandbits(32) & ~15 for name in names}
    machine.set_cpu(wanted)
    before = machine.save()
    for mode, number in MODES.items():
        machine.set_cpu({"cpsr": 0x1C0 | number})
        values = machine.registers()
        assert {name: values[name] for name in wanted} == wanted
        assert (values["sp"], values["lr"]) == (wanted[f"sp_{mode}"], wanted[f"lr_{mode}"])
        assert values["r9"] == wanted["r9_fiq" if mode == "fiq" else "r9_usr"]
        if mode != "usr":
            assert values["spsr"] == wanted[f"spsr_{mode}"]
    machine.restore(before)
    assert {name: machine.registers()[name] for name in wanted} == wanted
    guest.close()


def test_looking_at_registers_changes_nothing() -> None:
    for name, make in MAKERS.items():
        guest, plain = make(), make()
        while guest.machine.run(steps=7) == _native.RUN_STEP:
            state = guest.machine.save()
            guest.machine.registers()
            assert guest.machine.save() == state, name
        assert plain.machine.run() == _native.RUN_POWER_OFF
        assert plain.machine.save() == guest.machine.save()
        guest.close()
        plain.close()


def test_what_a_register_does_not_take_is_refused_before_anything_changes() -> None:
    guest = counting_guest()
    before = guest.machine.registers()
    wrong: list[dict[str, int]] = [{"r0": 1, name: 1} for name in CONSTANTS]
    wrong += [{"r0": 1, "r99": 1}, {"r0": 1, "r1": 1 << 32}, {"r0": 1, "d0": 1 << 64}, {"r0": 1, "r1": -1}]
    for registers in wrong:
        with pytest.raises(ValueError):
            guest.machine.set_cpu(registers)
        assert guest.machine.registers() == before
    for mode in (0, 0x14, 0x16, 0x1A):
        with pytest.raises(ValueError, match="cpsr"):
            guest.machine.set_cpu({"cpsr": 0x1C0 | mode})
    assert guest.machine.registers() == before
    guest.close()


def test_a_guest_that_is_sent_elsewhere_in_the_midst_of_a_block_goes_on_there() -> None:
    guest = counting_guest()
    assert guest.machine.run(steps=LOOP + 2) == _native.RUN_STEP
    position = guest.machine.position
    guest.machine.set_cpu({"pc": at(LOOP), "r0": 0})
    assert guest.machine.run(steps=1) == _native.RUN_STEP
    assert (guest.machine.position, guest.machine.registers()["pc"]) == (position + 4, at(LOOP + 1))
    assert guest.machine.run() == _native.RUN_POWER_OFF
    assert guest.words(1, DATA - RAM) == [100]
    guest.close()


def test_memory_is_read_as_far_as_it_is_mapped() -> None:
    guest = counting_guest()
    machine = guest.machine
    end = RAM + RAM_SIZE
    assert machine.peek(end - 4, 100) == guest.ram[-4:]
    assert machine.peek(RAM, RAM_SIZE, physical=True) == guest.ram[:]
    for address in (0, UART, DISTRIBUTOR, end, 0xFFFF_FFFC):
        assert machine.peek(address, 64) == machine.peek(address, 64, physical=True) == b""
    assert machine.peek(RAM, 0) == b""
    assert machine.counters()["mmio"] == 0
    with pytest.raises(ValueError, match="at a time"):
        machine.peek(RAM, 1 << 30)
    for address, size in ((1 << 32, 4), (-1, 4), (0, -1)):
        with pytest.raises(ValueError):
            machine.peek(address, size)
    guest.close()


def test_memory_is_written_as_far_as_it_is_writable_and_its_code_anew() -> None:
    guest = counting_guest()
    machine = guest.machine
    assert machine.poke(RAM + RAM_SIZE - 2, b"abcd") == 2
    assert machine.poke(UART, b"x") == machine.poke(0, b"x") == 0
    assert machine.run(steps=LOOP + 20 * 6 + 1) == _native.RUN_STEP
    machine.harvest_dirty()
    assert machine.poke(at(LOOP + 1), struct.pack("<I", 0xE2800002)) == 4  # add r0, r0, #2
    page = (at(0) - RAM) >> 12
    assert machine.harvest_dirty()[page >> 3] >> (page & 7) & 1
    assert machine.run(steps=6) == _native.RUN_STEP
    assert machine.registers()["r0"] == 22
    guest.close()


def test_rights_and_mappings_of_a_page_are_read_from_the_tables() -> None:
    """Sections: the first megabyte of RAM at 0x50000000 too, which nobody may write."""
    guest = straight_guest(0xE5940000)
    table = RAM + 0x10000
    for index, descriptor in ((RAM >> 20, RAM | 0xC02), (0x500, RAM | 0x8C02 & ~0x400 | 2)):
        guest.ram[0x10000 + 4 * index : 0x10004 + 4 * index] = struct.pack("<I", descriptor)
    machine = guest.machine
    machine.set_cpu({"ttbr0": table, "dacr": 1, "sctlr": machine.registers()["sctlr"] | 1})
    assert machine.peek(0x5000_0100, 8) == guest.ram[0x100:0x108]
    assert machine.peek(0x5000_0100, 8, physical=True) == b""
    assert machine.poke(0x5000_9000, b"word") == 4
    assert guest.ram[0x9000:0x9004] == b"word"
    assert machine.peek(0x600F_FFFC, 8) == machine.peek(0x7000_0000, 8) == b""
    machine.set_stops([(1, _native.STOP_READ, DATA, 4, True)])
    assert machine.run() == _native.RUN_WATCH
    guest.close()


@pytest.mark.parametrize("name", MAKERS)
def test_a_state_of_any_place_goes_on_elsewhere_to_the_same_end(name: str) -> None:
    make = MAKERS[name]
    plain = make()
    assert plain.machine.run() == _native.RUN_POWER_OFF
    chance = random.Random(2)
    guest = make()
    in_block = 0
    while (
        guest.machine.run(position=guest.machine.position + chance.randrange(1, 24)) == _native.RUN_POSITION
    ):
        other = make()
        other.ram[:] = guest.ram[:]
        state = guest.machine.save()
        in_block += bool(state["vcpu"]["rest"])  # type: ignore[index]
        other.machine.restore(copy.deepcopy(state))
        assert other.machine.save() == state
        guest.close()
        guest = other
    assert in_block > 5
    assert guest.machine.save() == plain.machine.save()
    assert guest.ram[:] == plain.ram[:]
    guest.close()
    plain.close()


def test_older_states_stand_at_a_block_start_and_impossible_ones_are_refused() -> None:
    guest = counting_guest()
    state = guest.machine.save()
    old = copy.deepcopy(state)
    del old["vcpu"]["rest"]  # type: ignore[attr-defined]
    guest.machine.restore(old)
    assert guest.machine.save() == state
    for rest in (4097, 1 << 32, -1):
        spoiled = copy.deepcopy(state)
        spoiled["vcpu"]["rest"] = rest  # type: ignore[index]
        with pytest.raises(ValueError):
            guest.machine.restore(spoiled)
    assert guest.machine.save() == state
    for rest in range(1, 4097, 37):  # possible, and not true: it ends all the same
        spoiled["vcpu"]["rest"] = rest  # type: ignore[index]
        guest.machine.restore(spoiled)
        guest.machine.run(steps=3)
        guest.machine.run(500)
    guest.close()


def test_input_while_a_guest_is_stopped_enters_at_the_next_block_and_is_recorded() -> None:
    recorded = echo_guest(deterministic=True, skip_idle=True)
    machine = recorded.machine
    machine.record()
    chance = random.Random(5)
    for text in (b"abc", b"x", b"yz", b"q"):
        for _ in range(4):
            machine.run(machine.ticks() + 400, steps=chance.randrange(1, 9))
        machine.post(_native.EVENT_CONSOLE_INPUT, 0, text)
        position = machine.position
        machine.run(machine.ticks() + 400, steps=1)
        assert machine.position >= position
    assert machine.run() == _native.RUN_POWER_OFF
    log, output = machine.take_log(), machine.take_console(0)
    replayed = echo_guest(deterministic=True, skip_idle=True)
    replayed.machine.replay(log)
    assert replayed.machine.run() == _native.RUN_POWER_OFF
    assert replayed.machine.take_console(0) == output
    assert output == b"abcxyzq"
    assert replayed.machine.save() == machine.save()
    assert replayed.ram[:] == recorded.ram[:]
    recorded.close()
    replayed.close()


def test_input_is_heard_at_whatever_instruction_it_comes() -> None:
    """Also between a look and the wait behind it."""
    for steps in range(1, 40):
        guest = echo_guest(**UNTIL)
        assert guest.machine.run() == _native.RUN_DEAD, "it waits"
        guest.machine.post(_native.EVENT_CONSOLE_INPUT, 0, b"x")
        guest.machine.run(guest.machine.ticks() + 100_000, steps=steps)
        guest.machine.post(_native.EVENT_CONSOLE_INPUT, 0, b"q")
        assert guest.machine.run() == _native.RUN_POWER_OFF, steps
        guest.close()


def test_who_runs_cannot_be_looked_at() -> None:
    guest = Guest([*load_constant(0, START), 0xEAFFFFFE], **UNTIL)
    machine = guest.machine
    calls = 0

    class Asking:
        def read(self, offset: int, size: int) -> int:
            nonlocal calls
            for ask in (
                lambda: machine.peek(RAM, 4),
                lambda: machine.poke(RAM, b"x"),
                lambda: machine.set_stops([]),
                machine.noted,
                machine.registers,
                lambda: machine.position,
                lambda: machine.note_stops(True),
            ):
                with pytest.raises(RuntimeError, match="running"):
                    ask()
                calls += 1
            return 0

        def write(self, offset: int, size: int, value: int) -> None: ...
        def event(self, payload: bytes) -> None: ...
        def alarm(self) -> None: ...
        def reset(self) -> None: ...

    machine.add_device(0x0903_0000, 0x1000, Asking(), "asking")
    guest.place([*load_constant(4, 0x0903_0000), 0xE5940000, 0xEAFFFFFE], 0x100)
    assert machine.run(20) == _native.RUN_LIMIT
    assert calls == 7
    guest.close()
