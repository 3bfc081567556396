"""What a run was asked for, put together from the command line."""

from pathlib import Path

from msgspec import Struct, structs

from pocketvisor.cli.held import Held
from pocketvisor.errors import GuestError, ModelError
from pocketvisor.guest.options import RunOptions
from pocketvisor.guest.port_spec import PortSpec, parse_ports
from pocketvisor.guest.script import DEFAULT_PROMPT, ScriptPlan
from pocketvisor.images.catalogue import PARTS, GuestImage, catalogue, image_from_files
from pocketvisor.images.offers import Offer
from pocketvisor.models import HandsetModel, load_model, load_models
from pocketvisor.network.spec import NetworkSpec
from pocketvisor.recording import Recording
from pocketvisor.services.workbench import find_image
from pocketvisor.storage.disk import DiskSpec


class RunPlan(Struct, frozen=True, kw_only=True):
    model: HandsetModel
    images: list[GuestImage]
    until: str | None = None
    lines: tuple[str, ...] = ()
    prompt: str | None = None
    timeout: float | None = None
    screenshot: Path | None = None
    ticks: int | None = None
    deterministic: bool = False
    rate: str | int = "model"
    record: Path | None = None
    replay: Path | None = None
    digest: bool = False
    json: bool = False
    ram_mib: int | None = None
    display: str | None = None
    flash: Path | None = None
    semihosting: bool = False
    devices: tuple[Path, ...] = ()
    legacy_virtio: bool = False
    disks: tuple[DiskSpec, ...] = ()
    parts: tuple[str, ...] = ()
    ports: tuple[PortSpec, ...] = ()
    vsock: Path | None = None
    offers: tuple[Offer, ...] | None = None
    network: NetworkSpec | None = None
    phone: bool | None = None
    held: Held = Held()
    gdb: str | None = None
    gdb_token: str | None = None
    wait_gdb: bool = False

    @property
    def script(self) -> ScriptPlan | None:
        if not self.lines and self.until is None:
            return None
        return ScriptPlan(lines=self.lines, prompt=self.prompt or DEFAULT_PROMPT, until=self.until)

    def options(self, recording: Recording | None = None) -> RunOptions:
        """For each guest. A deterministic run is scripted within the guest's process, at exact ticks."""
        exact = self.deterministic or recording is not None
        return RunOptions(
            ram_mib=self.ram_mib,
            display=self.display,
            flash=self.flash,
            semihosting=self.semihosting,
            devices=self.devices,
            legacy_virtio=self.legacy_virtio,
            disks=self.disks,
            parts=self.parts,
            ports=self.ports,
            vsock=self.vsock,
            offers=self.offers,
            network=self.network,
            rate=self.rate,
            deterministic=self.deterministic,
            record=self.record is not None,
            replay=recording,
            tick_limit=self.ticks,
            skip_idle=exact and self.rate == "max",
            script=self.script if self.deterministic and recording is None else None,
            paused=self.wait_gdb,
            phone=True if self.phone is None and self.held.given else self.phone,
            restart_on_reset=not exact and self.record is None,
        )


def parse_rate(text: str) -> str | int | None:
    """None where it is none."""
    if text in ("model", "max"):
        return text
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 20000:
        return int(text)
    return None


def chosen_model(name: str) -> HandsetModel:
    """By id, or from a file. Raises ModelError."""
    if name.endswith(".toml") or "/" in name:
        return load_model(name)
    models = load_models()
    if name in models:
        return models[name]
    for model in models.values():
        if model.name.casefold() == name.casefold():
            return model
    raise ModelError(f"There is no handset model '{name}'; known are {', '.join(models)}")


def chosen_parts(parts: list[str], ports: list[str]) -> tuple[tuple[str, ...], tuple[PortSpec, ...]]:
    """Raises GuestError with the sentence to show."""
    for part in parts:
        if part not in PARTS:
            raise GuestError(f"--part: '{part}' is none of {', '.join(PARTS)}")
    return tuple(parts), parse_ports(ports)


def chosen_images(
    names: list[str],
    *,
    kernel: Path | None,
    elf: Path | None,
    firmware: Path | None,
    initrd: Path | None,
    dtb: Path | None,
    append: str | None,
    ram: int | None,
) -> list[GuestImage]:
    """Guests of the catalogue, then the one from files. Raises ImageError, GuestError."""
    known = catalogue(on_problem=lambda _: None) if names else {}
    images = [find_image(known, name) for name in names]
    if append is not None:
        images = [structs.replace(image, append=append) for image in images]
    if kernel is not None or elf is not None or firmware is not None:
        images.append(
            image_from_files(
                kernel=kernel,
                elf=elf,
                firmware=firmware,
                initrd=initrd,
                dtb=dtb,
                append=append or "",
                ram_mib=ram or 256,
            )
        )
    return images
