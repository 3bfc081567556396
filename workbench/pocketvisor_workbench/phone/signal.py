"""The network that the handset hears, and how strong it is."""

from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.icons import set_icon
from pocketvisor_workbench.phone.section import Choice, Section, Slider, figure, labelled, shown

_WORDS = {"none": "No network"}
_PICTURES = ("signal-cellular-outline", "signal-cellular-1", "signal-cellular-2", "signal-cellular-3")


class SignalSection(Section):
    title = "Signal"
    picture = "signal-cellular-3"
    events = ("signal",)

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.radio = Choice("The kind of network that the handset is in")
        self.radio.activated.connect(self._radio)
        self.body.addLayout(labelled("Network", self.radio))
        self.strength = Slider(-120, -40, "Strength of the signal in dBm", page=10)
        self.strength.valueChanged.connect(self._strength)
        self._strength_shown = figure(68)
        self.body.addLayout(labelled("Strength", self.strength, self._strength_shown))

    def changed_handset(self) -> None:
        assert self.phone is not None
        self.radio.clear()
        for kind in self.phone.radio_kinds:
            self.radio.addItem(_WORDS.get(kind, kind), kind)

    def refresh(self) -> None:
        phone = self.phone
        if phone is None:
            return
        signal = phone.signal
        self.radio.setCurrentIndex(self.radio.findData(signal.radio))
        shown(self.strength, signal.dbm)
        self.strength.setEnabled(signal.radio != "none")
        self._strength_shown.setText(f"{signal.dbm} dBm" if signal.radio != "none" else "none")
        bars = f"{signal.bars} of 4 bars"
        self.summary.setText("no network" if signal.radio == "none" else f"{signal.radio}, {bars}")
        picture = "signal-off" if signal.radio == "none" else _PICTURES[min(signal.bars, 3)]
        set_icon(self.head, picture, "muted")

    def _radio(self, index: int) -> None:
        if self.phone is not None:
            self.act(self.phone.set_signal, radio=self.radio.itemData(index))

    def _strength(self, dbm: int) -> None:
        if self.phone is not None:
            self.act(self.phone.set_signal, dbm=dbm)
