"""What the dialog that adds a guest gives it besides: each row comes out in RunOptions, and what cannot be
so is said before anything starts."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from kit import Workbench, until
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from pocketvisor.api import DISKS_MAX, RADIO_PRESETS, DiskSpec, Forward, GuestImage, NetworkSpec, RunOptions
from pocketvisor.images import phone
from pocketvisor.images.unbuilt import PHONE, UNBUILT
from pocketvisor_workbench import session as sessions
from pocketvisor_workbench.jobs import JobState

LINUX = GuestImage(id="linux", name="Linux", kind="linux", kernel=Path("/kernel"))
OWN = GuestImage(
    id="own",
    name="Own",
    kind="linux",
    kernel=Path("/kernel"),
    network="user",
    phone=True,
    display="gpu",
    parts=("rng",),
    disks=(DiskSpec(path=Path("/own.img")),),
)


class Opened:
    """The dialog as it is open, and what it was left with."""

    def __init__(self, dialog: Any) -> None:
        self.dialog, self.more, self.network = dialog, dialog.more, dialog.more.network
        self.picked: list[tuple[Any, str, RunOptions]] = []
        dialog.picked.connect(lambda *what: self.picked.append(what))

    def take(self, ident: str) -> "Opened":
        images = self.dialog.images
        rows = [images.item(row) for row in range(images.count())]
        images.setCurrentItem(next(i for i in rows if i.data(Qt.ItemDataRole.UserRole) == ident))
        return self

    def choose(self, choice: Any, value: object) -> None:
        choice.setCurrentIndex(choice.findData(value))

    @property
    def problem(self) -> str:
        return str(self.dialog.problem.text())

    def start(self) -> RunOptions:
        assert self.dialog.accept_button.isEnabled(), self.problem
        self.dialog.accept()
        return self.picked[0][2]


async def opened(workbench: Workbench, *, own_files: bool = False) -> Opened:
    workbench.session.images |= {image.id: image for image in (LINUX, OWN)}
    await workbench.handset()
    workbench.window.trigger("guest.add-files" if own_files else "guest.add")
    return Opened(QApplication.activeModalWidget())


def file(folder: Path, name: str, size: int = 4096) -> Path:
    path = folder / name
    path.write_bytes(bytes(size))
    return path


def test_left_alone_a_guest_is_as_it_wants(workbench: Workbench) -> None:
    async def scenario() -> None:
        for ident in ("personal", "linux", "own"):
            dialog = await opened(workbench)
            dialog.take(ident)
            assert dialog.more.summary.text() == "as the guest wants it"
            assert dialog.more.inside.isHidden()
            options = dialog.start()
            assert options == RunOptions(ram_mib=options.ram_mib)

    workbench.run(scenario())


def test_disks_with_format_and_mode_said(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        dialog = (await opened(workbench)).take("linux")
        paths = [file(tmp_path, f"{name}.img") for name in ("a", "b", "c", "d", "e")]
        disks = dialog.more.disks
        disks.add(paths)
        for entry, mode in zip(disks.entries, range(4), strict=False):
            entry.mode.setCurrentIndex(mode)
        disks.entries[4].remove.click()
        assert dialog.more.summary.text() == "4 disks"
        assert dialog.start().disks == (
            DiskSpec(path=paths[0]),
            DiskSpec(path=paths[1], keep=True),
            DiskSpec(path=paths[2], mode="read-only"),
            DiskSpec(path=paths[3], mode="direct"),
        )

    workbench.run(scenario())


def test_disks_that_cannot_be_are_told(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        dialog = (await opened(workbench)).take("own")
        disks = dialog.more.disks

        def told(path: Path, mode: int = 0) -> str:
            disks.add([path])
            disks.entries[-1].mode.setCurrentIndex(mode)
            sentence = dialog.problem
            assert not dialog.dialog.accept_button.isEnabled()
            disks.entries[-1].remove.click()
            return sentence

        assert "No such file" in told(tmp_path / "gone.img")
        assert "is a folder" in told(tmp_path)
        assert "holds 0 bytes" in told(file(tmp_path, "empty.img", 0))
        assert "no multiple of 512" in told(file(tmp_path, "odd.img", 1000), mode=3)
        assert "no qcow2 image" in told(file(tmp_path, "no.qcow2"))
        assert "cannot be written to directly" in told(file(tmp_path, "no.qcow2"), mode=3)
        image = file(tmp_path, "one.img")
        disks.add([image, image])
        disks.entries[0].mode.setCurrentIndex(3)
        assert "one disk only" in dialog.problem
        disks.entries[0].mode.setCurrentIndex(0)
        assert dialog.problem == ""
        disks.add([image] * (DISKS_MAX - 2))
        assert f"{DISKS_MAX} disks, and has 1 of its own" in dialog.problem
        disks.entries[0].remove.click()
        image.unlink()  # after it was looked at
        dialog.dialog.accept()
        assert dialog.picked == [] and "one.img" in dialog.problem

    workbench.run(scenario())


@pytest.mark.parametrize(
    ("place", "spec"),
    [
        ("none", NetworkSpec()),
        (
            "user",
            NetworkSpec(
                mode="user",
                forwards=(Forward("tcp", 8080, 80), Forward("udp", 5353, 53)),
                radio=RADIO_PRESETS["3g"],
                reach_host=True,
            ),
        ),
        ("switch", NetworkSpec(mode="switch", switch="team 2", radio=RADIO_PRESETS["3g"])),
    ],
)
def test_a_network_of_each_kind(workbench: Workbench, place: str, spec: NetworkSpec) -> None:
    async def scenario() -> None:
        dialog = (await opened(workbench)).take("personal")
        network = dialog.network
        dialog.choose(network.place, place)
        network.forwards.setText("tcp:8080:80, udp:5353:53")
        network.switch.setText("team 2")
        network.reach_host.setChecked(True)
        dialog.choose(network.radio, "3g")
        options = dialog.start()
        assert options.network == spec and options.network_card

    workbench.run(scenario())


def test_no_card_is_no_card(workbench: Workbench) -> None:
    """Neither what a guest's file asks for nor what the workbench puts at hand gives it one."""

    async def scenario() -> None:
        for image in (LINUX, OWN):
            dialog = (await opened(workbench)).take(image.id)
            dialog.choose(dialog.network.place, "no card")
            assert dialog.more.summary.text() == "no network card"
            options = sessions._at_hand(image, dialog.start())
            assert options.network_of(image) is None
            assert options.media

    workbench.run(scenario())


