"""A guest that is half image and half work: a megabyte that nobody writes, and one that it writes to."""

import random
import struct
from pathlib import Path

from monitor import BASE, elf

from pocketvisor.images.catalogue import GuestImage, image_from_files

MIB = 1 << 20
AREA = BASE + MIB
_WORDS = (
    0xE3A00000,  # mov r0, #0
    0xE30F1FFC,  # movw r1, #0xfffc
    0xE340100F,  # movt r1, #0x000f
    0xE3A06000,  # mov r6, #0
    0xE3446030,  # movt r6, #0x4030
    0xE30A3DC7,  # movw r3, #0xadc7
    0xE3403002,  # movt r3, #2
    0xE2800001,  # add r0, r0, #1
    0xE0020390,  # mul r2, r0, r3
    0xE0022001,  # and r2, r2, r1
    0xE7860002,  # str r0, [r6, r2]
    0xEAFFFFFA,  # b add
)


def write_worker(folder: Path, name: str = "worker.elf", seed: int = 1) -> Path:
    code = struct.pack(f"<{len(_WORDS)}I", *_WORDS)
    content = bytearray(random.Random(seed).randbytes(2 * MIB))
    content[: len(code)] = code
    path = folder / name
    path.write_bytes(elf(bytes(content)))
    return path


def worker_image(folder: Path, seed: int = 1) -> GuestImage:
    return image_from_files(elf=write_worker(folder, f"worker{seed}.elf", seed), name="Worker", ram_mib=16)
