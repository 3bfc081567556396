"""What a guest is besides its memory, disks and state, as a generation of a profile keeps it.

It may come from anybody: decoded strictly, with a bound on every field, and nothing in it is a path or makes
something of this computer's reachable from outside.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta, Struct, structs

from pocketvisor.board.config import KINDS, BoardConfig, Descriptors
from pocketvisor.errors import ProfileError
from pocketvisor.images.catalogue import FILE_FIELDS, GuestImage
from pocketvisor.images.offers import OFFERS_MAX, Offer
from pocketvisor.network.spec import LOOPBACK, Forward, Mode, NetworkSpec
from pocketvisor.recording import recorded_parts
from pocketvisor.scheduler.qos import Qos

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest

BOARD_VERSION: Final = 1
"""Of the board's map and of what its devices save; higher where an older program cannot go on from it."""
_SECTOR: Final = 512

Name = Annotated[str, Meta(min_length=1, max_length=64)]
MiB = Annotated[int, Meta(ge=1, le=4096)]


class ImageRecord(Struct, frozen=True, kw_only=True):
    """What it was started from. `files`: the fields whose files are spaces of the profile, by the file's
    name."""

    id: Name
    name: Name
    kind: Annotated[str, Meta(max_length=16)]
    append: Annotated[str, Meta(max_length=2047)] = ""
    accent: Annotated[str, Meta(pattern="^#[0-9a-fA-F]{6}$")] = "#7f8c99"
    description: Annotated[str, Meta(max_length=200)] = ""
    least_ram_mib: MiB = 16
    media: bool = False
    files: Annotated[dict[str, Annotated[str, Meta(max_length=255)]], Meta(max_length=8)] = {}


class NetworkRecord(Struct, frozen=True, kw_only=True):
    mode: Mode = "none"
    switch: Annotated[str, Meta(max_length=40)] = ""
    forwards: Annotated[tuple[Forward, ...], Meta(max_length=64)] = ()
    mac: Annotated[bytes, Meta(min_length=6, max_length=6)]
    mtu: Annotated[int, Meta(ge=0, le=65535)] = 0


class DiskRecord(Struct, frozen=True, kw_only=True):
    """`disk0` and so on, in their order; the content is the space of that name."""

    size: Annotated[int, Meta(ge=_SECTOR, le=1 << 40, multiple_of=_SECTOR)]
    serial: Annotated[str, Meta(max_length=20, pattern="^[ -~]*$")] = ""
    writable: bool = True


class GuestRecord(Struct, frozen=True, kw_only=True):
    """`running`: there are RAM and a state to go on from; `paused`: it stood still then."""

    name: Name
    image: ImageRecord
    board: BoardConfig
    rate: Annotated[str, Meta(pattern="^(model|max)$")] | Annotated[int, Meta(ge=1, le=100_000)] = "model"
    restart_on_reset: bool = True
    running: bool = False
    paused: bool = False
    state_size: Annotated[int, Meta(ge=0)] = 0
    network: NetworkRecord | None = None
    disks: Annotated[tuple[DiskRecord, ...], Meta(max_length=8)] = ()
    model: Annotated[str, Meta(max_length=64)] = ""
    """The handset that it was on last."""
    qos: Qos = Qos()
    offers: Annotated[tuple[Offer, ...], Meta(max_length=OFFERS_MAX)] = ()


def record_of(
    guest: "Guest",
    board: BoardConfig,
    disks: Sequence[DiskRecord],
    *,
    without_network: bool = False,
    **fields: object,
) -> GuestRecord:
    """`without_network`: its cable is out, and it offers other guests nothing."""
    image = guest.image
    state = guest.network.state if guest.network is not None and not without_network else None
    network = None
    if state is not None and guest.network is not None:
        network = NetworkRecord(
            mode=state.mode,
            switch=state.switch,
            forwards=state.forwards,
            mac=guest.network.mac,
            mtu=board.devices.network.mtu if board.devices.network is not None else 0,
        )
    return GuestRecord(
        name=guest.name,
        image=ImageRecord(
            id=image.id[:64],
            name=image.name,
            kind=image.kind,
            append=image.append,
            accent=image.accent,
            description=image.description,
            least_ram_mib=image.least_ram_mib,
            media=image.media,
            files={field: path.name[:255] for field, path in image.files.items()},
        ),
        board=without_descriptors(board),
        rate=guest.options.rate,
        restart_on_reset=guest.options.restart_on_reset,
        network=network,
        disks=tuple(disks),
        model=guest.handset.model.id,
        qos=guest.qos,
        offers=() if without_network else tuple(guest.offers),
        **fields,  # type: ignore[arg-type]
    )


def without_descriptors(board: BoardConfig) -> BoardConfig:
    """The numbers mean nothing in another process. Disks and a medium are said elsewhere."""
    devices = board.devices
    parts = recorded_parts(devices)
    network = structs.replace(devices.network, wire=-1) if devices.network is not None else None
    vsock = structs.replace(devices.vsock, wire=-1) if devices.vsock is not None else None
    return structs.replace(
        board,
        descriptors=Descriptors(),
        fw_cfg=structs.replace(board.fw_cfg, content=-1),
        devices=structs.replace(
            devices, disks=(), media=None, network=network, console=parts.console, vsock=vsock, flash=-1
        ),
    )


def encode(record: GuestRecord) -> bytes:
    return msgspec.msgpack.encode(record)


def decode(data: bytes) -> GuestRecord:
    """Raises ProfileError."""
    try:
        record = msgspec.msgpack.decode(data, type=GuestRecord)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ProfileError(f"What the profile says of its guest makes no sense: {error}") from error
    problem = ""
    if record.image.kind not in KINDS:
        problem = f"there is no kind '{record.image.kind}'"
    elif unknown := set(record.image.files) - set(FILE_FIELDS):
        problem = f"a guest has no file '{min(unknown)}'"
    elif record.board != without_descriptors(record.board):
        problem = "its board has descriptors"
    elif record.network is not None and record.board.devices.network is None:
        problem = "it has a network and no card"
    elif record.offers and record.board.devices.vsock is None:
        problem = "it offers services and has no socket device"
    if problem:
        raise ProfileError(f"What the profile says of its guest makes no sense: {problem}")
    return record


def network_of_record(record: GuestRecord, *, attached: bool = True) -> NetworkSpec | None:
    """The card that it had, and what it was attached to; without a record of that, as for a clone, its cable
    is out. Of its forwarded ports those that this computer alone reaches: for others the user has to say so
    again."""
    card = record.board.devices.network
    if card is None:
        return None
    network = record.network if record.network is not None and attached else None
    network = network or NetworkRecord(mac=card.mac, mtu=card.mtu)
    return NetworkSpec(
        mode=network.mode,
        switch=network.switch,
        forwards=tuple(forward for forward in network.forwards if forward.address == LOOPBACK),
        mac=card.mac,
        mtu=card.mtu,
    )


def image_of(record: GuestRecord, files: dict[str, Path]) -> GuestImage:
    """The image that it is reset from. `files`: paths by field."""
    image = record.image
    return GuestImage(
        id=image.id,
        name=image.name,
        kind=image.kind,  # type: ignore[arg-type]
        append=image.append,
        accent=image.accent,
        description=image.description,
        ram_mib=record.board.ram_size >> 20,
        least_ram_mib=min(image.least_ram_mib, record.board.ram_size >> 20),
        display=record.board.devices.display,
        phone=record.board.devices.phone is not None,
        media=image.media,
        **files,  # type: ignore[arg-type]
    )
