"""Ways around a policy, by kind: what a user with time and wit would try. test_bypass.py makes all of them
on a governed phone, where none may succeed, and on one that nobody governs, where all have to: an attempt
that cannot succeed at all shows nothing.

An attempt is a function of a scene that gives True where it got what the policy forbids. What it is refused
with ends it; so does anything else that the product says in a sentence.
"""

import asyncio
import multiprocessing
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bypass_child import run_command
from policy_kit import IT

from pocketvisor.control.server import call
from pocketvisor.errors import PocketvisorError
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import GuestState
from pocketvisor.handset import Handset
from pocketvisor.models import load_models
from pocketvisor.policies.applying import deliver
from pocketvisor.policies.authority import AuthorityKey
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile_copies import export

NOTHING = """
[clipboard]
direction = "none"
files_in = false
[screen]
screenshots = false
recording = false
[network]
mode = "off"
[phone]
camera = false
location = false
[debugger]
allowed = false
console = false
[export]
allowed = "no"
clone = false
[services]
allowed = false
"""

LOCK = "# the phone is locked by an order"

COMMANDS = multiprocessing.get_context("forkserver")
COMMANDS.set_forkserver_preload(  # by names that need no path of the tests': it has none
    [f"pocketvisor.cli.{verb}" for verb in ("clipboard", "debug", "move", "network", "operations", "policy")]
    + [f"pocketvisor.{later}" for later in ("cli.profile", "cli.vault", "profile_copies", "vaults", "api")]
)


class Ran:
    def __init__(self, code: int, out: str) -> None:
        self.code, self.out = code, out


@dataclass
class Scene:
    """A phone in a file; a guest of it where a kind wants one."""

    folder: Path
    governed: bool
    it: IT
    user: IT
    """Its user, who has a key as well, and can make policies like anybody."""
    path: Path
    profile: bytes
    passphrase: str | None = None
    handset: Handset | None = None
    other: Handset | None = None
    one: Guest | None = None
    held: dict[str, Any] = field(default_factory=dict)
    """What the user had before the policy came."""
    said: str = ""
    """By the command line, the last time."""
    _count: int = 0

    @property
    def guest(self) -> Guest:
        assert self.one is not None
        return self.one

    def new(self, name: str) -> Path:
        """A name that nothing has yet."""
        self._count += 1
        return self.folder / f"{self._count}-{name}"

    def deliver(self, document: bytes, *, file: bool = True) -> None:
        if not file:
            deliver(document, self.profile)
            return
        with ProfileFile.open(self.path) as opened:
            deliver(document, self.profile, file=opened)

    async def command(self, *arguments: object, **environment: str) -> Ran:
        """The command line, in a process of its own."""
        words = [str(each) for each in arguments]
        ran = Ran(*await asyncio.to_thread(self._command, words, environment))
        self.said = ran.out
        return ran

    def _command(self, arguments: list[str], environment: dict[str, str]) -> tuple[int, str]:
        hears, says = COMMANDS.Pipe(duplex=False)
        whole = {**{name: os.environ[name] for name in _PASSED if name in os.environ}, **environment}
        child = COMMANDS.Process(target=run_command, args=(arguments, whole, says))
        child.start()
        says.close()
        try:
            code, out = hears.recv() if hears.poll(60) else (1, "no answer")
        except EOFError:
            code, out = 1, "it ended without a word"
        child.kill()
        child.join()
        return code, out

    async def asks(self, request: Any) -> Any:
        """Through the socket of the open workbench."""
        return await call(request)

    def can_export(self, path: Path | None = None) -> bool:
        """What the attempts on files are after: a copy of the phone."""
        target = self.new("copy.vphone")
        export(path or self.path, target, lambda words, done: None)
        return target.exists()

    async def tidy(self) -> None:
        """After an attempt that succeeded: the guest runs alone and undisturbed."""
        if self.one is None or self.handset is None:
            return
        for guest in [*self.handset.guests, *(self.other.guests if self.other is not None else ())]:
            if guest is not self.one:
                await guest.handset.remove(guest)
        if self.one.has_debugger and self.one.debugger.timeline.in_past:
            await self.one.debugger.timeline.present()
        if self.one.state is GuestState.PAUSED:
            await self.one.resume()


_PASSED = ("XDG_DATA_HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "TZ", "PYTHONTZPATH")

Attempt = Callable[[Scene], Awaitable[bool]]


@dataclass
class Kind:
    """`sections` of the policy; `before` is what the user did before it came."""

    name: str
    sections: str = NOTHING
    header: str = ""
    guest: bool = False
    network: bool = False
    """Whether the guest has a card."""
    clock: bool = False
    """Its time is turned by hand; ten hours after the policy came it begins."""
    passphrase: str | None = None
    before: Callable[[Scene], Awaitable[None]] | None = None
    attempts: list[tuple[str, Attempt]] = field(default_factory=list)


KINDS: dict[str, Kind] = {}


def kind(name: str, **given: Any) -> Kind:
    assert name not in KINDS
    KINDS[name] = Kind(name, **given)
    return KINDS[name]


def attempt(of: Kind, name: str) -> Callable[[Attempt], Attempt]:
    def entered(function: Attempt) -> Attempt:
        of.attempts.append((name, function))
        return function

    return entered


def tries(of: Kind, **attempts: Callable[[Scene], Any]) -> None:
    """Several short ones; words of the name are parted by underscores. What they give is True or a thing."""
    for name, call_ in attempts.items():

        async def made(scene: Scene, own: Callable[[Scene], Any] = call_) -> bool:
            value = own(scene)
            if asyncio.iscoroutine(value):
                value = await value
            return bool(value)

        of.attempts.append((name.replace("_", " "), made))


async def succeeded(scene: Scene, own: Attempt) -> tuple[bool, str]:
    """Whether it got what it was after, and the sentence that it met instead."""
    scene.said = ""
    try:
        return await own(scene), scene.said
    except (PocketvisorError, OSError, TimeoutError) as error:
        return False, f"{type(error).__name__}: {error}"


def user_it(folder: Path, clock: Any) -> IT:
    return IT(folder, AuthorityKey.new(), clock)


def handset(model: str = "palm-pre", name: str | None = None) -> Handset:
    return Handset(load_models()[model], name=name) if name else Handset(load_models()[model])
