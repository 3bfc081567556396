"""The machine's own apt client, made to fetch packages of another architecture for us alone.

It reads the machine's configuration, sources and keys, and writes only below a folder of ours: lists, cache
and an empty list of what is installed. So it needs no rights, changes nothing on the machine, and apt itself
checks the signatures and every package's digest. What was downloaded stays, and is not downloaded again.

Left out: installing anything, and sources of our own.
"""

import asyncio
import hashlib
import os
import re
import shutil
import signal
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, NamedTuple
from urllib.parse import unquote

from pocketvisor.errors import ImageError, MissingImage
from pocketvisor.to_the_end import to_the_end

Progress = Callable[[str, float], None]
"""Called with a sentence and how much is done, from 0 to 1."""

_PACKAGE = re.compile(r"'[^']*' (?P<file>\S+) (?P<size>\d+) SHA256:(?P<sha256>[0-9a-f]{64})")
_STATUS = re.compile(rb"dlstatus:\d+:(?P<percent>[\d.]+):")
_LAST_SECONDS: Final = 10.0
"""For apt to end by itself when it is told to."""

# Read after the machine's own files: hooks there are for the machine's own updates.
_CONFIGURATION = """\
#clear APT::Architectures;
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
Acquire::AllowInsecureRepositories "false";
APT::Get::AllowUnauthenticated "false";
APT::Sandbox::User "root";
"""


class Package(NamedTuple):
    """A package as the sources offer it."""

    name: str
    file: str
    size: int
    sha256: str


