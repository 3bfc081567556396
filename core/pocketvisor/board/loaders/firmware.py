"""Firmware: in the first flash bank, entered at 0 as after a reset, the device tree at the start of RAM."""

from pocketvisor.board.config import BootPlan
from pocketvisor.board.loaders.foreign import check_code
from pocketvisor.board.loaders.job import Job
from pocketvisor.board.loaders.source import Source
from pocketvisor.board.map import FLASH_BANK_SIZE, FLASH_BANKS


def boot(job: Job, source: Source) -> BootPlan:
    if job.initrd is not None:
        job.initrd.fail("cannot be handed to firmware, which loads its own")
    if len(source) > FLASH_BANK_SIZE:
        source.fail(f"is larger than the flash, which has {FLASH_BANK_SIZE >> 20} MiB")
    check_code(source, "firmware")
    return job.boot_bare(FLASH_BANKS[0], "firmware in flash", flash=source.data)
