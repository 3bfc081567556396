"""A barcode scanner on a serial line of its own: a 16550 that says what the host gives it (Linux: ttyS0).

pocketvisor run debian --device scanner.py
in the guest:    cat /dev/ttyS0
on the host:     pocketvisor tell Debian scanner 4006381333931
"""

from msgspec import Struct

from pocketvisor.devices.device import Device, Port

DATA, ENABLE, IDENTIFY, FORMAT, STATUS = 0, 1, 2, 3, 5
RECEIVED, SENT, DIVISOR = 0x01, 0x02, 0x80


class ScannerState(Struct):
    registers: bytes = bytes(8)
    waiting: bytes = b""


class Scanner(Device[ScannerState]):
    name, size, interrupt = "scanner", 0x1000, True
    tree = {"compatible": "ns16550a", "reg-shift": 2, "reg-io-width": 4, "clock-frequency": 1843200}

    def __init__(self, port: Port) -> None:
        super().__init__(port, ScannerState())

    def read(self, offset: int, size: int) -> int:
        number, waiting = offset // 4 & 7, self.state.waiting
        if number == DATA:
            self.state.waiting = waiting[1:]
            self.restored()
            return waiting[0] if waiting else 0
        cause = 0x04 if self._wants(RECEIVED) and waiting else 0x02 if self._wants(SENT) else 0x01
        answers = {IDENTIFY: 0xC0 | cause, STATUS: 0x60 | bool(waiting)}
        return answers.get(number, self.state.registers[number])

    def write(self, offset: int, size: int, value: int) -> None:
        number, registers = offset // 4 & 7, bytearray(self.state.registers)
        if number > ENABLE or not registers[FORMAT] & DIVISOR:  # its speed does not matter
            registers[number] = value & 0xFF
        self.state.registers = bytes(registers)
        self.restored()

    def event(self, payload: bytes) -> None:
        self.state.waiting = (self.state.waiting + payload + b"\n")[-4096:]
        self.restored()

    def restored(self) -> None:
        self.port.wire((self._wants(RECEIVED) and self.state.waiting != b"") or self._wants(SENT))

    def _wants(self, cause: int) -> bool:
        return bool(self.state.registers[ENABLE] & cause)
