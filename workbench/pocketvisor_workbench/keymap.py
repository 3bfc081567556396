"""Keys of the host's keyboard as Linux key codes (linux/input-event-codes.h).

Where the window system hands out hardware codes (X11 and Wayland: evdev code + 8) those are used, so that a
guest sees the key's place on the keyboard whatever the host's layout is. Elsewhere Qt's key is mapped as on
a US keyboard.

Left out: the keys of a keypad when no hardware code is given, and multimedia keys.
"""

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent

_HIGHEST_CODE = 127
"""Beyond lie codes that no keyboard of a PC sends, such as those that xdotool makes up."""

_ROWS: tuple[tuple[int, str, str], ...] = (
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
)

_BY_CHARACTER: dict[str, int] = {
    character: first + place
    for first, plain, shifted in _ROWS
    for row in (plain, shifted)
    for place, character in enumerate(row)
} | {" ": 57, "\t": 15, "\r": 28, "\n": 28, "\x1b": 1, "\b": 14}

K = Qt.Key
_BY_KEY: dict[int, int] = {
    K.Key_Escape: 1,
    K.Key_Backspace: 14,
    K.Key_Tab: 15,
    K.Key_Backtab: 15,
    K.Key_Return: 28,
    K.Key_Enter: 96,
    K.Key_Control: 29,
    K.Key_Shift: 42,
    K.Key_Alt: 56,
    K.Key_AltGr: 100,
    K.Key_Meta: 125,
    K.Key_Super_L: 125,
    K.Key_Super_R: 126,
    K.Key_Menu: 127,
    K.Key_CapsLock: 58,
    K.Key_NumLock: 69,
    K.Key_ScrollLock: 70,
    K.Key_Print: 99,
    K.Key_SysReq: 99,
    K.Key_Pause: 119,
    K.Key_Home: 102,
    K.Key_Up: 103,
    K.Key_PageUp: 104,
    K.Key_Left: 105,
    K.Key_Right: 106,
    K.Key_End: 107,
    K.Key_Down: 108,
    K.Key_PageDown: 109,
    K.Key_Insert: 110,
    K.Key_Delete: 111,
    **{getattr(K, f"Key_F{n}"): 58 + n for n in range(1, 11)},
    K.Key_F11: 87,
    K.Key_F12: 88,
}


def linux_code(event: QKeyEvent) -> int | None:
    """The Linux key code of a key event, None where there is none."""
    if QGuiApplication.platformName() in ("xcb", "wayland"):
        code = event.nativeScanCode() - 8
        if 0 < code <= _HIGHEST_CODE:
            return code
    return code_of(event.key())


def kept_by_workbench(event: QKeyEvent) -> bool:
    """Keys that work in every pane and never reach a guest: Ctrl+Shift with anything, Ctrl+Tab, F11, and
    Ctrl+M, which to a terminal is the Enter key once more."""
    if event.key() in (Qt.Key.Key_Control, Qt.Key.Key_Shift, Qt.Key.Key_Alt, Qt.Key.Key_Meta):
        return False
    modifiers = event.modifiers()
    control = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
    shift = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
    if control and (shift or event.key() in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab, Qt.Key.Key_M)):
        return True
    return event.key() == Qt.Key.Key_F11


def code_of(key: int) -> int | None:
    """The Linux key code of a Qt key, as on a US keyboard."""
    known = _BY_KEY.get(key)
    if known is not None:
        return known
    if 0x20 <= key < 0x7F:
        return _BY_CHARACTER.get(chr(key))
    return None
