"""From what a test writes (a name of the catalogue, or files) to an image and its options."""

from pathlib import Path
from typing import Any

import msgspec

from pocketvisor.errors import ImageError
from pocketvisor.guest.options import RunOptions
from pocketvisor.images.catalogue import GuestImage, catalogue, image_from_files

FILES = ("elf", "kernel", "firmware", "initrd", "dtb")
_IMAGE = (*FILES, "append", "kind")
_OPTIONS = frozenset(RunOptions.__struct_fields__)
START_WORDS = frozenset({*_IMAGE, *_OPTIONS, "image", "name"})
"""All that start() and the marker take, besides the marker's `model`."""


def resolve(root: Path, words: dict[str, Any]) -> tuple[GuestImage, RunOptions, str | None]:
    """(image, options, name) of start()'s words; files are looked for from pytest's root folder.

    Raises ImageError with a sentence, TypeError for a word that is none.
    """
    for word in words.keys() - START_WORDS:
        raise TypeError(f"'{word}' is nothing that a guest is started with; known are {sorted(START_WORDS)}")
    words = {word: value for word, value in words.items() if value is not None}
    options = RunOptions(**{"record": True, **{word: words[word] for word in _OPTIONS & words.keys()}})
    image = words.get("image")
    files: dict[str, Any] = {word: _path(root, words[word]) for word in FILES if word in words}
    if image is None:
        more: dict[str, Any] = {word: words[word] for word in ("append", "kind") if word in words}
        if options.ram_mib is not None:
            more["ram_mib"] = options.ram_mib
        return image_from_files(**files, **more), options, words.get("name")
    if not isinstance(image, GuestImage):
        known = catalogue(on_problem=lambda problem: None)
        if image not in known:
            raise ImageError(f"There is no guest '{image}' in the catalogue; there are {', '.join(known)}")
        image = known[image]
    changed = {**files, **{word: words[word] for word in ("append",) if word in words}}
    if changed:
        digests = {name: digest for name, digest in image.digests.items() if name not in files}
        image = msgspec.structs.replace(image, **changed, digests=digests)
    image.check()
    return image, options, words.get("name")


def _path(root: Path, value: str | Path) -> Path:
    return root / Path(value).expanduser()
