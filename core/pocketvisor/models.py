"""Handset models: the phones that guests can be put on, one TOML file each.

A model's file holds the public figures of a real phone and nothing of the board: every guest sees the
same Cortex-A9 board, and the model's CPU sets the rate alone. `mips` is the rate of one core, the clock
times the core's Dhrystone MIPS per MHz, since a guest has one vCPU.

A phone of 256 MiB holds two sample guests (64 MiB each), or one Debian (192 MiB at least, 256 MiB by
default); two Debians want a phone of 512 MiB.

Left out: cameras and storage; of the sensors each handset has an accelerometer and a GPS receiver.
"""

import re
import tomllib
from collections.abc import Callable
from importlib.resources import files
from importlib.resources.abc import Traversable
from math import hypot
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from platformdirs import user_config_path

from pocketvisor.errors import ModelError

KEY_NAMES = (
    "power",
    "volume-up",
    "volume-down",
    "home",
    "back",
    "menu",
    "search",
    "camera",
    "call",
    "end",
    "mute",
)
"""The hardware keys that a model may name; at most eight of them, one for each line of the key GPIO."""

_LARGEST_FILE = 64 * 1024
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,47}")

_Name = Annotated[str, Meta(min_length=1, max_length=64)]
_Colour = Annotated[str, Meta(pattern="^#[0-9a-fA-F]{6}$")]


class Panel(Struct, frozen=True, forbid_unknown_fields=True):
    """The screen, in portrait: width and height in pixels, the diagonal in inches."""

    width: Annotated[int, Meta(ge=240, le=1080)]
    height: Annotated[int, Meta(ge=320, le=1920)]
    inches: Annotated[float, Meta(ge=1.0, le=8.0)]


class HandsetModel(Struct, frozen=True, forbid_unknown_fields=True):
    """A phone to emulate; `sources` names the publications that the figures are taken from."""

    id: Annotated[str, Meta(pattern=f"^{_ID.pattern}$")]
    name: _Name
    maker: _Name
    year: Annotated[int, Meta(ge=1990, le=2100)]
    cpu: _Name
    clock_mhz: Annotated[int, Meta(ge=50, le=4000)]
    mips: Annotated[int, Meta(ge=10, le=20000)]
    ram_mib: Annotated[int, Meta(ge=64, le=2048)]
    panel: Panel
    battery_mah: Annotated[int, Meta(ge=100, le=20000)]
    radios: Annotated[tuple[_Name, ...], Meta(max_length=16)]
    keys: Annotated[tuple[_Name, ...], Meta(min_length=1, max_length=8)]
    body: _Colour
    sources: Annotated[tuple[Annotated[str, Meta(min_length=4, max_length=200)], ...], Meta(min_length=1)]
    cores: Annotated[int, Meta(ge=1, le=8)] = 1

    @property
    def ppi(self) -> float:
        """Pixels per inch, from the diagonal."""
        return hypot(self.panel.width, self.panel.height) / self.panel.inches


def user_models_path() -> Path:
    """Where a user's own models are looked for."""
    return user_config_path("pocketvisor") / "handsets"


def load_model(path: str | Path) -> HandsetModel:
    """The model in one file, its id being the file's name; ModelError names the file and the field."""
    path = Path(path)
    return _load(path, str(path), path.stem)


def load_models(on_problem: Callable[[ModelError], None] | None = None) -> dict[str, HandsetModel]:
    """All models by id, by year and name; a user's file replaces the one of the same id that came along.

    A user's file that is wrong raises, or is handed to `on_problem` and left out.
    """
    found: dict[str, HandsetModel] = {}
    shipped = files("pocketvisor.resources").joinpath("handsets")
    for entry in sorted(shipped.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".toml"):
            found[entry.name[:-5]] = _load(entry, entry.name, entry.name[:-5])
    own = user_models_path()
    for path in sorted(own.glob("*.toml")) if own.is_dir() else ():
        try:
            found[path.stem] = load_model(path)
        except ModelError as problem:
            if on_problem is None:
                raise
            on_problem(problem)
    return dict(sorted(found.items(), key=lambda item: (item[1].year, item[1].name)))


def _load(file: Path | Traversable, shown: str, model_id: str) -> HandsetModel:
    if not _ID.fullmatch(model_id):
        raise ModelError(
            f"{shown}: the file's name is the model's id and may hold small letters, digits and '-' only"
        )
    try:
        with file.open("rb") as stream:
            text = stream.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise ModelError(f"{shown}: cannot be read: {error.strerror}") from error
    if len(text) > _LARGEST_FILE:
        raise ModelError(f"{shown}: is larger than {_LARGEST_FILE // 1024} KiB, so it is no handset model")
    try:
        fields: dict[str, Any] = tomllib.loads(text.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{shown}: is no TOML file: {error}") from error
    if "id" in fields:
        raise ModelError(f"{shown}: id: is the file's name, leave it out")
    try:
        model = msgspec.convert({**fields, "id": model_id}, HandsetModel, strict=True)
    except msgspec.ValidationError as error:
        raise ModelError(f"{shown}: {field_sentence(str(error))}") from error
    _check(model, shown)
    return model


def _check(model: HandsetModel, shown: str) -> None:
    """What a type cannot say."""
    if model.panel.width > model.panel.height:
        raise ModelError(f"{shown}: panel: give it in portrait, the width being the smaller side")
    if model.panel.width % 2:
        raise ModelError(f"{shown}: panel.width: must be even")
    if "power" not in model.keys:
        raise ModelError(f"{shown}: keys: a handset has a 'power' key")
    for key in model.keys:
        if key not in KEY_NAMES:
            raise ModelError(f"{shown}: keys: '{key}' is unknown, known are {', '.join(KEY_NAMES)}")
    if len(set(model.keys)) != len(model.keys):
        raise ModelError(f"{shown}: keys: a key is named twice")


def field_sentence(message: str) -> str:
    """msgspec's "Expected `int`, got `str` - at `$.panel.width`" as "panel.width: expected int, got str"."""
    text, _, place = message.partition(" - at ")
    text = text.replace("`", "")
    unknown = re.fullmatch(r"Object contains unknown field (.*)", text)
    missing = re.fullmatch(r"Object missing required field (.*)", text)
    field = place.strip("`").removeprefix("$").removeprefix(".")
    if unknown or missing:
        name = (unknown or missing)[1]  # type: ignore[index]
        field = f"{field}.{name}" if field else name
        text = "is no field that is known here" if unknown else "is missing"
    else:
        text = text[:1].lower() + text[1:]
    return f"{field}: {text}" if field else text
