"""A barcode scanner on a serial line of its own: a 16550 that says what the host gives it (Linux: ttyS0).

pocketvisor run debian --device scanner.py
in the guest:    cat /dev/ttyS0
on the host:     pocketvisor tell Debian scanner 4006381333931
"""

from msgspec import Struct

from pocketvisor.devices.device import Device, Port

DATA, ENABLE, IDENTIFY, FORMAT, STATUS, RECEIVED, SENT, DIVISOR = 0, 1, 2, 3, 5, 0x01, 0x02, 0x80


class ScannerState(Struct):
    registers: bytes = bytes(8)
    waiting: bytes = b""


class Scanner(Device[ScannerState]):
    name, size, interrupt = "scanner", 0x1000, True
    tree = {"compatible": "ns16550a", "reg-shift": 2, "reg-io-width": 4, "clock-frequency": 1843200}

    def __init__(self, port: Port) -> None:
        super().__init__(port, ScannerState())

    def read(self, offset: int, size: int) -> int:
        number, waiting, registers = offset // 4 & 7, self.state.waiting, self.state.registers
        if number == DATA:
            self.state.waiting = waiting[1:]
            self.restored()
            return waiting[0] if waiting else 0
        enabled = registers[ENABLE]
        cause = 0x04 if enabled & RECEIVED and waiting else 0x02 if enabled & SENT else 0x01
        return {IDENTIFY: 0xC0 | cause, STATUS: 0x60 | bool(waiting)}.get(number, registers[number])

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
        enabled, waiting = self.state.registers[ENABLE], self.state.waiting
        self.port.wire(bool(enabled & SENT or (enabled & RECEIVED and waiting)))
