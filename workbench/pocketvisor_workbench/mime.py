"""What is dragged inside the workbench: a guest image or a handset model by id; files come as URLs."""

from pathlib import Path

from PySide6.QtCore import QMimeData

IMAGE = "application/x-pocketvisor-image"
MODEL = "application/x-pocketvisor-model"


def dragged(kind: str, ident: str) -> QMimeData:
    data = QMimeData()
    data.setData(kind, ident.encode())
    return data


def ident_of(data: QMimeData, kind: str) -> str | None:
    """The id that is carried, None where this kind is not."""
    if not data.hasFormat(kind):
        return None
    return bytes(data.data(kind).data()).decode("utf-8", "replace")


def files_of(data: QMimeData) -> list[Path]:
    """Files dragged in from a file manager."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
