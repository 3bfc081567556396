"""The battery: its level, the charger, and whether the level follows the load."""

from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.icons import set_icon
from pocketvisor_workbench.phone.section import Section, Slider, figure, labelled, shown
from pocketvisor_workbench.widgets import CheckBox

_STATUS = {"charging": "charging", "discharging": "on battery", "full": "full"}


def picture_of(level: float, status: str) -> str:
    """The icon of a battery that is so full."""
    tenths = max(1, min(round(level / 10), 10)) * 10
    if status == "discharging":
        return "battery" if tenths == 100 else f"battery-{tenths}"
    return f"battery-charging-{tenths}"


class BatterySection(Section):
    title = "Battery"
    picture = "battery"
    events = ("battery", "draining")

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.level = Slider(0, 100, "Level of the battery in percent")
        self.level.valueChanged.connect(self._level)
        self._level_shown = figure(46)
        self.body.addLayout(labelled("Level", self.level, self._level_shown))
        self.plugged = CheckBox("Charger connected")
        self.plugged.toggled.connect(self._plugged)
        self.body.addWidget(self.plugged)
        self.draining = CheckBox("Level follows the load")
        self.draining.setToolTip("Guests use the battery up as they run; a charger fills it in two hours")
        self.draining.toggled.connect(self._draining)
        self.body.addWidget(self.draining)

    def refresh(self) -> None:
        phone = self.phone
        if phone is None:
            return
        battery = phone.battery
        shown(self.level, int(battery.level))
        shown(self.plugged, battery.plugged)
        shown(self.draining, phone.draining)
        self._level_shown.setText(f"{int(battery.level)} %")
        self.summary.setText(_STATUS[battery.status])
        self.summary.setToolTip(f"{battery.voltage / 1000:.2f} V, {battery.temperature:.0f} °C")
        set_icon(self.head, picture_of(battery.level, battery.status), "muted")

    def _level(self, level: int) -> None:
        if self.phone is not None:
            self.act(self.phone.set_battery, float(level))

    def _plugged(self, plugged: bool) -> None:
        if self.phone is not None:
            self.act(self.phone.set_battery, plugged=plugged)

    def _draining(self, draining: bool) -> None:
        if self.phone is not None:
            self.act(self.phone.set_draining, draining)
