"""Run by test_hostile_elf.py: reads damaged copies of an ELF file as reading.py does, with its bounds.

damage.py FILE FIRST COUNT: of each seed it prints what came of it. An end without all lines is a failure.
"""

import io
import os
import random
import resource
import sys
import time
from pathlib import Path

from pocketvisor.debug.symbols import messages, reading


def damaged(data: bytes, seed: int) -> bytes:
    """Some bytes changed, mostly in what describes the rest, or cut off."""
    dice = random.Random(seed)
    changed = bytearray(data)
    areas = [(0, 52), (len(data) - 1000, len(data)), (0x1000, len(data))]
    for _ in range(dice.choice((1, 2, 5, 40))):
        low, high = dice.choice(areas)
        at = dice.randrange(low, high)
        kind = dice.randrange(3)
        if kind == 0:
            changed[at] = dice.randrange(256)
        elif kind == 1:
            changed[at : at + 4] = dice.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0x10000000)).to_bytes(
                4, "little"
            )
        else:
            changed[at] ^= 1 << dice.randrange(8)
    return bytes(changed[: dice.randrange(len(data)) if dice.randrange(8) == 0 else None])


def main() -> None:
    data = Path(sys.argv[1]).read_bytes()
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    asks: list[messages.Ask] = [
        messages.AskFacts(),
        messages.AskLines(0, 1 << 32),
        messages.AskLines(0x40200000, 0x40200100),
        messages.AskStatics(),
        messages.AskStatics("counter"),
        messages.AskFrames((0x40200000, 0x40200030, 0xFFFFFFFF)),
        messages.AskLayout("calls.c", ("shape",)),
    ]
    for seed in range(int(sys.argv[2]), int(sys.argv[2]) + int(sys.argv[3])):
        fd = os.memfd_create("damaged")
        os.write(fd, damaged(data, seed))
        started = time.monotonic()
        file = reading._File(os.dup(fd))
        answers = [reading._answered(file, ask) for ask in asks]
        sizes = [len(messages.encode(answer)) for answer in answers]
        failed = sum(isinstance(answer, messages.Failed) for answer in answers)
        print(seed, failed, max(sizes), f"{time.monotonic() - started:.2f}", flush=True)
        os.close(fd)


if __name__ == "__main__":
    assert isinstance(sys.stdin, io.TextIOBase)
    main()
