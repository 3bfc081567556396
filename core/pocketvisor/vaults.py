"""The user's vaults: where copies of generations go, and bringing them there as they are made.

Their addresses are in the user's data folder, for this user alone: an address may hold a password.
"""

import asyncio
import os
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct
from platformdirs import user_data_path

from pocketvisor.errors import PocketvisorError, ProfileError
from pocketvisor.guest.guest import Guest
from pocketvisor.policies.act import Act
from pocketvisor.policies.doors import check_file
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.vault import Vault
from pocketvisor.profile.vault.store import without_secrets

ADDRESSES_MAX: Final = 16
UNASKED_KEPT: Final = 50
"""Generations that stay in a vault besides those that the profile still has by the user's wish."""
_PRUNED_EVERY: Final = 10
_FILE_MAX: Final = 1 << 20

Progress = Callable[[str, float | None], None]
Address = Annotated[str, Meta(min_length=1, max_length=4096)]


class _Settings(Struct, forbid_unknown_fields=True):
    vaults: Annotated[list[Address], Meta(max_length=ADDRESSES_MAX)] = []


class CopyReport(Struct, frozen=True, kw_only=True):
    """What was brought to a vault: the generations that it had not, and how many bytes travelled."""

    vault: str
    generations: tuple[int, ...]
    bytes: int


