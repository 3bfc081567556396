"""Breakpoints and watchpoints of one guest, and the decision whether one that was hit really stops.

Plain data: the debugger brings those that are enabled to the guest's process, and asks decides() when the
guest has stopped at one. A condition that cannot be evaluated stops, and says why in `problem`: a breakpoint
that silently never stops would be worse.

Left out: thread-specific stops, commands that run at a stop.
"""

from collections.abc import Callable, Iterator
from typing import Annotated, Final

from msgspec import Meta, Struct, structs

from pocketvisor.control.debug_messages import STOP_KINDS as KINDS
from pocketvisor.control.debug_messages import STOPS_MAX, Hit
from pocketvisor.control.debug_messages import StopKind as Kind
from pocketvisor.debug.expression import Context, Expression
from pocketvisor.errors import DebugError

WATCHED_MAX: Final = 1 << 20
"""Bytes of one watchpoint."""
_IGNORE_MAX: Final = 1 << 32


class Stop(Struct, kw_only=True):
    """A breakpoint (kind "execute") or a watchpoint."""

    id: int
    kind: Kind
    address: int
    size: int
    physical: bool = False
    condition: Annotated[str, Meta(max_length=1000)] = ""
    ignore: int = 0
    """So many hits are still to be passed."""
    hits: int = 0
    enabled: bool = True
    temporary: bool = False
    """Gone once it has stopped."""
    origin: str = "user"
    """Who made it: "user", "gdb", or a part of the program that needs one for a moment."""
    place: str = ""
    """What was typed for the address: a symbol, for instance."""
    problem: str = ""
    """Why its condition could not be evaluated the last time."""

    @property
    def watches(self) -> bool:
        return self.kind != "execute"

    @property
    def end(self) -> int:
        return self.address + self.size

    def described(self) -> str:
        """In a few words."""
        where = f"{'physical ' if self.physical else ''}{self.address:#010x}"
        if self.place and self.place.lower() != f"{self.address:#x}":
            where += f" ({self.place})"
        if not self.watches:
            return f"breakpoint at {where}"
        how = {"write": "writes to", "read": "reads of", "access": "accesses to"}[self.kind]
        return f"watchpoint for {how} {self.size} bytes at {where}"