def test_networks_that_cannot_be_are_told(workbench: Workbench) -> None:
    async def scenario() -> None:
        dialog = (await opened(workbench)).take("linux")
        dialog.choose(dialog.network.place, "switch")
        dialog.network.switch.setText("../x")
        assert dialog.problem.startswith("'../x' is no name for a switch")
        dialog.choose(dialog.network.place, "user")
        for text, sentence in (
            ("tcp:8080", "forwards no port"),
            ("tcp:1:99999", "forwards no port"),
            ("tcp:80:80 tcp:80:81", "tcp port 80 is forwarded twice"),
        ):
            dialog.network.forwards.setText(text)
            assert sentence in dialog.problem
            assert not dialog.dialog.accept_button.isEnabled()
        dialog.dialog.reject()

    workbench.run(scenario())


def test_display_devices_and_the_board(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        dialog = (await opened(workbench)).take("own")
        more = dialog.more
        assert more.display.itemText(0) == "As the guest wants it: gpu"
        assert more.phone.isChecked() and not more.parts["rng"].isEnabled()
        dialog.choose(more.display, "ramfb")
        device = file(tmp_path, "bank.py")
        more.devices.add([device])
        more.phone.setChecked(False)
        more.parts["balloon"].setChecked(True)
        more.legacy.setChecked(True)
        more.semihosting.setChecked(True)
        options = dialog.start()
        assert options == RunOptions(
            ram_mib=options.ram_mib,
            display="ramfb",
            devices=(device,),
            phone=False,
            parts=("balloon",),
            legacy_virtio=True,
            semihosting=True,
        )

    workbench.run(scenario())


def test_devices_that_cannot_be_are_told(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        dialog = (await opened(workbench)).take("linux")
        dialog.more.devices.add([tmp_path / "gone.py"])
        assert "gone.py: there is no such file" in dialog.problem
        dialog.more.devices.entries[0].remove.click()
        dialog.more.devices.add([file(tmp_path, "bank.py")] * 2)
        assert "once only" in dialog.problem
        dialog.dialog.reject()

    workbench.run(scenario())


def test_firmware_with_a_kernel_to_boot(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        dialog = await opened(workbench, own_files=True)
        own = dialog.dialog.own
        dialog.choose(own.kind, "firmware")
        firmware, kernel, initrd = (file(tmp_path, name) for name in ("fw.bin", "zImage", "initrd"))
        own.main.edit.setText(str(firmware))
        own.kernel.edit.setText(str(tmp_path / "gone"))
        assert "gone: there is no such file" in dialog.problem
        own.kernel.edit.setText(str(kernel))
        own.initrd.edit.setText(str(initrd))
        own.append.setText("quiet")
        dialog.more.flash.edit.setText(str(tmp_path / "gone" / "flash"))
        assert "there is no such folder" in dialog.problem
        dialog.more.flash.edit.setText(str(tmp_path / "flash"))
        options = dialog.start()
        image = dialog.picked[0][0]
        assert (image.kind, image.firmware, image.kernel) == ("firmware", firmware, kernel)
        assert (image.initrd, image.append) == (initrd, "quiet")
        assert options.flash == tmp_path / "flash"

    workbench.run(scenario())


def test_what_is_for_firmware_alone_does_not_reach_another_guest(
    workbench: Workbench, tmp_path: Path
) -> None:
    async def scenario() -> None:
        dialog = await opened(workbench, own_files=True)
        own = dialog.dialog.own
        dialog.choose(own.kind, "firmware")
        own.kernel.edit.setText(str(tmp_path / "gone"))
        dialog.more.flash.edit.setText(str(tmp_path / "flash"))
        dialog.choose(own.kind, "elf")
        own.main.edit.setText(str(file(tmp_path, "a.elf")))
        options = dialog.start()
        image = dialog.picked[0][0]
        assert (options.flash, image.kernel, image.append, image.kind) == (None, None, "", "elf")

    workbench.run(scenario())


def test_a_choice_stays_when_another_guest_is_chosen(workbench: Workbench) -> None:
    async def scenario() -> None:
        dialog = (await opened(workbench)).take("linux")
        assert dialog.network.mode == "none"
        dialog.take("own")
        assert dialog.network.mode == "user" and dialog.more.phone.isChecked()
        dialog.take("personal")
        assert dialog.network.mode == "no card" and not dialog.more.phone.isChecked()
        dialog.choose(dialog.network.place, "switch")
        dialog.more.parts["rng"].setChecked(True)
        dialog.take("linux")
        options = dialog.start()
        assert options.network == NetworkSpec(mode="switch", switch="lan") and options.parts == ("rng",)

    workbench.run(scenario())


def test_everything_is_reached_by_keyboard_and_has_a_name(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        dialog = (await opened(workbench)).take("linux")
        more = dialog.more
        more.disks.add([file(tmp_path, "a.img"), file(tmp_path, "b.img")])
        more.devices.add([file(tmp_path, "bank.py")])
        dialog.choose(dialog.network.place, "user")
        more.head.setFocus()
        QTest.keyClick(more.head, Qt.Key.Key_Space)
        assert not more.inside.isHidden()
        first, second = more.disks.entries
        wanted: list[QWidget] = [
            *(first.format, first.mode, first.remove),
            *(second.format, second.mode, second.remove, more.disks.add_button),
            *(dialog.network.place, dialog.network.forwards, dialog.network.radio, dialog.network.reach_host),
            *(more.display, more.devices.entries[0].remove, more.devices.add_button, more.phone),
        ]
        for widget in wanted:
            QTest.keyClick(dialog.dialog.focusWidget(), Qt.Key.Key_Tab)
            assert dialog.dialog.focusWidget() is widget
            assert widget.accessibleName() or getattr(widget, "text", str)()
            corner = widget.mapTo(dialog.dialog.area.viewport(), widget.rect().topLeft())
            assert 0 <= corner.y() < dialog.dialog.area.viewport().height(), "is scrolled into sight"
        second.remove.setFocus()
        QTest.keyClick(second.remove, Qt.Key.Key_Space)
        assert dialog.dialog.focusWidget() is first.remove
        dialog.dialog.reject()

    workbench.run(scenario())


def test_a_small_window_scrolls(workbench: Workbench) -> None:
    async def scenario() -> None:
        dialog = (await opened(workbench)).take("linux")
        dialog.more.head.click()
        dialog.dialog.resize(540, 420)
        await until(lambda: dialog.dialog.area.verticalScrollBar().maximum() > 0)
        assert dialog.dialog.height() == 420
        inside = dialog.dialog.area.widget()
        assert inside.minimumSizeHint().width() <= dialog.dialog.area.viewport().width()
        dialog.dialog.reject()

    workbench.run(scenario())


def test_the_phone_is_built_as_a_job(workbench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows how far it is, and stops where it is cancelled."""

    async def scenario() -> None:
        import asyncio

        cancelled: list[bool] = []

        async def build(*, progress: Any) -> None:
            progress("Downloading", 0.25)
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                cancelled.append(True)
                raise

        monkeypatch.setattr(phone, "build", build)
        workbench.session.images[PHONE] = UNBUILT
        dialog = (await opened(workbench)).take(PHONE)
        assert dialog.dialog._fetch.text() == "Build" and not dialog.dialog._fetch.isHidden()
        assert "takes some minutes" in dialog.dialog._about.text()
        dialog.dialog._fetch.click()
        job = workbench.session.jobs.running[0]
        assert job.title == "Build Debian phone"
        await until(lambda: job.progress == 0.25)
        workbench.session.images_changed.emit()
        job.cancel()
        await until(lambda: job.state is JobState.CANCELLED)
        assert cancelled == [True]

    workbench.run(scenario())


def test_memory_is_suggested_and_what_is_set_stays(workbench: Workbench) -> None:
    async def scenario() -> None:
        dialog = await opened(workbench, own_files=True)
        assert dialog.dialog.ram_mib == 256
        dialog.dialog.ram.setValue(8)
        dialog.choose(dialog.dialog.own.kind, "elf")
        assert dialog.dialog.ram_mib == 128
        dialog.dialog.tabs.setCurrentIndex(0)
        assert dialog.dialog.ram_mib == 64
        dialog.dialog.reject()

    workbench.run(scenario())


def test_a_guest_whose_file_is_gone_says_so_and_has_nothing_to_fetch(workbench: Workbench) -> None:
    async def scenario() -> None:
        gone = msgspec.structs.replace(LINUX, id="gone", available=False, missing="Mine: /x is not there")
        workbench.session.images["gone"] = gone
        dialog = (await opened(workbench)).take("gone")
        assert dialog.dialog._fetch.isHidden() and "is not there" in dialog.dialog._about.text()
        assert not dialog.dialog.accept_button.isEnabled()
        dialog.dialog.reject()

    workbench.run(scenario())
