"""The engine and the board's fast half, in C (core/native). Loaded in guest processes alone."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol, TypedDict, final, type_check_only

from typing_extensions import Buffer

ENGINE: Final[str]
"""Name of the engine variant, for recordings: equal names count and behave alike."""

RUN_LIMIT: Final[int]
"""run() came to its tick limit."""
RUN_STOPPED: Final[int]
"""stop() was called."""
RUN_POWER_OFF: Final[int]
"""The guest asked for power off (PSCI SYSTEM_OFF)."""
RUN_RESET: Final[int]
"""The guest asked for a reset (PSCI SYSTEM_RESET)."""
RUN_SYNC: Final[int]
"""With sync set: there is console output or a doorbell to serve at this very tick."""
RUN_DIVERGED: Final[int]
"""A replay no longer matches its log."""
RUN_DEAD: Final[int]
"""The guest waits for an interrupt that nothing can raise, and runs without outside input (replay or
deterministic with idle skipped)."""
RUN_ERROR: Final[int]
"""The engine or a device in Python failed; Machine.error says why."""
RUN_EXIT: Final[int]
"""request_exit() was called; Machine.exit_code is its code."""
RUN_BREAK: Final[int]
"""The guest stands before an instruction with a breakpoint; Machine.stop_hit says which."""
RUN_WATCH: Final[int]
"""The guest stands before an instruction that is about to access what is watched, or a device has just
written it; Machine.stop_hit says which."""
RUN_STEP: Final[int]
"""run() made its steps."""
RUN_POSITION: Final[int]
"""The guest has come to the position, or to the first one behind it that it could stop at."""

STOP_EXECUTE: Final[int]
STOP_WRITE: Final[int]
STOP_READ: Final[int]
STOP_ACCESS: Final[int]
"""Kinds of stops: a breakpoint; watchpoints for writing, for reading, for both."""

REGISTERS: Final[tuple[tuple[str, int], ...]]
"""(name, bits) of the registers, in an order to show them in."""

EVENT_CONSOLE_INPUT: Final[int]
EVENT_CLOCK: Final[int]
EVENT_VIRTIO_USED: Final[int]
EVENT_VIRTIO_CONFIG: Final[int]
EVENT_DEVICE: Final[int]

TRACE_SIZE: Final[int]
"""Bytes of the memfd of a trace: debug/trace/ring.py says what it holds."""

RAM_BLOCK: Final[int]
"""Bytes of a block of RAM in its map. That is 4096 bytes, the first four of which say what block is wanted
(its number plus 1, native, 0 for none), then a byte for each block. 0: it is in the own memfd; 1 to 253: in
that layer, until it is first written; 254: it could not be loaded; 255: it is absent, and is in the own memfd
once its loader has put it there and made its byte 0. All zeros: there is the own memfd alone."""

@type_check_only
class Device(Protocol):
    """A device served from Python: for rare accesses alone (about a microsecond each, under the GIL)."""

    def read(self, offset: int, size: int) -> int: ...
    def write(self, offset: int, size: int, value: int) -> None: ...
    def event(self, payload: bytes) -> None:
        """An EVENT_DEVICE posted for this device, at its logged tick, on the vCPU's thread."""
    def alarm(self) -> None:
        """The time given to set_alarm() has come, on the vCPU's thread."""
    def reset(self) -> None: ...

@type_check_only
class Counters(TypedDict):
    blocks: int  # translated, not executed
    fills: int
    first_fetches: int
    irqs: int
    data_aborts: int
    prefetch_aborts: int
    supervisor_calls: int
    undefined: int
    traps: int
    waits: int
    mmio: int
    external_aborts: int
    empty_accesses: int
    dirty_marks: int
    frames: int
    events: int
    events_refused: int
    """Posts over a bound."""
    virtio_refused: int
    """Rings, addresses or payloads that could not be: each needed a reset of its device."""
    input_dropped: int
    """Bytes of console input over the UART's backlog."""
    output_dropped: int
    """Bytes of console output that nobody took in time."""

