"""A Linux guest seen from outside: which kernel, its tasks, modules and log, and symbols for all of it.

Nothing of the guest's is run and nothing is written. All of it is the guest's word: a hostile one may show
tasks that it has not, but can neither keep us reading for ever nor make us read anything but its memory.
"""

import asyncio
from collections.abc import Mapping

from pocketvisor.debug.call_stack import FRAMES_MAX, Frame, call_stack
from pocketvisor.debug.linux.kernel import LAYER, Kernel, find_kernel
from pocketvisor.debug.linux.layout import TaskLayout, described_layout, found_layout
from pocketvisor.debug.linux.log import LogLine, read_log
from pocketvisor.debug.linux.modules import (
    Module,
    find_list,
    module_symbols,
    module_unwind_table,
    read_modules,
)
from pocketvisor.debug.linux.tasks import Task, current_task, read_tasks
from pocketvisor.debug.symbols.file import Memory, SymbolFile
from pocketvisor.debug.symbols.table import SymbolTable
from pocketvisor.errors import DebugError


class LinuxView:
    """Finds the kernel when it is first asked for something, and puts its symbols into the table. Everything
    raises DebugError with a sentence where it cannot be had."""

    def __init__(self, memory: Memory, symbols: SymbolTable | None = None) -> None:
        self._memory = memory
        self.symbols = symbols if symbols is not None else SymbolTable()
        self._kernel: Kernel | None = None
        self._layout: TaskLayout | None = None
        self._layout_of: list[SymbolFile] = []
        self._modules_at: int | None = None
        self._layers: dict[Module, SymbolFile] = {}
        self._finding = asyncio.Lock()
        self.problems: list[str] = []
        """What could not be found in this kernel."""

    def forget(self) -> None:
        """Takes its symbols out of the table again."""
        for layer in self._own_layers():
            self.symbols.layers.remove(layer)
            self.symbols.generation += 1
        self._kernel = self._layout = self._modules_at = None
        self._layers.clear()
        self.problems = []

    def _own_layers(self) -> list[SymbolFile]:
        own = [*self._layers.values()]
        if self._kernel is not None:
            own.append(self._kernel.layer)
        return [layer for layer in own if layer in self.symbols.layers]

    @property
    def found(self) -> bool:
        return self._kernel is not None

    async def find(self) -> Kernel:
        """The kernel, whose symbols are in the table from then on. After a reset, or at another moment, it
        is another one, or not there yet."""
        async with self._finding:
            if self._kernel is not None and not await self._kernel.is_there():
                self.forget()
            if self._kernel is None:
                kernel = await find_kernel(self._memory)
                self._kernel = kernel
                await self.symbols.check(kernel.memory, kernel.memory.page_offset)
                self.symbols.add_own(kernel.layer)
            return self._kernel

    async def _look(self) -> Kernel:
        kernel = await self.find()
        await kernel.memory.refresh()
        return kernel

    @property
    def release(self) -> str:
        """As `uname -r`; empty where it is not known."""
        return self._kernel.notes.release if self._kernel is not None else ""

    @property
    def build_id(self) -> str:
        return self._kernel.notes.build_id if self._kernel is not None else ""

    async def read(self, address: int, size: int) -> bytes:
        """The kernel's memory by the kernel's own addresses, whatever the CPU is about."""
        return await (await self._look()).memory.read(address, size)

    # Tasks

    async def layout(self) -> TaskLayout:
        """Where tasks have their fields, and how that is known."""
        kernel = await self.find()
        describing = self._describing()
        if self._layout is None or self._layout_of != describing:
            self._layout = await self._described(describing) or await found_layout(
                kernel.memory, await self._init_task()
            )
            self._layout_of = describing
            self.problems = [
                f"In this kernel's memory the {what} of tasks were not found: a debug package's vmlinux says"
                for what in self._layout.missing
            ]
        return self._layout

    def _describing(self) -> list[SymbolFile]:
        """Files that may say where tasks have their fields."""
        return [
            file
            for file in self.symbols.layers
            if file.has_lines and not file.differs and file.names.named("init_task") is not None
        ]

    async def _described(self, files: list[SymbolFile]) -> TaskLayout | None:
        for file in files:
            try:
                return await described_layout(file)
            except DebugError:
                continue
        return None

    async def _init_task(self) -> int:
        address = self.symbols.address("init_task")
        if address is None:
            raise DebugError("This kernel's symbols have no init_task: a System.map or vmlinux would tell")
        return address

    async def tasks(self) -> list[Task]:
        kernel = await self._look()
        layout = await self.layout()
        found = await read_tasks(kernel.memory, await self._init_task(), layout)
        if not found.whole:  # it may have changed while it was read
            found = await read_tasks(kernel.memory, await self._init_task(), layout)
        return found.tasks

    async def current(self, registers: Mapping[str, int]) -> Task | None:
        """Whose code the CPU is at, by its registers at the moment."""
        return current_task(await self.tasks(), registers)

    async def stack(self, pid: int, limit: int = FRAMES_MAX) -> list[Frame]:
        """Where a task that does not run waits in the kernel."""
        kernel = await self.find()
        task = next((task for task in await self.tasks() if task.pid == pid), None)
        if task is None:
            raise DebugError(f"There is no task {pid}")
        if not task.registers:
            raise DebugError(f"Where {task.name} ({pid}) waits was not found in this kernel's memory")
        return await call_stack(kernel.memory, task.registers, self.symbols, limit)

    # Modules

    async def modules(self, *, symbols: bool = True) -> list[Module]:
        """Their symbols are layers of the table from then on, and those of modules that have gone are not."""
        kernel = await self._look()
        if self._modules_at is None:
            known = self.symbols.address("modules")
            self._modules_at = (
                known if known is not None else await find_list(kernel.memory, await self._init_task())
            )
        if self._modules_at is None:
            return []
        found = await read_modules(kernel.memory, self._modules_at)
        if symbols:
            await self._keep_layers(kernel, found)
        return found

    async def _keep_layers(self, kernel: Kernel, modules: list[Module]) -> None:
        for module in [module for module in self._layers if module not in modules]:
            await self.symbols.remove(self._layers.pop(module))
        for module in modules:
            if module in self._layers or not module.size:
                continue
            rows = await module_symbols(kernel.memory, module)
            if rows is not None:
                layer = SymbolFile(module.name, rows, module.base, module.base + module.size)
                layer.exidx = await module_unwind_table(kernel.memory, module)
                self._layers[module] = layer
                self.symbols.add_own(layer)

    # The log

    async def log(self, limit: int | None = None) -> list[LogLine]:
        """Its last lines, the oldest first."""
        kernel = await self._look()
        pointer = kernel.notes.symbols.get("prb") or self.symbols.address("prb")
        ring = await kernel.memory.word(pointer) if pointer is not None else None
        if ring is None:
            raise DebugError(
                "This kernel does not tell where its log is: it is older than 5.10, or has no crash notes"
            )
        lines = await read_log(kernel.memory, ring, kernel.notes.layout)
        return lines if limit is None else lines[-limit:] if limit > 0 else []


__all__ = ["LAYER", "LinuxView"]
