"""IT for the workbench's tests: a keyring of their own, keys, policies and orders, all of them real."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kit import Workbench, until
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from pocketvisor.policies.authority import AuthorityKey
from pocketvisor.policies.orders import new_order
from pocketvisor.policies.signing import DocumentKind, sign
from pocketvisor_workbench.banners import Banner

NOTHING = """
[clipboard]
direction = "none"
files_in = false
[screen]
screenshots = false
recording = false
[network]
mode = "off"
[phone]
camera = false
location = false
[debugger]
allowed = false
console = false
[export]
allowed = "no"
clone = false
"""
"""What a policy can forbid, all of it."""


class OwnRing:
    """A desktop's keyring, of one test."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.problem: Exception | None = None

    def get_password(self, service: str, name: str) -> str | None:
        if self.problem is not None:
            raise self.problem
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, secret: str) -> None:
        if self.problem is not None:
            raise self.problem
        self.kept[service, name] = secret

    def delete_password(self, service: str, name: str) -> None:
        self.kept.pop((service, name), None)


class It:
    """Who governs a guest."""

    def __init__(self, workbench: Workbench, guest: Any) -> None:
        self.workbench, self.guest = workbench, guest
        self.key = AuthorityKey.new()
        self.number = 0

    def policy(self, rules: str = "", *, header: str = "", organisation: str = "Acme") -> bytes:
        self.number += 1
        issued = datetime.now(UTC).isoformat(timespec="seconds")
        text = (
            f'[policy]\nprofile = "{self.guest.profile.file.id.hex()}"\nnumber = {self.number}\n'
            f'issued = {issued}\norganisation = "{organisation}"\n{header}{rules}'
        )
        return sign(text, DocumentKind.POLICY, self.key)

    async def govern(self, rules: str = "", *, header: str = "") -> None:
        """A policy that is in force when this returns, in the window too."""
        await self.deliver(self.policy(rules, header=header))

    async def order(self, kind: Any, reason: str = "") -> None:
        governed = self.guest.governed
        now = datetime.now(UTC)
        await self.deliver(
            new_order(
                kind, governed.profile, governed.serial + 1, now, now + timedelta(hours=1), self.key, reason
            )
        )

    async def deliver(self, document: bytes) -> None:
        await self.workbench.session.policing.deliver(self.guest, document)
        await self.settled()

    async def settled(self) -> None:
        """The guest, and the window, have heeded what came."""
        guest, policies = self.guest, self.workbench.session.policies
        keeping = guest._keeping_order
        if keeping is not None:
            await asyncio.wait([keeping])
        policies.look()
        await asyncio.sleep(0)


async def governed_guest(
    workbench: Workbench, folder: Path, rules: str = "", *, header: str = ""
) -> tuple[Any, It]:
    """A driven guest in a profile that Acme governs, beside one that nobody does."""
    handset = await workbench.handset("work", "personal")
    guest = handset.guests[0]
    await guest.keep(folder / "Work.vphone")
    await until(lambda: guest.profile.generation == 1)
    it = It(workbench, guest)
    workbench.session.policing.keyring.add("Acme", it.key)
    await it.govern(rules, header=header)
    return guest, it


# What is seen


def words_in(widget: QWidget) -> str:
    return " ".join(label.text() for label in widget.findChildren(QLabel) if label.isVisible())


def toasts(workbench: Workbench) -> list[str]:
    return [notice.text for notice in workbench.window.banners.shown if isinstance(notice, Banner)]


def dialog_of(kind: str) -> Any:
    dialog: Any = QApplication.activeModalWidget()
    assert dialog is not None and type(dialog).__name__ == kind, dialog
    return dialog


def pane_of(workbench: Workbench) -> Any:
    workbench.window.policy_desk.show_pane()
    return workbench.window.docks["policy"].pane