@type_check_only
class Queue(TypedDict):
    """A virtqueue as the driver set it up, frozen when the device was activated. Guest physical addresses."""

    size: int
    ready: bool
    descriptors: int
    available: int
    used: int
    event_index: bool

@final
class Machine:
    """One guest: vCPU, memory, bus and devices. Built in one thread, run in one, posted to from any.

    Everything that adds a part (map_memory, add_*) is called before the first run(). Addresses are guest
    physical, sizes bytes, times nanoseconds unless said.

    Raises RuntimeError where the overrides of the engine are not in effect, ValueError where ranges overlap
    or a size is out of bounds, OSError where memory cannot be had.
    """

    def __init__(
        self,
        ram_fd: int,
        ram_base: int,
        ram_size: int,
        tick_ps: int,
        *,
        status_fd: int = -1,
        deterministic: bool = False,
        skip_idle: bool = False,
        ram_layers: Sequence[int] = (),
        ram_map: int = -1,
        ram_wanted: int = -1,
        ram_loaded: int = -1,
    ) -> None:
        """RAM is the memfd mapped shared, its own one. Over it lie ram_layers, memfds of the same size (read
        only ones will do) of which ram_map says what is in use: see RAM_BLOCK. ram_wanted and ram_loaded are
        eventfds: to the loader of absent blocks, and from it. status_fd is a memfd of at least 4096 bytes:
        control/status.py says what it holds. deterministic: no clock corrections but idle jumps, and those
        are exact. skip_idle: idle time is jumped over at once, not slept (unthrottled runs)."""

    @property
    def ram(self) -> memoryview:
        """The RAM as this machine maps it, read only. It is for who has required() what is looked at; what a
        device does with it is GuestMemory's. It keeps the machine alive."""
    @property
    def error(self) -> str | None: ...
    @property
    def exit_code(self) -> int: ...

    # Parts
    def map_memory(self, base: int, size: int, fd: int, *, writable: bool) -> None:
        """A further memory, such as flash. A guest's write to a read-only one is ignored and counted."""
    def add_framebuffer(
        self, base: int, fd: int, width: int, height: int, stride: int, frame_fd: int
    ) -> None:
        """A framebuffer of 32-bit x8r8g8b8 pixels in a memfd of its own. Damage goes to the status page and
        frame_fd (an eventfd) is signalled, at most 60 times a second."""
    def set_frame_event(self, frame_fd: int) -> None:
        """The eventfd to signal in a machine that has no framebuffer, but a scanout."""
    def add_gic(self, distributor: int, cpu_interface: int) -> None: ...
    def add_timer(self) -> None:
        """The ARM generic timer: 62.5 MHz; physical one on PPI 14, virtual one on PPI 11, as QEMU's virt."""
    def add_pl011(self, base: int, spi: int) -> int:
        """Answers the console's index."""
    def add_virtio_slots(self, base: int, first_spi: int, count: int) -> None:
        """virtio-mmio transports of 0x200 bytes each, empty (device id 0) until fill_virtio_slot()."""
    def fill_virtio_slot(
        self,
        slot: int,
        device_id: int,
        features: int,
        queue_sizes: Sequence[int],
        config: bytes,
        windows: Mapping[tuple[int, int], bytes] | None = None,
        *,
        legacy: bool = False,
    ) -> None:
        """VERSION_1 is offered in any case. Without `windows` the driver may write the configuration space
        (a doorbell tells). With them it writes bytes 0 and 1 alone, and byte 2 and what follows from byte 8
        on show the size and the bytes under (byte 0, byte 1), or nothing: virtio-input's way. The space then
        has 136 bytes, a window at most 128. `legacy`: the transport shows version 1, offers no feature above
        bit 31, so no VERSION_1, and takes whichever of the others the driver wants."""
    def add_device(self, base: int, size: int, device: Device, name: str) -> int:
        """A device in Python; answers its index."""

    # Running. run() lets other Python threads go on; one thread at a time may be inside it.
    def run(self, until_tick: int | None = None, *, position: int | None = None, steps: int = 0) -> int:
        """Runs until something in RUN_* happens and says what. A tick limit is met at the first block start
        at or after it: the same one each time. A position is met exactly. A step is an instruction, or the
        entry into an exception or interrupt; WFI waits as ever. A stop at the place where the guest already
        stands is passed, but for a watchpoint to which a step has led."""
    def stop(self) -> None:
        """From any thread: run() returns RUN_STOPPED soon, or at once when it is entered next."""
    def request_exit(self, code: int) -> None:
        """From any thread: run() returns RUN_EXIT at the next block start, and again until a reset. Within a
        device's call that is the same tick each time. The first code counts; it has 32 bits."""
    def set_cpu(self, registers: dict[str, int]) -> None:
        """Register names as registers() gives them; only for a machine that is not running. Raises ValueError
        for a register or a value that cannot be; nothing was changed but by values that a register does not
        take."""
    def registers(self) -> dict[str, int]:
        """All of REGISTERS, among them those of other modes ("sp_svc"), of VFP ("d0") and of CP15 ("ttbr0");
        only for a machine that is not running. Reading changes nothing."""

    # Debugging; all for a machine that is not running. What a debugger does is no event: no recording has it.
    def set_stops(self, stops: Sequence[tuple[int, int, int, int, bool]]) -> None:
        """(id, STOP_*, address, size, physical) of each, in place of those before; at most 1024. A breakpoint
        is at its address alone, whatever its size. Raises ValueError for what cannot be."""
    @property
    def stop_hit(self) -> tuple[int, int, int, int, bool] | None:
        """(id, position, address, size, whether it writes) of the stop behind RUN_BREAK or RUN_WATCH."""
    def note_stops(self, on: bool) -> None:
        """Stops are noted from here on, and nothing stops there. What was noted before is forgotten."""
    def noted(self) -> tuple[int, list[tuple[int, int, int, int, int, bool]]]:
        """How many there were, and the last 4096: (id, position, pc, address, size, whether it writes), the
        oldest first. pc -1: a device wrote the memory. Watchpoints by virtual address hear of devices here
        alone."""
    @property
    def position(self) -> int:
        """Where in its life the guest is: bytes of executed code, 4 a tick. No two instructions that it
        executes have the same."""
    @property
    def in_block(self) -> bool:
        """Whether that is in the midst of a block, where no event enters it."""
    def peek(self, address: int, size: int, *, physical: bool = False) -> bytes:
        """Memory, up to the first byte that is not mapped or is a device's, by the page tables of now and
        whatever their rights; at most 64 MiB."""
    def poke(self, address: int, data: Buffer, *, physical: bool = False) -> int:
        """Writes memory, whatever the rights of its page; answers how many bytes, up to the first that is not
        in writable memory (flash and devices are not)."""
    def set_watched_pace(self, on: bool) -> None:
        """From any thread: a replay keeps real time's pace, or runs as fast as it can."""
    def set_rate(self, ticks_per_second: int) -> None:
        """From any thread: throttle to this rate against real time; 0 lets the guest run as fast as it can.
        The status page's rate holds as well: the lower of the two that are not 0."""
    def set_sync(self, sync: bool) -> None:
        """run() returns RUN_SYNC at each console output and doorbell, so that they are served at an exact
        tick."""
    def reset(self) -> None:
        """Power-on state for the vCPU and all devices; memory is the caller's, and the clock goes on."""

    # From outside
    def post(self, kind: int, target: int, payload: Buffer | Sequence[Buffer]) -> bool:
        """From any thread. False where a bound was met. A sequence is joined here, without a copy between."""
    def take_console(self, console: int) -> bytes:
        """Output since the last call; what nobody takes is bounded at 1 MiB, oldest dropped."""
    @property
    def console_fd(self) -> int:
        """An eventfd signalled at console output; take_console() reads it."""
    @property
    def doorbell_fd(self) -> int:
        """An eventfd signalled when a doorbell waits; take_doorbells() reads it."""
    def take_doorbells(self) -> list[tuple[int, int]]:
        """(slot, queue) for each kick since the last call; queue -1 when the slot's status changed (driver
        ready, reset, or restored), -2 when the driver wrote the configuration space."""
    def virtio_status(self, slot: int) -> tuple[int, int, int]:
        """(status, generation, driver's features). The generation counts resets: EVENT_VIRTIO_USED of an
        older one is dropped."""
    def virtio_queue(self, slot: int, queue: int) -> Queue: ...
    def virtio_config(self, slot: int) -> bytes: ...

    # What the pane shows, from any thread. Damage reaches the status page and the frame's eventfd.
    def publish_scanout(self, width: int, height: int, stride: int) -> None:
        """From here on the pane shows the scanout, a memory that devices draw into; (0, 0, 0): the
        framebuffer again. The whole of it counts as damaged. While a scanout is shown, the framebuffer's own
        damage is not published. Raises ValueError for impossible measures."""
    def publish_damage(self, rectangles: Sequence[tuple[int, int, int, int]]) -> None:
        """Damage of the scanout as (x0, y0, x1, y1), cut to it; nothing while the framebuffer is shown. At
        most 256, and it is for the caller to come at most once a frame."""

    # For devices in Python, on the vCPU's thread (inside read, write, event, alarm, reset)
    def set_line(self, spi: int, level: bool) -> None: ...
    def now_ns(self) -> int: ...
    def set_alarm(self, device: int, at_ns: int | None) -> None: ...
    def set_window(self, device: int, content: Buffer | None) -> None:
        """From here on reads of a device are answered from this memory, without a call; None: by read().
        For what is read much and changes only by what the device itself does."""
    def load(self, address: int, size: int) -> bytes:
        """Bytes of the guest's RAM by physical address. Raises ValueError where they are not all in it."""
    def store(self, address: int, data: Buffer) -> None:
        """Writes the guest's RAM, as a device with DMA does; only within a device's own call (RuntimeError
        elsewhere), because the guest must find it at the same tick each time. ValueError as load()."""
    def print(self, console: int, data: Buffer) -> None:
        """Output as if the console's UART had sent it; only within a device's own call, as store()."""

    # RAM: its dirty log, captures, layers, and what is not loaded yet
    def harvest_dirty(self) -> bytes:
        """The dirty log of RAM, one bit a page of 4096 bytes, least significant bit first, cleared by the
        call; only for a machine that is not running."""
    def begin_capture(self, shadow_fd: int, wanted: Buffer | None = None) -> bytes:
        """From here on a page (4 KiB) is copied to the shadow before its first write. Answers what
        harvest_dirty() would; only for a machine that is not running.

        wanted: bits of the pages that are kept, in the dirty log's form; None: all. The shadow is a memfd of
        a byte a page, rounded up to 4096, and then the RAM's size: a page's byte is 1 once its content is
        there (at the page's own offset), 2 where the host had no memory for it. A reader takes a page from
        the RAM, looks at the byte then, and takes the shadow's where it is 1. Which memfd a block is in it
        may look up at any time since: layers never change, and of what was written since the byte is set.

        Raises RuntimeError where a capture is on, or the shadow is too small."""
    def end_capture(self) -> None:
        """From any thread. Raises OSError where a page could not be kept; nothing where no capture was on."""
    def freeze_ram(self, own_fd: int) -> None:
        """The RAM's own memfd becomes the next of ram_layers, which nobody writes any more, and own_fd, empty
        and of the same size, its own one; the map says so. Blocks that were never touched stay in the own
        one. Only for a machine that is not running.

        Raises RuntimeError, and changes nothing, where blocks are absent yet, or there are 253 layers."""
    def add_layer(self, fd: int) -> None:
        """The next of ram_layers, which stays as it is; the descriptor stays the caller's. Only for a machine
        that is not running. Raises RuntimeError where it is too short, or there are 253."""
    def share_blocks(self, blocks: bytes, layers: bytes) -> bytes:
        """Blocks of 64 KiB, their numbers in 32 bits each, and for each the number of a layer, from 1 on. An
        own block becomes the layer's if that holds the very same, and its memory is given back: a byte for
        each says whether it did. The content of the RAM and its dirty log stay as they are. Only for a
        machine that is not running. Raises ValueError."""
    def unshare_blocks(self, blocks: bytes) -> None:
        """Blocks of layers are copied to the RAM's own memory. Only for a machine that is not running. Raises
        ValueError, or RuntimeError where one is not in the RAM or there is no memory for it."""
    def drop_zeros(self, blocks: bytes) -> int:
        """Gives back the memory of own pages that are zeros, in these blocks: how many bytes. Only for a
        machine that is not running. Raises ValueError."""
    def trim(self) -> bool:
        """Gives back the memory of translated code, which is made again as the guest runs on. Whether there
        was some. Only for a machine that is not running."""
    def require(self, address: int, size: int) -> None:
        """From any thread: waits until all of a range in RAM is loaded; other threads run meanwhile. Raises
        ValueError where it is not in RAM, RuntimeError where it could not be loaded."""
    def ram_complete(self) -> None:
        """From any thread: all is loaded, so that nothing needs to be waited for from here on. Raises
        RuntimeError where a block is absent."""

    # Semihosting
    def set_semihosting(self, callable: Callable[[int, int], int] | None) -> None:
        """Who answers semihosting calls: SVC 0x123456 (0xab in Thumb code) and BKPT 0xab in any mode, with
        the operation (r0) and its parameter (r1), both as the guest's virtual numbers; the answer goes into
        r0. It is called on the vCPU's thread and may do what a device may. Without it, or with None, the
        guest takes its own exceptions. Only for a machine that is not running."""

    # Time and counters
    def ticks(self) -> int: ...
    def counters(self) -> Counters: ...
    def translate(self, address: int) -> tuple[int, int] | None:
        """(physical address, rights: 1 read, 2 write, 4 execute) of a virtual address in the current
        context, or None; while the machine runs, only on the vCPU's thread."""

    # Tracing; only for a machine that is not running
    def start_trace(self, fd: int, kinds: int, period: int = 0) -> None:
        """Writes down what the guest does, into a memfd of TRACE_SIZE bytes, until stop_trace() or the next
        start. Kinds are bits: 1 accesses of devices, 2 exceptions and interrupts, 4 executed blocks, 8 a
        sample of where it is every `period` ticks (1000 at least; 0: as many as a millisecond has). What the
        guest does stays the same.

        Raises OSError where the memfd cannot be mapped."""
    def stop_trace(self) -> None: ...
    def device_counts(self) -> list[tuple[str, int, int, int, int]]:
        """(name, base, size, reads, writes) of each device, since the machine was made; the timer, which has
        no address, last. Only for a machine that is not running, or on the vCPU's thread."""

    # Recording
    def record(self) -> None: ...
    def stop_recording(self) -> None:
        """What was logged stays to be taken."""
    def take_log(self) -> bytes: ...
    def replay(self, log: bytes) -> None:
        """Raises ValueError for a malformed log."""
    def follow_replay(self, callable: Callable[[int, int, bytes], None] | None) -> None:
        """Called on the vCPU's thread with (kind, slot, payload) of each EVENT_VIRTIO_USED and
        EVENT_VIRTIO_CONFIG of a replay's log, at its tick and before the guest has it; None: nobody is. Only
        for a machine that is not running."""

    # State: {"engine": ..., "cpu": bytes, "clock": {...}, "gic": {...}, ...}; RAM, memories and devices in
    # Python are not in it. It may be restored at another tick_ps: the guest's time goes on from where it was.
    def save(self) -> dict[str, object]: ...
    def restore(self, state: dict[str, object]) -> None:
        """Wholly or not at all. Raises ValueError where a part or field is missing, out of bounds or of
        another engine. Every slot that has a device rings its doorbell."""

def overrides_problem() -> str | None:
    """One sentence on why the engine's overrides are not in effect, or None where they are."""

def prepare() -> None:
    """Opens an engine ahead, for the next Machine of this process or of a fork of it. Where that fails, that
    Machine says why."""

def set_test_fault(name: str) -> None:
    """For tests: makes the named internal step fail once: "alloc", "eventfd", "log", "map", "shadow" or
    "thaw"."""
