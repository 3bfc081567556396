"""What the workbench remembers from one start to the next, in the user's configuration folder."""

from pathlib import Path

from platformdirs import user_config_path
from PySide6.QtCore import QByteArray, QSettings

LAYOUT_VERSION = 2
"""Raise it when docks change their names: older layouts are then left alone."""


class Settings:
    """A typed view of an INI file; what cannot be read counts as not there."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or user_config_path("pocketvisor") / "workbench.ini"
        self._file = QSettings(str(self.path), QSettings.Format.IniFormat)

    def text(self, key: str, default: str = "") -> str:
        value = self._file.value(key, default)
        return value if isinstance(value, str) else default

    def data(self, key: str) -> QByteArray | None:
        value = self._file.value(key)
        return value if isinstance(value, QByteArray) else None

    def set(self, key: str, value: str | QByteArray) -> None:
        self._file.setValue(key, value)

    def forget(self, *keys: str) -> None:
        for key in keys:
            self._file.remove(key)

    def save(self) -> None:
        self._file.sync()
