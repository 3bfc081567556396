"""The radio between a guest and its network: a preset, or each of its figures by hand."""

from collections.abc import Callable

import msgspec
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QToolButton

from pocketvisor.api import RADIO_PRESETS, Radio
from pocketvisor_workbench.phone.section import Folding, NumberField, labelled, shown

_NAMES = {"none": "None", "2g": "2G", "3g": "3G", "wifi": "Wi-Fi", "off": "Off"}
_TIPS = {
    "none": "No radio in between: as fast as this computer",
    "2g": "EDGE: 200 kbit/s, 150 ms",
    "3g": "HSDPA: 3.6 Mbit/s, 50 ms",
    "wifi": "802.11g: 20 Mbit/s",
    "off": "No link at all",
}


class RadioSection(Folding):
    """`change` is given the radio that the user wants."""

    def __init__(self, change: Callable[[Radio], None]) -> None:
        super().__init__("Radio", "radio-tower")
        self._change = change
        self._radio = RADIO_PRESETS["none"]
        self.presets: dict[str, QToolButton] = {}
        group = QButtonGroup(self)
        row = QHBoxLayout()
        row.setSpacing(4)
        for name, radio in RADIO_PRESETS.items():
            button = QToolButton()
            button.setText(_NAMES.get(name, name))
            button.setToolTip(_TIPS.get(name, name))
            button.setAccessibleName(f"Radio: {button.text()}")
            button.setCheckable(True)
            button.clicked.connect(lambda _=False, radio=radio: self._change(radio))
            group.addButton(button)
            row.addWidget(button, 1)
            self.presets[name] = button
        self._group = group
        self.body.addLayout(row)
        self.down = self._field("Down", 0, 100_000_000, " kbit/s", lambda v: {"down": round(v * 1000)})
        self.up = self._field("Up", 0, 100_000_000, " kbit/s", lambda v: {"up": round(v * 1000)})
        self.delay = self._field("Delay", 0, 60_000, " ms", lambda v: {"delay_ms": v})
        self.jitter = self._field("Jitter", 0, 60_000, " ms", lambda v: {"jitter_ms": v})
        self.loss = self._field("Loss", 0, 100, " %", lambda v: {"loss": v}, decimals=2)

    def _field(
        self,
        name: str,
        low: float,
        high: float,
        unit: str,
        change: Callable[[float], dict[str, float]],
        decimals: int = 0,
    ) -> NumberField:
        field = NumberField(
            low,
            high,
            f"{name} of the radio{', 0 for no bound' if 'bit' in unit else ''}",
            decimals=decimals,
            unit=unit,
        )
        field.entered.connect(
            lambda value: self._change(
                msgspec.structs.replace(self._radio, name="custom", link=True, **change(value))
            )
        )
        self.body.addLayout(labelled(name, field))
        return field

    def show_radio(self, radio: Radio) -> None:
        self._radio = radio
        self._group.setExclusive(False)
        for name, button in self.presets.items():
            button.setChecked(name == radio.name)
        self._group.setExclusive(True)
        for field, value in (
            (self.down, radio.down / 1000),
            (self.up, radio.up / 1000),
            (self.delay, radio.delay_ms),
            (self.jitter, radio.jitter_ms),
            (self.loss, radio.loss),
        ):
            shown(field, value)
        self.summary.setText(_NAMES.get(radio.name, "by hand"))
