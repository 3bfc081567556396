"""Phones without a guest: profiles with made-up spaces, and what is live where."""

import random
import shutil
import threading
from pathlib import Path

from machines import Machine

from pocketvisor.errors import MigrationError
from pocketvisor.migration import lease
from pocketvisor.migration.departure import Departure
from pocketvisor.migration.greeting import call
from pocketvisor.migration.lease import Peer, State
from pocketvisor.migration.leases import Leases
from pocketvisor.migration.link import Link
from pocketvisor.migration.peers import shown_fingerprint
from pocketvisor.migration.receive import Receiver
from pocketvisor.migration.settling import settled
from pocketvisor.migration.shelf import Shelf
from pocketvisor.policies.act import Act
from pocketvisor.policies.doors import check_file
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import NewKeys

CHUNK = 4096


class World:
    """What runs, where, and whether there ever were two."""

    def __init__(self) -> None:
        self.live: set[str] = set()
        self.two = False

    def runs(self, where: str) -> None:
        self.live.add(where)
        self.two |= len(self.live) > 1

    def stands(self, where: str) -> None:
        self.live.discard(where)


class MemoryStore:
    """A ledger's leases, quick; `broken` fails writes."""

    def __init__(self) -> None:
        self.records: dict[bytes, bytes] = {}
        self.broken = False
        self._lock = threading.Lock()

    def lease(self, profile: bytes) -> bytes | None:
        return self.records.get(profile)

    def swap_lease(self, profile: bytes, expected: bytes | None, new: bytes | None) -> bool:
        if self.broken:
            raise MigrationError("The ledger cannot be written")
        with self._lock:
            if self.records.get(profile) != expected:
                return False
            if new is None:
                del self.records[profile]
            else:
                self.records[profile] = new
        return True

    def leases(self) -> dict[bytes, bytes]:
        return dict(self.records)


