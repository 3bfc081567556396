"""What a story is: steps with their captions. A script of the user's own names steps, and says them anew.

[[step]]
do = "attack"                 # one of STEPS
title = "Under attack"        # optional
words = "Ten thousand tries." # optional
seconds = 8                   # optional: how long it is looked at when it is through
"""

import tomllib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta, Struct

from pocketvisor.errors import PocketvisorError

if TYPE_CHECKING:
    from pocketvisor_workbench.demo.scene import Scene

SCRIPT_MAX: Final = 64 << 10


class StoryError(PocketvisorError):
    """A script of a demonstration cannot be used, or a step did not do what it tells of."""


@dataclass(frozen=True)
class Step:
    """`do` plays it and answers what came of it, in a sentence; it raises where the story is not true.
    `seconds`: how long the spectator looks at it then. `needs`: steps that have to be before it."""

    ident: str
    title: str
    words: str
    do: "Callable[[Scene], Awaitable[str]]"
    seconds: float = 5.0
    needs: tuple[str, ...] = ()


class _Said(Struct, forbid_unknown_fields=True):
    do: str
    title: Annotated[str, Meta(max_length=80)] | None = None
    words: Annotated[str, Meta(max_length=400)] | None = None
    seconds: Annotated[float, Meta(ge=0, le=600)] | None = None


class _Script(Struct, forbid_unknown_fields=True):
    step: Annotated[list[_Said], Meta(min_length=1, max_length=100)]


def chosen(steps: Sequence[Step], names: Sequence[str]) -> list[Step]:
    """These steps in the story's order, with those that they need. Raises StoryError."""
    known = {step.ident: step for step in steps}
    wanted: set[str] = set()

    def want(name: str) -> None:
        if name not in wanted:
            wanted.add(name)
            for needed in _known(known, name).needs:
                want(needed)

    for name in names:
        want(name)
    return [step for step in steps if step.ident in wanted]


def read_script(path: Path, steps: Sequence[Step]) -> list[Step]:
    """Raises StoryError with the file's name and what is wrong."""
    try:
        with path.open("rb") as file:
            content = file.read(SCRIPT_MAX + 1)
        if len(content) > SCRIPT_MAX:
            raise StoryError(f"{path}: is longer than {SCRIPT_MAX >> 10} KiB: that is no script")
        script = msgspec.convert(tomllib.loads(content.decode()), _Script)
        known = {step.ident: step for step in steps}
        told = [_said(known, said) for said in script.step]
    except OSError as error:
        raise StoryError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise StoryError(f"{path}: is no TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise StoryError(f"{path}: {error}") from error
    before: set[str] = set()
    for step in told:
        missing = [name for name in step.needs if name not in before]
        if missing:
            raise StoryError(f"{path}: '{step.ident}' needs '{missing[0]}' before it")
        before.add(step.ident)
    return told


def _said(known: Mapping[str, Step], said: _Said) -> Step:
    step = _known(known, said.do)
    return replace(
        step,
        title=step.title if said.title is None else said.title,
        words=step.words if said.words is None else said.words,
        seconds=step.seconds if said.seconds is None else said.seconds,
    )


def _known(known: Mapping[str, Step], name: str) -> Step:
    if name not in known:
        raise StoryError(f"There is no step '{name[:40]}'; known are {', '.join(known)}")
    return known[name]
