"""Plays a story in the window: a caption for each step, buttons to hold, skip and end it."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QObject, Signal

from pocketvisor.errors import PocketvisorError
from pocketvisor_workbench.demo.scene import Scene
from pocketvisor_workbench.demo.story import Step

READ_SECONDS = 2.0
"""A caption is read before what it tells of begins."""
STEP_SECONDS = 300.0
"""What takes longer than this has failed."""


class Outcome(StrEnum):
    DONE = "done"
    FAILED = "failed"
    LEFT = "left"


@dataclass(frozen=True)
class Played:
    """How one step went; `sentence`: what came of it, or why it failed."""

    step: Step
    outcome: Outcome
    sentence: str
    seconds: float


class Player(QObject):
    """One telling. It ends by itself, by stop(), or at the first step that fails."""

    step_began = Signal(object, int)
    step_ended = Signal(object)
    ended = Signal()

    def __init__(
        self, scene: Scene, steps: Sequence[Step], tell: Callable[[Played], None] | None = None
    ) -> None:
        super().__init__()
        self.scene = scene
        self.pace = scene.pace
        self.steps = list(steps)
        self.played: list[Played] = []
        self._tell = tell
        self._task: asyncio.Task[None] | None = None

    @property
    def failed(self) -> bool:
        return any(played.outcome is Outcome.FAILED for played in self.played)

    async def play(self) -> list[Played]:
        """All steps, up to one that fails or stop(). The scene's things are put away at its end."""
        self._task = asyncio.ensure_future(self._play())
        try:
            await self._task
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                self._task.cancel()
                raise
        finally:
            await self.scene.close()
            self.ended.emit()
        return self.played

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _play(self) -> None:
        for number, step in enumerate(self.steps):
            self.pace.new_step()
            self.step_began.emit(step, number)
            began = time.monotonic()
            outcome, sentence = Outcome.LEFT, "The story was ended"
            try:
                await self.pace.breathe(READ_SECONDS)
                async with asyncio.timeout(STEP_SECONDS + 600 * self.pace.held):
                    sentence = await step.do(self.scene)
                outcome = Outcome.DONE
            except TimeoutError as error:
                outcome = Outcome.FAILED
                sentence = str(error) or f"It was not through within {STEP_SECONDS:.0f} s"
            except PocketvisorError as error:
                outcome, sentence = Outcome.FAILED, str(error)
            except Exception as error:
                outcome, sentence = Outcome.FAILED, f"Something went wrong: {error!r}"
            finally:
                played = Played(step, outcome, sentence, time.monotonic() - began)
                self.played.append(played)
                self.step_ended.emit(played)
                if self._tell is not None:
                    self._tell(played)
            await self.pace.breathe(step.seconds)
            if outcome is Outcome.FAILED:
                return
