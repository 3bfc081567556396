"""Commands on the selected guest's past."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pocketvisor.policies.act import Act
from pocketvisor_workbench.commands.command import Ask, command
from pocketvisor_workbench.timeline.filmstrip import SECOND

if TYPE_CHECKING:
    from pocketvisor_workbench.timeline.times import GuestTime
    from pocketvisor_workbench.window import Window

MENU = "Time"


def _if(holds: "Callable[[GuestTime], bool]") -> Ask:
    def ask(window: "Window") -> bool:
        time = window.time_desk.time
        return time is not None and holds(time)

    return ask


_has_past = _if(lambda time: time.has_past)
_in_past = _if(lambda time: time.in_past)


def _do(window: "Window", work: "Callable[[GuestTime], None]") -> None:
    time = window.time_desk.time
    if time is not None:
        work(time)


@command(
    "time.record",
    "Record",
    menu=MENU,
    picture="record-circle-outline",
    shortcut="Ctrl+Shift+R",
    enabled=_if(lambda time: time.recording or time.can_record),
    checked=_if(lambda time: time.recording),
    act=Act.RECORD,
)
def record(window: "Window") -> None:
    _do(window, lambda time: time.toggle_recording())


@command(
    "time.begin",
    "To the recording's begin",
    menu=MENU,
    picture="skip-backward",
    shortcut="Ctrl+Shift+Home",
    enabled=_has_past,
)
def begin(window: "Window") -> None:
    _do(window, lambda time: time.go_to(time.begin_ns))


@command(
    "time.back",
    "A second back",
    menu=MENU,
    picture="rewind",
    shortcut="Ctrl+Shift+PgUp",
    enabled=_has_past,
)
def back(window: "Window") -> None:
    _do(window, lambda time: time.step(-SECOND))


@command(
    "time.forward",
    "A second on",
    menu=MENU,
    picture="fast-forward",
    shortcut="Ctrl+Shift+PgDown",
    enabled=_in_past,
)
def forward(window: "Window") -> None:
    _do(window, lambda time: time.step(SECOND))


@command(
    "time.run",
    "Run forward from here",
    menu=MENU,
    picture="play",
    shortcut="Ctrl+Shift+F",
    enabled=_in_past,
    checked=_if(lambda time: time.runs_forward),
)
def run(window: "Window") -> None:
    _do(window, lambda time: time.toggle_running())


@command(
    "time.present",
    "Back to now",
    menu=MENU,
    picture="skip-forward",
    shortcut="Ctrl+Shift+End",
    enabled=_in_past,
)
def present(window: "Window") -> None:
    _do(window, lambda time: time.present())


@command(
    "time.branch",
    "Branch from here…",
    menu=MENU,
    picture="source-branch",
    shortcut="Ctrl+Shift+B",
    enabled=_in_past,
    act=Act.CLONE,
)
def branch(window: "Window") -> None:
    _do(window, lambda time: window.time_desk.ask_branch(time.guest))


@command(
    "time.keep",
    "Keep the recording in the profile",
    menu=MENU,
    picture="content-save-outline",
    enabled=_if(lambda time: time.can_keep),
    act=Act.RECORD,
)
def keep(window: "Window") -> None:
    _do(window, lambda time: time.keep())


@command(
    "time.export",
    "Export the recording…",
    menu=MENU,
    picture="export-variant",
    enabled=_has_past,
    act=Act.EXPORT,
)
def export(window: "Window") -> None:
    window.time_desk.ask_export()


COMMANDS = (record, begin, back, forward, run, present, branch, keep, export)
