"""A guest with disks at its prompt."""

from typing import Any

from pocketvisor.api import Guest, GuestImage, Handset, RunOptions

BOOT_SECONDS = 300
PROMPT = r"^debian:/root# "


class Shell:
    """A guest at its prompt."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self.notes: list[str] = []
        guest.on("event", self.notes.append)

    async def ready(self) -> "Shell":
        await self.guest.console.expect(PROMPT, BOOT_SECONDS)
        self.guest.console.write(b"stty -echo; dmesg -n 1\r")
        await self.guest.console.expect("dmesg -n 1", BOOT_SECONDS)
        await self.guest.console.expect(PROMPT, BOOT_SECONDS)
        return self

    async def run(self, command: str, seconds: float = 120) -> str:
        """What it answers, and its exit code in a last line."""
        start = len(self.guest.console.text)
        self.guest.console.write(f"{command}; echo =$?=\r".encode())
        await self.guest.console.expect(r"=\d+=", seconds)
        await self.guest.console.expect(PROMPT, seconds)
        answer = self.guest.console.text[start:].decode(errors="replace").replace("\r", "")
        return answer.partition("debian:")[0]

    async def good(self, command: str) -> str:
        answer = await self.run(command)
        assert answer.endswith("=0=\n"), answer
        return answer.removesuffix("=0=\n")


async def begin(phone: Handset, image: GuestImage, **options: Any) -> Shell:
    guest = await phone.start(image, options=RunOptions(rate="max", **options))
    return await Shell(guest).ready()


async def mount(shell: Shell) -> None:
    await shell.good("modprobe ext4 && mount -t ext4 /dev/vda /mnt 2>/dev/null || mkdir -p /mnt")
    await shell.good("grep -q /mnt /proc/mounts || mount -t ext4 /dev/vda /mnt")
