"""Commands of the debugger, on the selected guest."""

from typing import TYPE_CHECKING

from pocketvisor.policies.act import Act
from pocketvisor_workbench.commands.command import command
from pocketvisor_workbench.perspectives import Perspective

if TYPE_CHECKING:
    from pocketvisor_workbench.window import Window

MENU = "Debug"


def _runs(window: "Window") -> bool:
    inspector = window.bench.inspector
    return (
        inspector.alive and inspector.debugger is not None and not inspector.standing and not inspector.busy
    )


def _stands(window: "Window") -> bool:
    return window.bench.inspector.standing and not window.bench.inspector.busy


def _can_reverse(window: "Window") -> bool:
    return _stands(window) and window.bench.inspector.can_reverse


def _alive(window: "Window") -> bool:
    return window.bench.inspector.alive and window.bench.inspector.debugger is not None


@command(
    "debug.continue",
    "Continue",
    menu=MENU,
    picture="play",
    soft_shortcut="F5",
    enabled=_stands,
    act=Act.DEBUG,
)
def resume(window: "Window") -> None:
    window.bench.inspector.motion.resume()


@command(
    "debug.pause", "Stop here", menu=MENU, picture="pause", soft_shortcut="F6", enabled=_runs, act=Act.DEBUG
)
def pause(window: "Window") -> None:
    window.bench.inspector.motion.pause()


@command(
    "debug.step-over",
    "Step over",
    menu=MENU,
    picture="debug-step-over",
    soft_shortcut="F10",
    enabled=_stands,
    act=Act.DEBUG,
)
def step_over(window: "Window") -> None:
    window.bench.inspector.motion.step_over()


@command(
    "debug.step",
    "Step one instruction",
    menu=MENU,
    picture="debug-step-into",
    soft_shortcut="F11",
    enabled=_stands,
    act=Act.DEBUG,
)
def step(window: "Window") -> None:
    window.bench.inspector.motion.step()


@command(
    "debug.step-out",
    "Step out",
    menu=MENU,
    picture="debug-step-out",
    soft_shortcut="Shift+F11",
    enabled=_stands,
    act=Act.DEBUG,
)
def step_out(window: "Window") -> None:
    window.bench.inspector.motion.step_out()


@command(
    "debug.reverse-continue",
    "Continue backwards",
    menu=MENU,
    picture="step-backward-2",
    soft_shortcut="Alt+F5",
    enabled=_can_reverse,
    act=Act.DEBUG,
)
def reverse_resume(window: "Window") -> None:
    window.bench.inspector.motion.reverse_resume()


@command(
    "debug.reverse-step",
    "Step one instruction back",
    menu=MENU,
    picture="step-backward",
    soft_shortcut="Alt+F11",
    enabled=_can_reverse,
    act=Act.DEBUG,
)
def reverse_step(window: "Window") -> None:
    window.bench.inspector.motion.reverse_step()


@command(
    "debug.last-write",
    "Back to the last write of the selected memory",
    menu=MENU,
    picture="history",
    soft_shortcut="Alt+F9",
    enabled=_can_reverse,
    act=Act.DEBUG,
)
def last_write(window: "Window") -> None:
    window.debug_desk.last_write()


@command(
    "debug.breakpoint",
    "Breakpoint at the selected instruction",
    menu=MENU,
    picture="circle",
    soft_shortcut="F9",
    enabled=_alive,
    act=Act.DEBUG,
)
def breakpoint_(window: "Window") -> None:
    window.debug_desk.toggle_breakpoint()


@command(
    "debug.go-to-code",
    "Go to code…",
    menu=MENU,
    picture="code-braces",
    shortcut="Ctrl+Shift+F9",
    enabled=_alive,
    act=Act.DEBUG,
)
def go_to_code(window: "Window") -> None:
    window.debug_desk.ask_for_code()


@command(
    "debug.go-to-memory",
    "Go to memory…",
    menu=MENU,
    picture="memory",
    shortcut="Ctrl+Shift+F10",
    enabled=_alive,
    act=Act.DEBUG,
)
def go_to_memory(window: "Window") -> None:
    window.debug_desk.ask_for_memory()


@command("debug.gdb", "Attach gdb…", menu=MENU, picture="bug-outline", enabled=_alive, act=Act.DEBUG)
def gdb(window: "Window") -> None:
    window.debug_desk.open_gdb()


@command("debug.show", "Show the debugging panes", menu=MENU, picture="bug-outline", shortcut="Ctrl+Shift+4")
def show(window: "Window") -> None:
    window.set_perspective(Perspective.DEBUG)


COMMANDS = (
    show,
    resume,
    pause,
    step_over,
    step,
    step_out,
    reverse_resume,
    reverse_step,
    last_write,
    breakpoint_,
    go_to_code,
    go_to_memory,
    gdb,
)
