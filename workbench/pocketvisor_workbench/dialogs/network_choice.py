"""What network a guest begins with: no card, a card, and what its cable is in."""

import msgspec
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFormLayout, QLineEdit, QVBoxLayout, QWidget

from pocketvisor.api import (
    RADIO_PRESETS,
    Forward,
    NetworkError,
    NetworkSpec,
    RunOptions,
    parse_forward,
    parse_network,
)
from pocketvisor_workbench.phone.section import Choice
from pocketvisor_workbench.widgets import CheckBox

NO_CARD = "no card"
_PLACES = (
    (NO_CARD, "No network card"),
    ("none", "A card, its cable out"),
    ("user", "The internet"),
    ("switch", "A switch with others"),
)
_RADIOS = {"none": "No radio in between", "2g": "2G", "3g": "3G", "wifi": "Wi-Fi", "off": "Out of reach"}
_SWITCH = "lan"


class NetworkChoice(QWidget):
    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._usual = NO_CARD
        self.place = Choice("Network")
        for value, words in _PLACES:
            self.place.addItem(words, value)
        self.switch = QLineEdit(_SWITCH)
        self.switch.setAccessibleName("Name of the switch")
        self.switch.setToolTip("Guests on a switch of the same name reach each other")
        self.forwards = QLineEdit()
        self.forwards.setAccessibleName("Forwarded ports")
        self.forwards.setPlaceholderText("tcp:8080:80 tcp:2222:22")
        self.forwards.setToolTip("tcp or udp, this computer's port, the guest's port; blanks between several")
        self.radio = Choice("Radio")
        for name in RADIO_PRESETS:
            self.radio.addItem(_RADIOS.get(name, name), name)
        self.reach_host = CheckBox("This computer is at the gateway's address")
        self.reach_host.setToolTip("The guest reaches all services of this computer")
        self._form = QFormLayout()
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setVerticalSpacing(6)
        self._form.addRow("Its name", self.switch)
        self._form.addRow("Forwards", self.forwards)
        self._form.addRow("Radio", self.radio)
        self._form.addRow("", self.reach_host)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.place)
        layout.addLayout(self._form)
        self.place.currentIndexChanged.connect(self._changed)
        self.radio.currentIndexChanged.connect(self._changed)
        self.switch.textChanged.connect(self._changed)
        self.forwards.textChanged.connect(self._changed)
        self.reach_host.toggled.connect(self._changed)
        self._changed()

    @property
    def mode(self) -> str:
        return str(self.place.currentData())

    @property
    def words(self) -> str:
        """For a summary; nothing where it is as usual."""
        return "" if not self._differs else self.place.currentText().lower()

    def set_usual(self, usual: str) -> None:
        """What the guest has if nothing is said: NO_CARD, or as in its guest.toml. A choice that was made
        stays."""
        untouched = not self._differs
        self._usual = usual
        if untouched:
            mode, _, switch = usual.partition(":")
            self.place.setCurrentIndex(self.place.findData(mode))
            self.switch.setText(switch or _SWITCH)

    def problem(self) -> str:
        try:
            if self.mode == "switch":
                parse_network(f"switch:{self._switch_name}")
            elif self.mode == "user":
                seen: set[tuple[str, str, int]] = set()
                for forward in self._parsed_forwards():
                    place = (forward.protocol, forward.address, forward.host_port)
                    if place in seen:
                        return f"{forward.protocol} port {forward.host_port} is forwarded twice"
                    seen.add(place)
        except NetworkError as error:
            return str(error)
        return ""

    def apply(self, options: RunOptions) -> RunOptions:
        if not self._differs:
            return options
        if self.mode == NO_CARD:
            return msgspec.structs.replace(options, network_card=False)
        user = self.mode == "user"
        mode, switch = parse_network(f"switch:{self._switch_name}" if self.mode == "switch" else self.mode)
        spec = NetworkSpec(
            mode=mode,
            switch=switch,
            forwards=self._parsed_forwards() if user else (),
            radio=RADIO_PRESETS[self.radio.currentData()] if mode != "none" else RADIO_PRESETS["none"],
            reach_host=user and self.reach_host.isChecked(),
        )
        return msgspec.structs.replace(options, network=spec)

    @property
    def _switch_name(self) -> str:
        return self.switch.text().strip()

    @property
    def _differs(self) -> bool:
        mode = self.mode
        said = f"switch:{self._switch_name}" if mode == "switch" else mode
        if said != self._usual:
            return True
        if mode in (NO_CARD, "none"):
            return False
        user = mode == "user" and (self.forwards.text().strip() or self.reach_host.isChecked())
        return bool(user) or self.radio.currentData() != "none"

    def _parsed_forwards(self) -> tuple[Forward, ...]:
        return tuple(parse_forward(text) for text in self.forwards.text().replace(",", " ").split())

    def _changed(self) -> None:
        mode = self.mode
        for widget, shown in (
            (self.switch, mode == "switch"),
            (self.forwards, mode == "user"),
            (self.radio, mode in ("user", "switch")),
            (self.reach_host, mode == "user"),
        ):
            self._form.setRowVisible(widget, shown)
        self.changed.emit()
