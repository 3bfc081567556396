"""What holds for the workbench as a whole: what it imports, what reads well, what leaks."""

import subprocess
import sys
from pathlib import Path

import pytest
from kit import Run
from PySide6.QtGui import QColor, QIcon
from PySide6.QtWidgets import QLabel

import pocketvisor_workbench
from pocketvisor_workbench import preflight, theme
from pocketvisor_workbench.icons import icon
from pocketvisor_workbench.theme import DARK, LIGHT, Theme, Tokens, accent_ink, on_colour, tokens

SOURCES = Path(pocketvisor_workbench.__file__).parent


def test_the_window_never_loads_the_engine() -> None:
    code = (
        "import sys, pocketvisor_workbench.run\n"
        "engine = ('unicorn', 'pocketvisor._native', 'pocketvisor._engine')\n"
        "bad = [name for name in sys.modules if name in engine]\n"
        "assert not bad, bad\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_an_icon_is_in_each_size_and_looks_like_nothing_else(theme: Theme) -> None:
    """They come out of another package's font."""
    sizes = [size.width() for size in icon("cellphone").availableSizes()]
    assert sizes == [14, 16, 18, 22, 28, 36, 72]
    names = ("cellphone", "close", "battery-10")
    pictures = [icon(name).pixmap(18, 18).toImage() for name in names]
    pictures.append(icon("close").pixmap(18, 18, QIcon.Mode.Disabled).toImage())
    pictures.append(icon("close", "#ff0000").pixmap(18, 18).toImage())
    assert all(one != other for at, one in enumerate(pictures) for other in pictures[:at])
    assert icon("close").pixmap(18, 18, QIcon.Mode.Active).toImage() == pictures[1]
    with pytest.raises(KeyError):
        icon("no-such-picture")


def test_nothing_waits_in_a_nested_event_loop() -> None:
    for path in SOURCES.rglob("*.py"):
        text = path.read_text()
        assert "time.sleep" not in text and "waitFor" not in text, path
        for line in text.splitlines():
            # A drag is the one that Qt has no other way for; it starts in a mouse event.
            assert ".exec(" not in line or "drag.exec" in line, f"{path}: {line}"


def test_files_can_be_read_in_one_sitting() -> None:
    assert {
        path.name: lines
        for path in SOURCES.rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 500
    } == {}


def test_none_keeps_its_references(run: Run[None]) -> None:
    """One release of Qt's bindings lost a reference of None in every call without a result."""
    label = QLabel()
    before = sys.getrefcount(None)
    for _ in range(1000):
        label.update()
        label.setText("x")
    assert abs(sys.getrefcount(None) - before) < 100


def contrast(one: str, other: str) -> float:
    return theme.contrast(QColor(one), QColor(other))


@pytest.mark.parametrize("colours", [DARK, LIGHT], ids=["dark", "light"])
def test_words_can_be_read_on_every_ground(colours: Tokens) -> None:
    for ink in (colours.text, colours.muted, colours.good, colours.warn, colours.bad):
        for ground in (colours.window, colours.surface, colours.raised):
            assert contrast(ink, ground) >= 4.5, (ink, ground)
    assert contrast(colours.on_accent, colours.accent) >= 4.5
    assert contrast(colours.terminal_text, colours.terminal) >= 7


@pytest.mark.parametrize("accent", ["#f0a35c", "#4f8cff", "#d70a53", "#ffee00", "#101010", "#7f8c99"])
def test_ink_on_a_guests_colour_can_be_read(accent: str) -> None:
    assert contrast(on_colour(QColor(accent)).name(), accent) >= 3.0
    assert contrast(accent_ink(QColor(accent)).name(), tokens().surface) >= 4.5


def test_missing_libraries_are_named_by_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_loads", lambda name: name != "libxcb-cursor.so.0")
    assert preflight.missing_packages(offscreen=True) == []
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert preflight.missing_packages(offscreen=False) == ["libxcb-cursor0"]


def test_a_display_that_does_not_answer_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QT_QPA_PLATFORM", "WAYLAND_DISPLAY", "DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert not preflight.has_display()
    monkeypatch.setenv("DISPLAY", ":59999")
    assert not preflight.has_display()
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert not preflight.has_display()
