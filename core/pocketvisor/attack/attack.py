"""Runs the attack on a handset: a hostile guest beside another guest, kind after kind.

It starts a hostile guest and removes it afterwards, and without a victim a small phone. However it ends, what
it started is gone then, and a guest that was there before runs on as it did. While memory is attacked the
victim stands still, so that each byte of it can be compared; while the handset is, it runs.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from msgspec import structs

from pocketvisor.attack import secret
from pocketvisor.attack.attacker import Attacker, asked
from pocketvisor.attack.kinds import Run, Way, chosen
from pocketvisor.attack.lies import Watched, lie
from pocketvisor.attack.neighbour import (
    Neighbour,
    Service,
    compared,
    served_effects,
    shared_descriptors,
    worse,
)
from pocketvisor.attack.probes.tally import Told
from pocketvisor.attack.sheet import Effect, Kind, Outcome, Progress, ScoreSheet, SecretSearch
from pocketvisor.control.isolation import Isolation
from pocketvisor.errors import GuestError, PocketvisorError
from pocketvisor.guest.guest import Guest
from pocketvisor.handset import Handset
from pocketvisor.scheduler.scheduler import PERIOD

Tell = Callable[[Progress], None]

_MODE_SECONDS: Final = 1.2
_LOAD_SECONDS: Final = 1.0
_TRIES: Final = 3
_OVER: Final = 1.15
"""A guest that ran this much more than its due has taken it from somebody."""


class Attack:
    """`kinds`: which ones, by name; all of kinds.KINDS if none are named."""

    def __init__(self, handset: Handset, *, victim: Guest | None = None, kinds: Sequence[str] = ()) -> None:
        """Raises GuestError where there is no such kind."""
        self.handset = handset
        self.victim = victim
        self.attacker: Guest | None = None
        """While it runs: its own hostile guest, also in handset.guests."""
        runs = chosen(kinds)
        # First those for which the neighbour runs, then those for which it stands still.
        self._runs = sorted(runs, key=lambda run: run.way is not Way.LOAD)
        self.kinds: tuple[Kind, ...] = tuple(run.kind for run in self._runs)
        self._outcomes: list[Outcome] = []
        self._before = self._worst = Service(None, None)
        self._hostile: Attacker | None = None
        self._done = 0
        self._tell: Tell = lambda _: None

    async def run(self, progress: Tell = lambda _: None) -> ScoreSheet:
        """Cancel the task that waits here to end it early. Raises PocketvisorError where it cannot begin."""
        begun, self._tell = time.monotonic(), progress
        self._say("A hostile guest starts")
        neighbour: Neighbour | None = None
        attacker: Attacker | None = None
        front = self.handset.foreground
        try:
            if self.victim is None:
                neighbour = await Neighbour.start(self.handset, on_guest=self._keep_victim)
            else:
                neighbour = Neighbour.of(self.victim, self.handset)
            attacker = self._hostile = await Attacker.start(self.handset, on_guest=self._keep_attacker)
            return await self._attack(attacker, neighbour, begun)
        finally:
            if attacker is not None:
                await asyncio.shield(attacker.remove())
            if neighbour is not None:
                await asyncio.shield(neighbour.leave())
            if front is not None and front in self.handset.guests:
                self.handset.set_foreground(front)
            self.attacker = None

    def _keep_victim(self, guest: Guest) -> None:
        self.victim = guest

    def _keep_attacker(self, guest: Guest) -> None:
        self.attacker = guest

    async def _attack(self, attacker: Attacker, neighbour: Neighbour, begun: float) -> ScoreSheet:
        isolation: Isolation | None = attacker.guest.isolation
        quiet = [run for run in self._runs if run.way is not Way.LOAD]
        loads = [run for run in self._runs if run.way is Way.LOAD]
        effects: list[Effect] = []
        planted = secret.planted() if neighbour.own else []
        victim = neighbour.guest
        samples = await victim.with_memory(lambda _: secret.samples(victim))
        samples = await attacker.guest.with_memory(lambda _: secret.strange_to(attacker.guest, samples))
        if loads and neighbour.runs:
            self._before = self._worst = await neighbour.usually_served()
            for run in loads:
                await self._one(run, lambda run=run: self._load(run, attacker, neighbour))  # type: ignore[misc]
            effects += served_effects(self._before, self._worst)
        await neighbour.stand_still()
        try:
            if neighbour.own:
                await victim.with_memory(lambda _: secret.put(victim, planted))
            wanted = await victim.with_memory(lambda _: secret.held(victim, [*planted, *samples]))
            before = await neighbour.held()
            with Watched(self.handset) as watched:
                for run in quiet:
                    await self._one(run, lambda run=run: self._quiet(run, attacker, neighbour, watched))  # type: ignore[misc]
            self._say("The neighbour is looked at")
            effects += compared(before, await neighbour.held())
            both = await asyncio.to_thread(shared_descriptors, attacker.guest.pid, neighbour.guest.pid)
            apart = "none in common"
            effects.append(Effect("descriptors", apart, ", ".join(both) or apart, not both))
            self._say("Its secrets are searched for")
            search = await attacker.guest.with_memory(lambda _: secret.search(attacker.guest, wanted))
        finally:
            await asyncio.shield(neighbour.go_on())
        return self._sheet(attacker, neighbour, isolation, effects, search, begun)

    def _sheet(
        self,
        attacker: Attacker,
        neighbour: Neighbour,
        isolation: Isolation | None,
        effects: list[Effect],
        search: SecretSearch,
        begun: float,
    ) -> ScoreSheet:
        return ScoreSheet(
            handset=self.handset.name,
            attacker=attacker.guest.name,
            victim=neighbour.guest.name,
            isolation=isolation,
            outcomes=tuple(self._outcomes),
            effects=tuple(effects),
            secrets=search,
            seconds=time.monotonic() - begun,
        )

    async def _one(self, run: Run, work: Callable[[], Any]) -> None:
        self._say(run.kind.title, run.kind)
        begun = time.monotonic()
        try:
            told: Told = await work()
        except TimeoutError as error:
            told = Told(run.kind.name, sentence=str(error))
        except PocketvisorError as error:
            told = Told(run.kind.name, sentence=str(error))
            await self._recover()
        outcome = Outcome(
            run.kind,
            told.attempts,
            told.reached,
            told.stopped_by,
            told.sentence,
            time.monotonic() - begun,
        )
        self._outcomes.append(outcome)
        self._done += 1
        self._say(run.kind.title, run.kind, outcome)

    async def _recover(self) -> None:
        """A hostile guest that does not answer: the next kind has a fresh one."""
        if self._hostile is not None:
            await self._hostile.anew()

    def _say(self, words: str, kind: Kind | None = None, latest: Outcome | None = None) -> None:
        self._tell(Progress(self._done, len(self._runs), words, kind, latest))

    async def _quiet(self, run: Run, attacker: Attacker, neighbour: Neighbour, watched: "Watched") -> Told:
        name = run.kind.name
        if run.way is Way.SUITE:
            return await attacker.suite(name)
        if run.way is Way.MODE:
            return await self._mode(run, attacker, neighbour)
        isolation = attacker.guest.isolation
        if name == "system-calls" and (isolation is None or not isolation.calls_allowed):
            raise GuestError("There is no filter here, and some system calls would do harm: none was made")
        others = [neighbour.guest.pid, *watched.others]
        if run.way is Way.PROBE:
            return await attacker.probe(run.command, name, asked(name, others))
        return await lie(name, attacker, watched)

    async def _mode(self, run: Run, attacker: Attacker, neighbour: Neighbour) -> Told:
        """A mode that may well end its own guest: what it has done to its neighbour is what counts."""
        name = run.kind.name
        before = await neighbour.held()
        attempts = max(await attacker.mode(run.command, _MODE_SECONDS), 1)
        changed = [effect.name for effect in compared(before, await neighbour.held()) if not effect.unchanged]
        await attacker.anew()
        if changed:
            return Told(name, attempts, len(changed), {}, f"its neighbour's {', '.join(changed)} changed")
        return Told(name, attempts, 0, {"stayed in its own process": attempts})

    async def _load(self, run: Run, attacker: Attacker, neighbour: Neighbour) -> Told:
        """What it takes from its neighbour, measured again where something else may have been the reason."""
        name = run.kind.name
        await attacker.mode(run.command, 0.2)
        begun, sentence = time.monotonic(), ""
        best: Service | None = None
        for _ in range(_TRIES):
            took = _Took(self.handset, attacker.guest)
            service = await neighbour.served(_LOAD_SECONDS)
            sentence = worse(self._before, service) or took.sentence()
            best = service if best is None or not sentence else best
            if not sentence:
                break
        self._remember(best or Service(None, None))
        # Each time that instructions were handed out it wanted more than its share.
        attempts = int((time.monotonic() - begun) / PERIOD)
        await attacker.anew()
        if sentence:
            return Told(name, attempts, 1, {}, sentence)
        return Told(name, attempts, 0, {"within its share": attempts})

    def _remember(self, service: Service) -> None:
        """The worst of all, frames and answers each."""
        worst = self._worst
        if (service.frames or 0.0) > (worst.frames or 0.0):
            service = structs.replace(service, frames=worst.frames, elsewhere=worst.elsewhere)
        answers = [value for value in (worst.answer_seconds, service.answer_seconds) if value is not None]
        self._worst = structs.replace(service, answer_seconds=max(answers, default=None))


class _Took:
    """What a guest took of its handset, from here on."""

    def __init__(self, handset: Handset, guest: Guest) -> None:
        self._total = handset.model.mips * 1_000_000
        self._guest = guest
        self._others = [other for other in handset.guests if other is not guest]
        self._begun = time.monotonic()
        self._ticks = guest.ticks
        self._used = self._sum()

    def _sum(self) -> int:
        return sum(other.ticks for other in self._others)

    def sentence(self) -> str:
        """Empty where that is no more than the others left to it."""
        # The time last: who waits for a processor in between is not to count for less than it is.
        took, used = self._guest.ticks - self._ticks, self._sum() - self._used
        elapsed = time.monotonic() - self._begun
        due = max(self._total * elapsed - used, self._total * elapsed / (len(self._others) + 1))
        if took > due * _OVER:
            return f"it ran {took / elapsed / 1e6:.0f} MIPS, and {due / elapsed / 1e6:.0f} were left to it"
        if self._guest.counters().ram_bytes > self._guest.ram_mib << 20:
            return f"it took {self._guest.counters().ram_bytes >> 20} MiB of memory"
        return ""
