"""Firmware: in the first flash bank, entered at 0 as after a reset, the device tree at the start of RAM.

A kernel that is given with it is handed in through fw_cfg as it is, with its initrd: to boot it, or to refuse
it, is the firmware's business.
"""

from msgspec import structs

from pocketvisor.board.config import BootPlan
from pocketvisor.board.loaders.foreign import check_code
from pocketvisor.board.loaders.job import Job
from pocketvisor.board.loaders.source import Source
from pocketvisor.board.map import FLASH_BANK_SIZE, FLASH_BANKS


def boot(job: Job, source: Source) -> BootPlan:
    initrd, job.initrd = job.initrd, None
    if initrd is not None and job.kernel is None:
        initrd.fail("cannot be handed to firmware without a kernel")
    if len(source) > FLASH_BANK_SIZE:
        source.fail(f"is larger than the flash, which has {FLASH_BANK_SIZE >> 20} MiB")
    check_code(source, "firmware")
    if job.kernel is None:
        return job.boot_bare(FLASH_BANKS[0], "firmware in flash", flash=source.data)
    plan = job.boot_bare(FLASH_BANKS[0], "firmware in flash, with a kernel to boot", flash=source.data)
    return structs.replace(plan, kernel=job.kernel.data, initrd=initrd.data if initrd is not None else b"")
