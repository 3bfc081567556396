"""What the board has for programs that take a debugger's place for granted: semihosting."""

from pocketvisor import _native
from pocketvisor.board.config import BoardConfig
from pocketvisor.board.map import RAM_BASE
from pocketvisor.devices.semihosting import Semihosting


def semihosting(config: BoardConfig, machine: _native.Machine, console: int) -> Semihosting | None:
    """Answers the machine's calls from here on, where the configuration wants that.

    A program may have the upper half of RAM: its heap grows up from there, the stack down from RAM's end.
    """
    if config.semihosting is None:
        return None
    middle, end = RAM_BASE + config.ram_size // 2, RAM_BASE + config.ram_size
    quarter = end - config.ram_size // 4
    answers = Semihosting(
        machine,
        lambda data: machine.print(console, data),
        command_line=config.semihosting,
        epoch=config.rtc_epoch,
        heap=(middle, quarter),
        stack=(quarter, end),
    )
    machine.set_semihosting(answers.answer)
    return answers
