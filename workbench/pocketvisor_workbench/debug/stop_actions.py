"""What panes do with breakpoints and watchpoints; what is refused is shown."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pocketvisor.errors import DebugError

if TYPE_CHECKING:
    from pocketvisor.debug.stops import Kind, StopList
    from pocketvisor_workbench.debug.inspector import Inspector


class StopActions:
    """On those of the guest that is looked into."""

    def __init__(self, inspector: "Inspector") -> None:
        self._inspector = inspector

    def toggle(self, address: int, *, thumb: bool = False) -> None:
        self._try(lambda stops: stops.toggle(address, thumb=thumb))

    def add(self, kind: "Kind", address: int, size: int, *, physical: bool = False, place: str = "") -> None:
        length = None if kind == "execute" else size
        self._try(lambda stops: stops.add(kind, address, length, physical=physical, place=place))

    def change(self, number: int, changes: dict[str, Any]) -> None:
        self._try(lambda stops: stops.change(number, **changes))

    def remove(self, number: int) -> None:
        self._try(lambda stops: stops.remove(number))

    def _try(self, change: "Callable[[StopList], object]") -> None:
        inspector = self._inspector
        if inspector.debugger is None:
            return
        try:
            change(inspector.debugger.stops)
        except DebugError as error:
            inspector.session.log.error(error, inspector.debugger.guest.name)

    def by_address(self) -> dict[int, str]:
        """Breakpoints for a gutter: on, off, or with a condition."""
        debugger = self._inspector.debugger
        if debugger is None:
            return {}
        return {
            stop.address: "off" if not stop.enabled else "condition" if stop.condition else "on"
            for stop in debugger.stops
            if not stop.watches and not stop.physical and not stop.temporary
        }
