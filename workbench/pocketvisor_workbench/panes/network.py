"""The selected guest's network: what its cable is in, the radio in between, forwarded ports, a capture."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from pocketvisor.api import Forward, NetworkError, NetworkState, parse_forward
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.network_radio import RadioSection
from pocketvisor_workbench.panes.pane_base import Pane
from pocketvisor_workbench.phone.section import Choice, Folding, labelled
from pocketvisor_workbench.widgets import ElidedLabel, EmptyState, push_button, tool_button

if TYPE_CHECKING:
    from pocketvisor.api import Guest, GuestNetwork

_PLACES = (("none", "Nothing"), ("user", "The internet"), ("switch", "A switch with others"))
_SWITCH = "lan"


class NetworkPane(Pane):
    name = "network"
    title = "Network"
    picture = "lan"
    area = Qt.DockWidgetArea.RightDockWidgetArea

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._guest: Guest | None = None
        self._forget: Callable[[], None] = lambda: None
        self._busy = False
        self._forward_rows: list[QWidget] = []
        self._shown_forwards: tuple[Forward, ...] = ()
        self.setMinimumWidth(262)
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(14, 12, 14, 12)
        layout.setSpacing(8)
        self._make_cable(layout)
        self.radio = RadioSection(lambda radio: self._do_now(lambda network: network.set_radio(radio)))
        layout.addWidget(self.radio)
        self._make_forwards(layout)
        self._make_figures(layout)
        layout.addStretch()
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(body)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(area)
        add = push_button("Add a guest", "plus")
        add.clicked.connect(lambda: bench.trigger("guest.add"))
        self._empty = EmptyState("lan-disconnect", "No guest", "Its network is shown here.", button=add)
        self._stack.addWidget(self._empty)
        bench.session.selection_changed.connect(self._select)
        bench.session.state_changed.connect(self._state_changed)
        self._select()

    # What is shown

    def _make_cable(self, layout: QVBoxLayout) -> None:
        self.place = Choice("What the guest's network card is plugged into")
        for mode, words in _PLACES:
            self.place.addItem(words, mode)
        self.place.activated.connect(self._attach)
        layout.addLayout(labelled("Cable to", self.place))
        self.switch = QLineEdit(_SWITCH)
        self.switch.setAccessibleName("Name of the switch")
        self.switch.setToolTip("Guests on a switch of the same name reach each other")
        self.switch.editingFinished.connect(self._attach)
        self._switch_row = QWidget()
        row = labelled("Its name", self.switch)
        row.setContentsMargins(0, 0, 0, 0)
        self._switch_row.setLayout(row)
        layout.addWidget(self._switch_row)
        self._sentence = QLabel()
        self._sentence.setWordWrap(True)
        self._sentence.setObjectName("problem")
        layout.addWidget(self._sentence)
        self.reconnect = push_button("Connect again", "refresh")
        self.reconnect.clicked.connect(lambda: self._do("Connect", lambda network: network.reconnect()))
        layout.addWidget(self.reconnect)

    def _make_forwards(self, layout: QVBoxLayout) -> None:
        self.ports = Folding("Forwarded ports", "arrow-decision-outline")
        self._rows = QVBoxLayout()
        self._rows.setSpacing(4)
        self.ports.body.addLayout(self._rows)
        self.forward = QLineEdit()
        self.forward.setPlaceholderText("tcp:8080:80")
        self.forward.setAccessibleName("A port to forward")
        self.forward.setToolTip("tcp or udp, this computer's port, the guest's port")
        self.forward.returnPressed.connect(self._add_forward)
        add = tool_button("plus", "Forward this port")
        add.clicked.connect(self._add_forward)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.forward, 1)
        row.addWidget(add)
        self.ports.body.addLayout(row)
        layout.addWidget(self.ports)

    def _make_figures(self, layout: QVBoxLayout) -> None:
        self.frames = Folding("Frames", "swap-vertical")
        self._figures: dict[str, QLabel] = {}
        for name in ("Card", "Sent", "Received", "Lost"):
            value = ElidedLabel()
            value.setObjectName("value")
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._figures[name] = value
            self.frames.body.addLayout(labelled(name, value))
        self.capture = push_button("Capture to a file…", "record-circle-outline")
        self.capture.setToolTip("All frames as a pcap file, which Wireshark opens")
        self.capture.clicked.connect(self._toggle_capture)
        self.frames.body.addWidget(self.capture)
        layout.addWidget(self.frames)

    # Which guest

    @property
    def network(self) -> "GuestNetwork | None":
        return self._guest.network if self._guest is not None else None

    def _select(self) -> None:
        guest = self.bench.session.guest
        if guest is not self._guest:
            self._guest = guest
            self._listen()
        self.refresh()

    def _state_changed(self, guest: object) -> None:
        if guest is self._guest:
            self._listen()  # its network comes with its first start
            self.refresh()

    def _listen(self) -> None:
        self._forget()
        network = self.network
        self._forget = network.on("state", lambda _: self.refresh()) if network is not None else lambda: None

    def refresh(self) -> None:
        network = self.network
        self._stack.setCurrentIndex(0 if network is not None else 1)
        if network is None:
            if self._guest is None:
                self._empty.set_words("No guest", "Its network is shown here.")
            else:
                self._empty.set_words("No network card", f"{self._guest.name} was started without one.")
            return
        state = network.state
        self.place.setCurrentIndex(self.place.findData(state.mode))
        self._switch_row.setVisible(state.mode == "switch")
        if state.switch and not self.switch.isModified():
            self.switch.setText(state.switch)
        self._sentence.setText(state.sentence)
        self._sentence.setVisible(bool(state.sentence))
        self.reconnect.setVisible(bool(state.sentence))
        for widget in (self.place, self.switch, self.reconnect, self.forward):
            widget.setEnabled(not self._busy)
        self.radio.show_radio(state.radio)
        self._show_forwards(state)
        self._show_figures(state)

    def _show_forwards(self, state: NetworkState) -> None:
        self.ports.setVisible(state.mode == "user")
        self.ports.summary.setText(f"{len(state.forwards)}" if state.forwards else "none")
        if state.forwards == self._shown_forwards:
            return
        self._shown_forwards = state.forwards
        for row in self._forward_rows:
            self._rows.removeWidget(row)
            row.deleteLater()
        self._forward_rows = [self._forward_row(forward) for forward in state.forwards]
        for row in self._forward_rows:
            self._rows.addWidget(row)

    def _forward_row(self, forward: Forward) -> QWidget:
        row = QWidget()
        words = ElidedLabel(
            f"{forward.address}:{forward.host_port}  →  {forward.protocol} {forward.guest_port}"
        )
        words.setObjectName("value")
        remove = tool_button("close", f"Forward {forward} no longer")
        remove.clicked.connect(lambda: self._set_forwards(lambda kept: [f for f in kept if f != forward]))
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(words, 1)
        layout.addWidget(remove)
        return row

    def _show_figures(self, state: NetworkState) -> None:
        counters = state.counters
        missing = counters.dropped + counters.lost + counters.malformed + counters.flooded
        self._figures["Card"].setText(state.mac)
        self._figures["Sent"].setText(f"{_bytes(counters.sent_bytes)}, {_rate(state.sent_rate)}")
        self._figures["Received"].setText(f"{_bytes(counters.received_bytes)}, {_rate(state.received_rate)}")
        refused = f", {counters.refused} refused by its policy" if counters.refused else ""
        self._figures["Lost"].setText(f"{missing} frames{refused}")
        self.frames.summary.setText("link is up" if state.link else "link is down")
        self.capture.setText(f"Stop {state.capture.name}" if state.capture else "Capture to a file…")

    # What is done

    def _attach(self, *_: object) -> None:
        mode = self.place.currentData()
        self.switch.setModified(False)
        name = (self.switch.text().strip() or _SWITCH) if mode == "switch" else ""
        network = self.network
        if network is None or (network.state.mode, network.state.switch) == (mode, name):
            return
        self._do("Change the network", lambda network: network.attach(mode, name))

    def _add_forward(self) -> None:
        text = self.forward.text().strip()
        if not text:
            return
        try:
            forward = parse_forward(text)
        except NetworkError as error:
            self._fail(error)
            return
        self.forward.clear()
        self._set_forwards(lambda kept: [*kept, forward])

    def _set_forwards(self, change: Callable[[list[Forward]], list[Forward]]) -> None:
        self._do("Forward ports", lambda network: network.forward(change(list(network.state.forwards))))

    def _toggle_capture(self) -> None:
        network = self.network
        if network is None:
            return
        if network.state.capture is not None:
            self._do_now(lambda network: network.stop_capture())
            return
        dialog = QFileDialog(self.window(), "Capture all frames to", "capture.pcap", "Captures (*.pcap)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("pcap")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.capture_to)
        dialog.open()

    def capture_to(self, path: str) -> None:
        self._do("Capture", lambda network: network.capture(Path(path)))

    def _do(self, title: str, work: "Callable[[GuestNetwork], Coroutine[Any, Any, None]]") -> None:
        """Asynchronous work on the network; what it fails with is logged and shown."""
        guest, network = self._guest, self.network
        if guest is None or network is None:
            return

        async def run(_: object) -> None:
            self._busy = True
            try:
                await work(network)
            finally:
                self._busy = False
                self.refresh()

        self.bench.session.run(f"{title}: {guest.name}", run, shown=False, source=guest.name)

    def _do_now(self, work: "Callable[[GuestNetwork], None]") -> None:
        network = self.network
        if network is not None:
            try:
                work(network)
            except NetworkError as error:
                self._fail(error)
            self.refresh()

    def _fail(self, error: Exception) -> None:
        self.bench.session.log.error(error, self._guest.name if self._guest is not None else "")


def _bytes(count: int) -> str:
    for size, unit in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"


def _rate(bits: float) -> str:
    for size, unit in ((1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s")):
        if bits >= size:
            return f"{bits / size:.1f} {unit}"
    return f"{bits:.0f} bit/s"