class Apt:
    """apt for one foreign architecture, in a folder of ours."""

    def __init__(self, folder: Path, architecture: str) -> None:
        self._folder = folder
        self.packages = folder / "packages"
        self._architecture = architecture
        self._configuration = folder / "apt.conf"
        self._state = folder / "state"
        try:
            for path in (self.packages, folder / "archives" / "partial", self._state / "lists" / "partial"):
                path.mkdir(parents=True, exist_ok=True)
            self._configuration.write_text(_CONFIGURATION)
            (self._state / "status").write_bytes(b"")
        except OSError as error:
            raise ImageError(f"{error.filename}: cannot be written: {error.strerror}") from error
        self._options = [
            f"-c={self._configuration}",
            f"-oAPT::Architecture={architecture}",
            f"-oAPT::Architectures::={architecture}",
            f"-oDir::State={self._state}",
            f"-oDir::State::status={self._state / 'status'}",
            f"-oDir::Cache={folder}",
            f"-oDir::Cache::archives={folder / 'archives'}",
            f"-oDir::Log={folder}",
        ]
        self._complaint = ""

    @staticmethod
    def present() -> bool:
        return all(shutil.which(program) for program in ("apt-get", "apt-cache", "apt-config", "dpkg-deb"))

    async def update(self, progress: Progress) -> None:
        """Fetch the sources' lists of packages. A source that fails is left out, as apt does it."""
        sentence = "Reading the lists of packages"
        progress(sentence, 0.0)
        arguments = ["update", *await self._other_lists()]
        code, _, complaint = await self._run(
            "apt-get", *arguments, progress=lambda done: progress(sentence, done)
        )
        self._complaint = complaint if code else ""

    async def names(self, prefix: str) -> list[str]:
        """The names of packages that start so."""
        _, output, _ = await self._run("apt-cache", "pkgnames", prefix)
        return output.split()

    async def sources(self) -> str:
        """Where packages come from, a line for each list of them: site, release, component."""
        wanted = ("indextargets", "--format", "$(SITE) $(CODENAME) $(COMPONENT)", "Created-By: Packages")
        _, output, _ = await self._run("apt-get", *wanted)
        return output

    async def needed_by(self, name: str) -> list[str]:
        """The packages that the candidate of this name depends on."""
        code, output, complaint = await self._run("apt-cache", "--important", "depends", name)
        if code:
            raise self._unknown([name], complaint)
        lines = [line.strip() for line in output.splitlines()]
        return [line.removeprefix("Depends: ") for line in lines if line.startswith("Depends: ")]

    async def closure(self, names: list[str]) -> list[str]:
        """These packages and all that they depend on, recommended ones left out."""
        options = ("--simulate", "--yes", "-oAPT::Install-Recommends=false")
        code, output, complaint = await self._run("apt-get", *options, "install", *names)
        if code:
            raise self._unknown(names, complaint)
        lines = [line.split() for line in output.splitlines() if line.startswith("Inst ")]
        return [line[1].partition(":")[0] for line in lines]

    async def find(self, names: list[str]) -> list[Package]:
        """These packages, in the version that apt would install."""
        code, output, complaint = await self._run("apt-get", "download", "--print-uris", *names)
        if code:
            raise self._unknown(names, complaint)
        found = []
        for match in _PACKAGE.finditer(output):
            name = unquote(match["file"]).partition("_")[0]
            found.append(Package(name, match["file"], int(match["size"]), match["sha256"]))
        if sorted(package.name for package in found) != sorted(names):
            raise self._unknown(names, complaint)
        return found

    async def download(self, packages: list[Package], progress: Progress) -> dict[str, Path]:
        """The packages' files by name; those that are here already are not fetched again."""
        paths = {package.name: self.packages / package.file for package in packages}
        total = sum(package.size for package in packages)
        absent = []
        for package in packages:
            if not await asyncio.to_thread(_is_whole, paths[package.name], package):
                paths[package.name].unlink(missing_ok=True)
                absent.append(package)
        if absent:
            here = total - sum(package.size for package in absent)

            def report(done: float) -> None:
                size = here + done * (total - here)
                progress(f"Downloading packages: {size / 1e6:.1f} of {total / 1e6:.1f} MB", size / total)

            report(0.0)
            arguments = ["download", *(package.name for package in absent)]
            code, _, complaint = await self._run("apt-get", *arguments, progress=report, into=self.packages)
            for package in absent:
                if code or not await asyncio.to_thread(_is_whole, paths[package.name], package):
                    paths[package.name].unlink(missing_ok=True)
                    raise ImageError(
                        f"apt could not download {package.name}: {complaint or 'it gave no reason'}"
                    )
        progress(f"Downloaded {total / 1e6:.1f} MB", 1.0)
        return paths

    async def _other_lists(self) -> list[str]:
        """Options that leave out what this machine lists beside packages: sources, contents, icons."""
        _, output, _ = await self._run("apt-config", "dump", "Acquire::IndexTargets")
        targets = set(re.findall(r"Acquire::IndexTargets::(deb(?:-src)?::[^:\s]+)::MetaKey", output))
        return [
            f"-oAcquire::IndexTargets::{target}::DefaultEnabled=false"
            for target in sorted(targets - {"deb::Packages"})
        ]

    def _unknown(self, names: list[str], complaint: str) -> MissingImage:
        reason = self._complaint or complaint
        return MissingImage(
            f"The apt sources of this machine offer no {', '.join(names)} for {self._architecture}"
            + (f" ({reason})" if reason else "")
        )

    async def _run(
        self,
        program: str,
        *arguments: str,
        progress: Callable[[float], None] | None = None,
        into: Path | None = None,
    ) -> tuple[int, str, str]:
        """Exit code, output and first complaint. The program ends with us, however we end."""
        readable, writable = os.pipe()
        with os.fdopen(readable, "rb", buffering=0) as told:
            try:
                process = await asyncio.create_subprocess_exec(
                    program,
                    *self._options,
                    *(["-q=2", f"-oAPT::Status-Fd={writable}"] if progress else []),
                    *arguments,
                    stdin=DEVNULL,
                    stdout=PIPE,
                    stderr=PIPE,
                    cwd=into or self._folder,
                    env={**os.environ, "LC_ALL": "C"},
                    pass_fds=(writable,),
                    start_new_session=True,
                )
            except OSError as error:
                raise MissingImage(f"{program} cannot be started: {error.strerror}") from error
            finally:
                os.close(writable)
            status = asyncio.create_task(_follow(told, progress or (lambda done: None)))
            try:
                output, complaints = await process.communicate()
                await status
            finally:
                await to_the_end(asyncio.ensure_future(_over(process, status)))
        return process.returncode or 0, output.decode("utf-8", "replace"), _first_error(complaints)


async def _over(process: asyncio.subprocess.Process, status: "asyncio.Task[None]") -> None:
    """It has ended, and nobody follows it any more."""
    status.cancel()
    for how in (signal.SIGTERM, signal.SIGKILL):
        if process.returncode is None:
            with suppress(ProcessLookupError):  # it has, and its exit code is on its way
                os.killpg(process.pid, how)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_SECONDS):
                await process.wait()
    await process.wait()
    await asyncio.wait([status])


async def _follow(told: IO[bytes], progress: Callable[[float], None]) -> None:
    """Report apt's status lines until it closes their pipe. What apt learns of meanwhile makes it take back
    what it has said of how far it is; here it stays."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), told
    )
    most = 0.0
    try:
        async for line in reader:
            if match := _STATUS.match(line):
                most = max(most, min(float(match["percent"]) / 100, 1.0))
                progress(most)
    finally:
        transport.close()


def _first_error(complaints: bytes) -> str:
    lines = complaints.decode("utf-8", "replace").splitlines()
    return next((line.removeprefix("E: ").strip() for line in lines if line.startswith("E: ")), "")


def _is_whole(path: Path, package: Package) -> bool:
    try:
        if path.stat().st_size != package.size:
            return False
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == package.sha256
    except OSError:
        return False
