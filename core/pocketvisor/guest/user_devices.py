"""A user's own devices on the handset's side: what is in their files is found out by a process that can do
nothing else (`python -m pocketvisor.guest.user_devices`, the file on its standard input)."""

import asyncio
import os
import resource
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

import pocketvisor
from pocketvisor.board.config import DevicesConfig
from pocketvisor.board.map import USER_DEVICES_MAX
from pocketvisor.devices.user_device import SOURCE_MAX, UserDevice, UserDeviceError, describe, preload
from pocketvisor.errors import ImageError
from pocketvisor.to_the_end import to_the_end

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest

_SECONDS: Final = 10
_MEMORY: Final = 1 << 30
_ANSWER_MAX: Final = 1 << 20


class Answer(msgspec.Struct):
    device: UserDevice | None = None
    problem: str = ""


class UserDevices:
    """Those of one guest. They are read once: a file that is changed counts from the next start on."""

    descriptors: Sequence[int] = ()

    def __init__(self, devices: tuple[UserDevice, ...]) -> None:
        self._devices = devices

    def configure(self, devices: DevicesConfig) -> DevicesConfig:
        return msgspec.structs.replace(devices, user=self._devices)

    def ended(self) -> None:
        pass

    async def close(self) -> None:
        pass


async def open_user_devices(guest: "Guest", progress: Callable[[str], None]) -> UserDevices | None:
    origin = guest.options.origin
    if origin is not None:
        saved = origin.record.board.devices.user
        return UserDevices(saved) if saved else None
    paths = guest.options.devices
    if not paths:
        return None
    if len(paths) > USER_DEVICES_MAX:
        raise ImageError(f"A guest has at most {USER_DEVICES_MAX} devices of one's own, not {len(paths)}")
    found: dict[str, UserDevice] = {}
    for path in paths:
        progress(f"Reading {path.name}")
        device = await read_user_device(path)
        if device.name in found:
            raise ImageError(f"{path}: there is a device '{device.name}' already")
        found[device.name] = device
    return UserDevices(tuple(found.values()))


async def read_user_device(path: Path) -> UserDevice:
    """Raises ImageError with the file's name."""
    source = await asyncio.to_thread(_read, path)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-P", "-m", "pocketvisor.guest.user_devices", path.name),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PYTHONPATH": _python_path(), "LANG": "C.UTF-8"},
        cwd="/",
    )
    try:
        async with asyncio.timeout(_SECONDS):
            out, _ = await process.communicate(source)
        answer = msgspec.msgpack.decode(out[:_ANSWER_MAX], type=Answer)
    except TimeoutError:
        raise ImageError(f"{path}: does not come to an end when it is read") from None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise ImageError(f"{path}: its process ended without an answer") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await to_the_end(asyncio.ensure_future(process.wait()))
    if answer.device is None:
        raise ImageError(f"{path}: is no device: {answer.problem}")
    return answer.device


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            source = file.read(SOURCE_MAX + 1)
    except OSError as error:
        raise ImageError(f"{path}: cannot be read: {error.strerror}") from error
    if len(source) > SOURCE_MAX:
        raise ImageError(f"{path}: is larger than {SOURCE_MAX >> 10} KiB, so it is no device")
    return source


def _python_path() -> str:
    own = str(Path(pocketvisor.__file__).parent.parent)
    others = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return os.pathsep.join([own, *(os.path.abspath(entry) for entry in others if entry)])


def main() -> None:
    from pocketvisor.guest import sandbox
    from pocketvisor.guest.confine import confine

    source = sys.stdin.buffer.read(SOURCE_MAX + 1)
    answer, output = Answer(), os.dup(1)
    preload()
    os.dup2(2, 1)  # what the file prints is not the answer
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    confine(os.getppid())
    sandbox.enter()
    try:
        answer.device = describe(source.decode(), sys.argv[1])
    except UnicodeDecodeError:
        answer.problem = "it is not text"
    except UserDeviceError as error:
        answer.problem = str(error)[:500]
    os.write(output, msgspec.msgpack.encode(answer))


if __name__ == "__main__":
    main()
