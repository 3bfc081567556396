"""A user's file is taken for a device only where it is one; what is wrong with it is said in a sentence."""

from importlib.resources import files

import pytest

from pocketvisor.devices.user_device import UserDeviceError, describe

PLAIN = """
from msgspec import Struct
from pocketvisor.devices.device import Device, Port

class Nothing(Struct):
    pass

class Plain(Device[Nothing]):
    name, size = "plain", 0x100
    tree = {"compatible": "own,plain"}

    def __init__(self, port: Port) -> None:
        super().__init__(port, Nothing())
"""


@pytest.mark.parametrize("name", ["bank", "scanner"])
def test_the_examples_are_devices_of_50_lines(name: str) -> None:
    source = files("pocketvisor.resources").joinpath("devices", f"{name}.py").read_text()
    device = describe(source)
    assert device.name == name and device.source == source
    assert len(source.splitlines()) <= 50


def test_a_plain_one_is_enough() -> None:
    device = describe(PLAIN)
    assert (device.name, device.size, device.interrupt, device.registers) == ("plain", 0x100, False, ())
    assert device.tree == {"compatible": "own,plain"}


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("class Plain", "class class", "line 8: invalid syntax"),
        ("Device[Nothing]", "object", "has no classes of devices"),
        ("class Nothing(Struct)", "class Nothing(Struct, Device[int])", "TypeError"),
        ('"plain"', '"Plain device"', "matching regex.*name"),
        ("0x100", "0x101", "multiple of 4"),
        ("0x100", "1 << 20", "65536.*size"),
        ('"compatible": "own,plain"', '"status": "okay"', "no 'compatible'"),
        ('"own,plain"}', '"own,plain", "reg": [1, 2]}', "the board's to say"),
        ('"own,plain"}', '"own,plain", "x": 1.5}', "float"),
        ('"own,plain"}', '"own,plain", "x": [-1]}', ">= 0"),
        ("    tree", '    registers = (("a", 0xF0, 0x20),)\n    tree', "outside of it"),
        ("import Struct", "import Struct\nraise SystemError('no')", "SystemError: no"),
    ],
)
def test_what_is_wrong_is_said(old: str, new: str, sentence: str) -> None:
    with pytest.raises(UserDeviceError, match=sentence):
        describe(PLAIN.replace(old, new, 1))


def test_two_devices_are_not_one() -> None:
    with pytest.raises(UserDeviceError, match="2 classes"):
        describe(PLAIN + "\nclass Other(Plain):\n    pass\n")