def vault_addresses() -> list[str]:
    """A folder's path or a URL each, in the order in which they were added. Raises ProfileError."""
    path = _path()
    try:
        with path.open("rb") as file:
            content = file.read(_FILE_MAX)
        return msgspec.json.decode(content, type=_Settings).vaults
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ProfileError(f"{path}: cannot be read: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ProfileError(f"{path}: holds no list of vaults: {error}") from error


def add_vault(address: str) -> str:
    """As it is kept. Raises ProfileError for one that no vault can be at."""
    address = _absolute(address)
    Vault(address)
    known = vault_addresses()
    if address not in known:
        if len(known) >= ADDRESSES_MAX:
            raise ProfileError(f"There are {ADDRESSES_MAX} vaults already: remove one first")
        _write([*known, address])
    return address


def remove_vault(address: str) -> None:
    """What was copied to it stays there. Raises ProfileError."""
    _write([each for each in vault_addresses() if each != chosen_vault(address)])


def first_vault() -> str:
    """That of a window, which has one; empty for none. Raises ProfileError."""
    return next(iter(vault_addresses()), "")


def set_first_vault(address: str) -> None:
    """In the place of the one that was first; empty for none. Raises ProfileError."""
    others = vault_addresses()[1:]
    if address:
        address = _absolute(address)
        Vault(address)
    others = [each for each in others if each != address]
    _write([address, *others] if address else others)


def chosen_vault(address: str | None) -> str:
    """By its address or how it is shown; the only one where none is said. Raises ProfileError."""
    known = vault_addresses()
    if address is not None:
        absolute = _absolute(address)
        shown = [each for each in known if address in (without_secrets(each), each)]
        return absolute if absolute in known or not shown else shown[0]
    if not known:
        raise ProfileError("There is no vault: 'pocketvisor vault add' with a folder or a URL makes one")
    if len(known) > 1:
        names = ", ".join(without_secrets(each) for each in known)
        raise ProfileError(f"There are several vaults ({names}): say which")
    return known[0]


def copy_missing(
    address: str,
    file: ProfileFile,
    *,
    newest: bool = False,
    progress: Progress = lambda words, done: None,
    stop: threading.Event | None = None,
) -> CopyReport:
    """Brings an unlocked profile's generations to a vault, the newest first; what is there does not travel.
    `newest`: that one alone. Now and then the oldest of those that nobody asked for leave the vault. Blocks.
    Raises ProfileError, Refused."""
    check_file(file, Act.EXPORT, to=without_secrets(address))
    vault = Vault(address)
    numbers = sorted((each.number for each in file.generations() if not each.damaged), reverse=True)
    if newest:
        numbers = numbers[:1]
    copied, count = [], 0
    for number in numbers:
        words = f"Copying generation {number}"
        report = vault.copy(
            file,
            number,
            progress=_saying(words, progress),
            cancelled=stop.is_set if stop is not None else None,
        )
        if report.chunks:
            copied.append(number)
        count += report.bytes
    if numbers:
        thin(vault, file)
    return CopyReport(vault=vault.shown, generations=tuple(copied), bytes=count)


def thin(vault: Vault, file: ProfileFile) -> None:
    """Now and then, after a copy: the oldest generations leave the vault, but for those that the profile has
    by its user's wish. Blocks. Raises ProfileError."""
    if file.last % _PRUNED_EVERY == 0:
        asked_for = (each.number for each in file.generations() if each.kind not in ("autosave", "move"))
        vault.prune(file.id, UNASKED_KEPT, protect=asked_for)


class VaultCopier:
    """Brings each generation of a guest to the vaults, in the background and while it runs on. What fails is
    told once, and tried again with the next generation."""

    def __init__(self, guest: Guest, addresses: list[str], on_problem: Callable[[str], None]) -> None:
        self._guest = guest
        self._addresses = addresses
        self._on_problem = on_problem
        self._problems: dict[str, str] = {}
        self._copied: dict[str, int] = {}
        self._wanted = asyncio.Event()
        self._idle = asyncio.Event()
        self._stop = threading.Event()
        self._forget = guest.on("profile", self._changed)
        self._task = asyncio.create_task(self._work())
        self._changed()

    async def finish(self) -> None:
        """Waits until the newest generation is copied, or could not be."""
        self._changed()
        await self._idle.wait()

    async def close(self) -> None:
        """What is not copied yet stays away; a vault is never left half written."""
        self._forget()
        self._stop.set()
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    def _changed(self, *_: object) -> None:
        profile = self._guest.profile
        if profile is not None and profile.generation and self._addresses:
            self._idle.clear()
            self._wanted.set()
        else:
            self._idle.set()

    async def _work(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            profile = self._guest.profile
            if profile is not None:
                for address in self._addresses:
                    if self._copied.get(address, 0) < profile.generation:
                        await self._copy(address, profile.file, profile.generation)
            if not self._wanted.is_set():
                self._idle.set()

    async def _copy(self, address: str, file: ProfileFile, number: int) -> None:
        if why := self._guest.allows(Act.EXPORT, to=without_secrets(address)):
            self._tell(address, f"{self._guest.name} is not copied to {without_secrets(address)}: {why}")
            return
        copying = asyncio.ensure_future(
            asyncio.to_thread(copy_missing, address, file, newest=address in self._copied, stop=self._stop)
        )
        try:
            await asyncio.shield(copying)
            self._copied[address] = number
            self._problems.pop(address, None)
        except asyncio.CancelledError:
            self._stop.set()
            await asyncio.wait([copying])
            raise
        except PocketvisorError as error:
            self._tell(address, f"{self._guest.name} was not copied to {without_secrets(address)}: {error}")

    def _tell(self, address: str, sentence: str) -> None:
        if self._problems.get(address) != sentence:
            self._problems[address] = sentence
            self._on_problem(sentence)


def _saying(words: str, progress: Progress) -> Progress:
    progress(words, None)
    return lambda _, done: progress(words, done)


def _absolute(address: str) -> str:
    """Raises ProfileError where it is no text."""
    if any("\ud800" <= letter <= "\udfff" for letter in address):
        raise ProfileError(f"{address!r} is no text in UTF-8: no list of vaults can keep it")
    return address if "://" in address else os.fspath(Path(address).expanduser().absolute())


def _path() -> Path:
    return user_data_path("pocketvisor") / "vaults.json"


def _write(addresses: list[str]) -> None:
    path = _path()
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(fd, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(_Settings(addresses))))
            file.flush()
            os.fsync(fd)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise ProfileError(f"{path}: cannot be written: {error.strerror}") from error
