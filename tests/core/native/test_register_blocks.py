"""Whatever a guest does to the registers of our devices, nothing breaks, and all of it is saved."""

import struct
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from native_machines import (
    CPU_INTERFACE,
    DISTRIBUTOR,
    RAM,
    STOP,
    UART,
    VIRTIO,
    Guest,
    branch,
    load_constant,
    read,
    write,
)

from pocketvisor import _native

pytestmark = pytest.mark.guest_process

BLOCKS = (
    (DISTRIBUTOR, 0x1000),
    (CPU_INTERFACE, 0x1100),
    (UART, 0x50),
    (VIRTIO, 0x400),
)
VALUES = st.one_of(
    st.integers(0, 0xFFFF_FFFF),
    st.integers(0, 16),
    st.sampled_from([1 << bit for bit in range(32)]),
    st.sampled_from([RAM, RAM + 0x4_0000, RAM + 0xF_FFF0, 0xFFFF_FFFF]),
)
# CP15 registers of the timer, by (CRm, opc2) under CRn 14.
TIMER = ((0, 0), (1, 0), (2, 0), (2, 1), (3, 0), (3, 1))


@st.composite
def accesses(draw: st.DrawFn) -> list[int]:
    """One load or store, or an access to the timer, as code."""
    kind = draw(st.integers(0, 4))
    if kind == 4:
        crm, opc2 = draw(st.sampled_from(TIMER))
        load = 0x0010_0000 if draw(st.booleans()) else 0
        return [*load_constant(3, draw(VALUES)), 0xEE0E_3F10 | load | opc2 << 5 | crm]
    base, length = BLOCKS[kind]
    size = draw(st.sampled_from((1, 2, 4)))
    address = base + draw(st.integers(0, length // size - 1)) * size
    return read(address, size) if draw(st.booleans()) else write(address, draw(VALUES), size)


EVENTS = st.one_of(
    st.tuples(st.just(_native.EVENT_CONSOLE_INPUT), st.integers(0, 1), st.binary(max_size=40)),
    st.tuples(st.just(_native.EVENT_VIRTIO_USED), st.integers(0, 2), st.binary(max_size=64)),
    st.tuples(st.just(_native.EVENT_VIRTIO_CONFIG), st.integers(0, 2), st.binary(min_size=4, max_size=8)),
    st.tuples(
        st.just(_native.EVENT_CLOCK),
        st.just(0),
        st.integers(0, 1 << 40).map(lambda ns: struct.pack("<Q", ns)),
    ),
)


def fresh(steps: list[list[int]]) -> Guest:
    """One access to a block, so that a run can be cut between any two."""
    code: list[int] = []
    for step in steps:
        code += step
        code.append(branch(0, 1))
    guest = Guest([*code, STOP], deterministic=True, skip_idle=True)
    guest.place([STOP] * 8, 0)
    return guest


UNHURRIED = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
"""The profile of the other tests is not known here. How long an example takes says what else is going on."""


@settings(UNHURRIED, max_examples=60)
@given(
    steps=st.lists(accesses(), min_size=1, max_size=60),
    events=st.lists(EVENTS, max_size=6),
    cut=st.integers(0, 300),
)
def test_random_accesses_break_nothing_and_are_saved(
    steps: list[list[int]], events: list[tuple[int, int, bytes]], cut: int
) -> None:
    here = fresh(steps)
    machine = here.machine
    end = sum(len(step) + 1 for step in steps) + 100
    cut = min(cut, end - 50)
    machine.run(cut)
    for kind, target, payload in events:
        assert machine.post(kind, target, payload)
    state: Any = machine.save()
    there = fresh(steps)
    there.ram[:] = here.ram[:]
    there.machine.restore(state)
    assert there.machine.save() == state
    for kind, target, payload in events:
        assert there.machine.post(kind, target, payload)
    assert machine.run(end) == there.machine.run(end) == _native.RUN_LIMIT
    assert machine.save() == there.machine.save()
    assert here.ram[:] == there.ram[:]
    assert machine.take_console(0)[-1:] == there.machine.take_console(0)[-1:] or cut
    machine.reset()
    machine.restore(state)
    assert machine.save() == state
    here.close()
    there.close()


def corrupt(state: dict[str, Any], part: str, field: str, value: int) -> dict[str, Any]:
    changed = {name: dict(fields) if isinstance(fields, dict) else fields for name, fields in state.items()}
    old = changed[part][field]
    if isinstance(old, bytes):
        changed[part][field] = bytes((value & 0xFF,)) * len(old)
    elif isinstance(old, list):
        changed[part][field] = [value] * len(old)
    else:
        changed[part][field] = value
    return changed


@settings(UNHURRIED, max_examples=80)
@given(
    data=st.data(),
    value=st.one_of(VALUES, st.integers(0, (1 << 64) - 1)),
    steps=st.lists(accesses(), max_size=20),
)
def test_a_corrupt_field_is_refused_or_harmless(
    data: st.DataObject, value: int, steps: list[list[int]]
) -> None:
    guest = fresh(steps)
    machine = guest.machine
    state: Any = machine.save()
    parts = sorted(name for name in state if isinstance(state[name], dict))
    part = data.draw(st.sampled_from(parts))
    field = data.draw(st.sampled_from(sorted(state[part])))
    try:
        machine.restore(corrupt(state, part, field, value))
    except ValueError:
        assert machine.save() == state
    else:
        machine.post(_native.EVENT_CONSOLE_INPUT, 0, b"x")
        machine.post(
            _native.EVENT_VIRTIO_USED, 0, struct.pack("<IHHHHII", value & 0xFFFF_FFFF, 0, 0, 1, 0, 0, 0)
        )
        machine.run(min(machine.ticks() + 1000, (1 << 64) - 1))
    guest.close()


@settings(UNHURRIED, max_examples=80)
@given(log=st.binary(max_size=200))
def test_a_random_log_is_refused_or_replayed(log: bytes) -> None:
    guest = fresh([])
    try:
        guest.machine.replay(log)
    except ValueError:
        pass
    else:
        assert guest.machine.run(1000) in (_native.RUN_LIMIT, _native.RUN_DIVERGED)
    guest.close()
