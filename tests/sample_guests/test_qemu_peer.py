"""The same images run on QEMU's `virt`: what they rely on is not a peculiarity of our board."""

from pathlib import Path

import pytest

from .qemu_peer import QEMU, QemuPeer

SOURCES = Path(__file__).parents[2] / "sample_guests"
pytestmark = pytest.mark.skipif(QEMU is None, reason="needs qemu-system-arm")


def image(name: str) -> Path:
    return SOURCES / name / f"{name}.elf"


def test_the_self_test_passes() -> None:
    with QemuPeer(image("self_test")) as peer:
        peer.expect("(?m)^PASS")


def test_the_phone_boots_and_reacts() -> None:
    with QemuPeer(image("personal"), panel=(320, 480)) as peer:
        peer.expect(r"panel 320 x 480")
        peer.expect("> ")
        assert len(peer.screenshot().getcolors(1 << 20) or []) > 1000
        peer.run("trace on")
        peer.touch(50, 60, True)
        peer.expect(r"touch 50 60 down")
        peer.touch(50, 60, False)
        peer.expect(r"touch 50 60 up")
        peer.run("app notes")
        assert "screen notes" in peer.run("where")


@pytest.mark.parametrize("mode", ["wild", "exec", "rewrite"])
def test_hostile_goes_on(mode: str) -> None:
    with QemuPeer(image("hostile"), arguments=f"hostile={mode}") as peer:
        for _ in range(2):
            peer.expect(rf"{mode}: \d+ ")
        assert peer.process.poll() is None


def test_the_template_powers_off() -> None:
    with QemuPeer(image("template")) as peer:
        peer.expect("powers off")
        peer.type("hello")
        peer.expect("hello")
        peer.type("q")
        assert peer.process.wait(timeout=60) == 0