class Phone:
    """A MovingGuest whose RAM is some bytes that change all the time."""

    def __init__(
        self,
        world: World,
        path: Path,
        *,
        chunks: int = 4,
        rounds: int = 1,
        text: bool = False,
        keys: NewKeys | None = None,
    ) -> None:
        """`text`: its pages are small when they are packed."""
        self.world = world
        self.name = "Work"
        self.ram_mib = 16
        self.key = ""
        self.runs = True
        self.said = ""
        self.random = random.Random(1)
        self.text = text
        self.ram = [self.page() for _ in range(chunks)]
        self.file = ProfileFile.create(path, keys)
        self.paused = self.ended = False
        self.changes_each = [chunks // 2] * rounds
        self.save("snapshot")
        world.runs("here")

    def page(self) -> bytes:
        return self.random.randbytes(16) * (CHUNK // 16) if self.text else self.random.randbytes(CHUNK)

    def save(self, kind: str = "move") -> int:
        head = self.file.head
        before = self.file.manifest(head).space("ram") if head else None
        with self.file.begin(head) as saving:
            ram = saving.space("ram", len(self.ram) * CHUNK, CHUNK, before, None, lambda at: self.ram[at])
            return saving.commit(kind=kind, spaces=[ram]).number  # type: ignore[arg-type]

    def change(self, chunks: int) -> None:
        for _ in range(chunks):
            self.ram[self.random.randrange(len(self.ram))] = self.page()

    def may_leave(self, peer: Peer) -> None:
        check_file(self.file, Act.MOVE, to=shown_fingerprint(peer.fingerprint))

    async def take_generation(self) -> int | None:
        self.change(self.changes_each.pop(0) if self.changes_each else 0)
        return self.save()

    async def last_generation_paused(self) -> int:
        self.world.stands("here")
        self.paused = True
        self.change(1)
        return self.save()

    async def go_on(self) -> None:
        self.paused = False
        self.world.runs("here")

    async def end(self) -> None:
        assert self.paused
        self.ended = True

    def unknown(self, sentence: str) -> None:
        self.said = sentence

    @property
    def running(self) -> bool:
        return "here" in self.world.live


class Recorded(Phone):
    """As a Phone, with its generations made before: a move costs little."""

    steps: list[int]
    last: int

    @classmethod
    def copied(cls, world: World, template: Phone, path: Path) -> "Recorded":
        shutil.copyfile(template.file.path, path)
        phone = cls.opened(world, path)
        phone.ram = template.ram
        world.runs("here")
        return phone

    @classmethod
    def opened(cls, world: World, path: Path) -> "Recorded":
        phone = cls.__new__(cls)
        phone.world = world
        phone.name, phone.ram_mib, phone.key = "Work", 16, ""
        phone.runs, phone.said = True, ""
        phone.file = ProfileFile.open(path)
        phone.paused = phone.ended = False
        moves = [each.number for each in phone.file.generations() if each.kind == "move"]
        *phone.steps, phone.last = moves
        return phone

    async def take_generation(self) -> int | None:
        return self.steps.pop(0) if self.steps else self.last

    async def last_generation_paused(self) -> int:
        self.world.stands("here")
        self.paused = True
        return self.last


class Guest:
    def __init__(self, landing: "FakeLanding", path: Path, generation: int) -> None:
        self._landing = landing
        self.path = path
        self.generation = generation

    async def go_on(self) -> None:
        self._landing.world.runs(self._landing.where)
        self._landing.ran.append(self)
        if self._landing.fails_at == "go on":
            raise MigrationError("It cannot run after all")

    async def end(self) -> None:
        self._landing.ended += 1


class FakeLanding:
    def __init__(self, world: World, where: str = "there") -> None:
        self.world = world
        self.where = where
        self.fails_at = ""
        self.ran: list[Guest] = []
        self.prepared = 0
        self.ended = 0
        self.keys: list[str | None] = []

    async def check(self, name: str, ram_mib: int) -> None:
        if self.fails_at == "check":
            raise MigrationError(f"There is no room for {name} and its {ram_mib} MiB")

    async def prepare(self, path: Path, generation: int, key: str | None, runs: bool) -> Guest:
        if self.fails_at == "prepare":
            raise MigrationError("It cannot run there")
        self.prepared += 1
        self.keys.append(key)
        return Guest(self, path, generation)


class Move:
    """A phone here, a receiver there, and everything that one can look at."""

    def __init__(self, here: Machine, there: Machine, phone: Phone, *, paired: bool = False) -> None:
        if not paired:
            here.trust(there)
        self.here, self.there, self.phone = here, there, phone
        self.world = phone.world
        self.here_store, self.there_store = MemoryStore(), MemoryStore()
        self.leases = Leases(self.here_store)
        self.address = ""
        self._begin_receiver()

    def _begin_receiver(self) -> None:
        self.landing = FakeLanding(self.world)
        self.receiver = Receiver(
            Leases(self.there_store),
            self.landing,
            Shelf(self.there.folder / "profiles"),
            told=self.there.told.append,
        )

    async def listen(self) -> str:
        self.address = await self.there.listen(session=lambda link: self.receiver.session(link))
        return self.address

    async def close(self) -> None:
        await self.there.close()
        await self.receiver.close()
        self.phone.file.close()

    async def connect(self, address: str | None = None) -> Link:
        return await call(address or self.address, self.here.identity, self.here.peers)

    def departure(self, address: str | None = None) -> Departure:
        departure = Departure(self.phone, self.phone.file, self.leases, lambda: self.connect(address))
        departure.patience = 0.0
        return departure

    async def kill_receiver(self) -> None:
        """Only what is durable is left; what it took runs again when somebody asks, or its user starts it."""
        profile = self.phone.file.id
        assert self.there.listener is not None
        port = int(self.address.rpartition(":")[2])
        await self.there.silence()
        self.world.stands("there")
        self._begin_receiver()
        await self.there.listen(session=lambda link: self.receiver.session(link), port=port)
        record = Leases(self.there_store).get(profile)
        if record is not None and record.state is State.OWNER:
            self.world.runs("there")

    def kill_source(self) -> None:
        self.world.stands("here")
        self.phone.file.close()

    async def begin_source(self, address: str) -> None:
        """Its program starts again: the user wants the phone to go on, wherever it is."""
        self.phone.file = ProfileFile.open(self.phone.file.path)
        profile = self.phone.file.id
        record = self.leases.get(profile)
        if record is not None and record.state in (State.COMMITTING, State.UNKNOWN):
            record = await settled(self.leases, profile, lambda: self.connect(address))
        if lease.may_run(record):
            self.phone.paused = False
            self.world.runs("here")

    def state(self) -> tuple[str, str]:
        """Of both leases."""
        profile = self.phone.file.id
        records = (self.leases.get(profile), Leases(self.there_store).get(profile))
        here, there = (record.state.value if record is not None else "none" for record in records)
        return here, there

    def arrived(self) -> ProfileFile:
        path = Shelf(self.there.folder / "profiles").find(self.phone.file.id)
        assert path is not None
        return ProfileFile.open(path)

    def check_arrived(self) -> None:
        """What is there is what the phone had when it stood still."""
        with self.arrived() as file:
            head = file.head
            assert head == self.phone.file.head
            space = file.manifest(head).space("ram")
            assert space is not None
            assert file.reader(space).read(0, space.size) == b"".join(self.phone.ram)
            assert file.verify() == []