class StopList:
    """All of them. Callbacks of on_change() hear of every change, by whomever."""

    def __init__(self) -> None:
        self._stops: dict[int, Stop] = {}
        self._conditions: dict[int, Expression] = {}
        self._next_id = 1
        self._callbacks: list[Callable[[], None]] = []
        self.reached: tuple[Stop, ...] = ()
        """Those that made the last decides() stop."""

    def __iter__(self) -> Iterator[Stop]:
        return iter(tuple(self._stops.values()))

    def __len__(self) -> int:
        return len(self._stops)

    def get(self, number: int) -> Stop:
        """Raises DebugError."""
        try:
            return self._stops[number]
        except KeyError:
            raise DebugError(f"There is no breakpoint {number}") from None

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Answers what ends it."""
        self._callbacks.append(callback)

        def unsubscribe() -> None:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

        return unsubscribe

    # Changes

    def add(
        self,
        kind: Kind,
        address: int,
        size: int | None = None,
        *,
        physical: bool = False,
        condition: str = "",
        ignore: int = 0,
        enabled: bool = True,
        temporary: bool = False,
        origin: str = "user",
        place: str = "",
    ) -> Stop:
        """A breakpoint's address may be that of a Thumb function, with bit 0 set. Raises DebugError."""
        if len(self._stops) >= STOPS_MAX:
            raise DebugError(f"There are {STOPS_MAX} breakpoints and watchpoints already")
        stop = Stop(
            id=self._next_id,
            kind=kind,
            address=address,
            size=size if size is not None else 4,
            physical=physical,
            condition=condition.strip(),
            ignore=ignore,
            enabled=enabled,
            temporary=temporary,
            origin=origin,
            place=place,
        )
        if kind == "execute":
            stop.address, stop.size = address & ~1, 2 if size == 2 or address & 1 else 4
        self._check(stop)
        self._next_id += 1
        self._stops[stop.id] = stop
        self._changed()
        return stop

    def change(
        self,
        number: int,
        *,
        address: int | None = None,
        size: int | None = None,
        condition: str | None = None,
        ignore: int | None = None,
        enabled: bool | None = None,
        hits: int | None = None,
    ) -> Stop:
        """Those that are None stay as they are. Raises DebugError, and changes nothing then."""
        stop = self.get(number)
        given = {
            "address": address,
            "size": size,
            "condition": condition.strip() if condition is not None else None,
            "ignore": ignore,
            "enabled": enabled,
            "hits": hits,
        }
        fields = {name: value for name, value in given.items() if value is not None}
        if stop.kind == "execute" and address is not None:
            fields["address"] = address & ~1
        self._check(structs.replace(stop, **fields))
        for name, value in fields.items():
            setattr(stop, name, value)
        if condition is not None:
            stop.problem = ""
            self._conditions.pop(number, None)
        self._changed()
        return stop

    def remove(self, number: int) -> None:
        """Raises DebugError where there is none."""
        self.get(number)
        self._drop(number)
        self._changed()

    def clear(self, origin: str | None = None) -> None:
        """Removes all, or those that one origin made."""
        gone = [stop.id for stop in self._stops.values() if origin is None or stop.origin == origin]
        for number in gone:
            self._drop(number)
        if gone:
            self._changed()

    def toggle(self, address: int, *, thumb: bool = False) -> Stop | None:
        """What a click beside a line does: the user's breakpoint there is removed, or made, and given."""
        there = [
            stop.id
            for stop in self._stops.values()
            if stop.kind == "execute" and stop.address == address & ~1 and stop.origin == "user"
        ]
        for number in there:
            self._drop(number)
        if there:
            self._changed()
            return None
        return self.add("execute", address, 2 if thumb or address & 1 else 4)

    # For the debugger and the panes

    def active(self) -> list[Stop]:
        """What the guest's process has to know of."""
        return [stop for stop in self._stops.values() if stop.enabled]

    def at(self, address: int) -> list[Stop]:
        """Breakpoints on the instruction there, enabled or not."""
        return [
            stop
            for stop in self._stops.values()
            if stop.kind == "execute" and not stop.physical and stop.address == address & ~1
        ]

    async def decides(self, hit: Hit, context: Context, *, count: bool = True) -> bool:
        """Whether the guest stays stopped. All stops at that place count their hits, not just the one that
        the engine names. Without `count` (in a replay, which may pass the same place many times) nothing
        changes: hits and ignored hits stay as they are, and a temporary one stays."""
        reached, changed = [], False
        for stop in self._met(hit):
            problem = ""
            try:
                holds = await self._holds(stop, context)
            except DebugError as error:
                holds, problem = True, str(error)
            if self._stops.get(stop.id) is not stop or not stop.enabled:
                continue  # it went while its condition was looked at
            if problem != stop.problem:
                stop.problem, changed = problem, True
            if not holds:
                continue
            if count:
                changed = True
                stop.hits += 1
                if stop.ignore > 0:
                    stop.ignore -= 1
                    continue
                if stop.temporary:
                    self._drop(stop.id)
            reached.append(stop)
        self.reached = tuple(reached)
        if changed:
            self._changed()
        return bool(reached)

    def _met(self, hit: Hit) -> list[Stop]:
        named = self._stops.get(hit.id)
        met = []
        for stop in self.active():
            if stop is named:
                met.append(stop)
            elif stop.kind == "execute":
                if named is None or not named.watches:
                    same = not stop.physical if named is None else stop.physical == named.physical
                    address = named.address if named is not None else hit.pc
                    if same and stop.address == address:
                        met.append(stop)
            elif hit.size and named is not None and stop.physical == named.physical:
                fits = stop.kind == "access" or (stop.kind == "write") == hit.write
                if fits and stop.address < hit.address + hit.size and hit.address < stop.end:
                    met.append(stop)
        return met

    async def _holds(self, stop: Stop, context: Context) -> bool:
        if not stop.condition:
            return True
        expression = self._conditions.get(stop.id)
        if expression is None or expression.text != stop.condition:
            expression = self._conditions[stop.id] = Expression(stop.condition)
        return bool(await expression.value(context))

    def _check(self, stop: Stop) -> None:
        if stop.kind not in KINDS:
            raise DebugError(f"'{stop.kind}' is none of {', '.join(KINDS)}")
        if not 0 <= stop.address <= 0xFFFF_FFFF:
            raise DebugError(f"{stop.address:#x} is no address of 32 bits")
        if not 1 <= stop.size <= WATCHED_MAX:
            raise DebugError(f"A watchpoint is for 1 to {WATCHED_MAX} bytes, not {stop.size}")
        if stop.end > 1 << 32:
            raise DebugError(f"{stop.size} bytes at {stop.address:#x} go beyond the end of memory")
        if not 0 <= stop.ignore <= _IGNORE_MAX:
            raise DebugError(f"{stop.ignore} hits cannot be ignored")
        if stop.condition:
            Expression(stop.condition)

    def _drop(self, number: int) -> None:
        del self._stops[number]
        self._conditions.pop(number, None)

    def _changed(self) -> None:
        for callback in tuple(self._callbacks):
            callback()


__all__ = ["KINDS", "STOPS_MAX", "WATCHED_MAX", "Hit", "Kind", "Stop", "StopList"]
