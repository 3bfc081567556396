"""How the handset is held: turned by quarters, leaned and rolled, and shaken."""

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy

from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.phone.section import Section, Slider, figure, labelled, shown
from pocketvisor_workbench.widgets import ElidedLabel, push_button, tool_button

_HELD = {0: "upright", 90: "turned right", 180: "upside down", 270: "turned left"}
_SHAKE = (14.0, -9.0, 6.0)
_SHAKE_MS = 60
_SHAKES = 6


class MotionSection(Section):
    title = "Motion"
    picture = "screen-rotation"
    events = ("motion",)

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.left = tool_button("rotate-left", "Turn the handset a quarter to the left")
        self.left.clicked.connect(lambda: self._turn("left"))
        self.right = tool_button("rotate-right", "Turn the handset a quarter to the right")
        self.right.clicked.connect(lambda: self._turn("right"))
        self.upright = push_button("Upright")
        self.upright.clicked.connect(self._upright)
        self.shake = push_button("Shake")
        self.shake.clicked.connect(self._shake)
        for button in (self.upright, self.shake):
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.left)
        row.addWidget(self.right)
        row.addWidget(self.upright, 1)
        row.addWidget(self.shake, 1)
        self.body.addLayout(row)
        self.pitch = Slider(-90, 90, "Degrees that it is leaned back; 90 is flat with the screen up", page=15)
        self.roll = Slider(-45, 45, "Degrees that it is rolled clockwise besides", page=15)
        self._pitch_shown, self._roll_shown = figure(46), figure(46)
        self.pitch.valueChanged.connect(lambda value: self._tilt(pitch=float(value)))
        self.roll.valueChanged.connect(lambda value: self._tilt(roll=float(value)))
        self.body.addLayout(labelled("Lean", self.pitch, self._pitch_shown))
        self.body.addLayout(labelled("Roll", self.roll, self._roll_shown))
        self.felt = ElidedLabel()
        self.felt.setObjectName("muted")
        self.felt.setToolTip("What the accelerometer feels to the right, to the top and towards the user")
        self.body.addLayout(labelled("Felt", self.felt))
        self._timer = QTimer(self)
        self._timer.setInterval(_SHAKE_MS)
        self._timer.timeout.connect(self._shaking)
        self._shakes = 0

    def changed_handset(self) -> None:
        self._timer.stop()

    def refresh(self) -> None:
        phone = self.phone
        if phone is None:
            return
        motion = phone.motion
        shown(self.pitch, round(motion.pitch))
        shown(self.roll, round(motion.roll))
        self._pitch_shown.setText(f"{motion.pitch:.0f}°")
        self._roll_shown.setText(f"{motion.roll:.0f}°")
        x, y, z = motion.acceleration
        self.summary.setText(_HELD[motion.orientation])
        self.felt.setText(f"{x:.1f}, {y:.1f}, {z:.1f} m/s²")

    def _turn(self, way: str) -> None:
        if self.phone is not None:
            self.act(self.phone.turn, way)

    def _upright(self) -> None:
        if self.phone is not None:
            self.act(self.phone.set_tilt, 0.0, 0.0)
            self.act(self.phone.rotate, 0)

    def _tilt(self, pitch: float | None = None, roll: float | None = None) -> None:
        if self.phone is not None:
            self.act(self.phone.set_tilt, pitch, roll)

    def _shake(self) -> None:
        self._shakes = _SHAKES
        self._timer.start()
        self._shaking()

    def _shaking(self) -> None:
        """To and fro, and then at rest."""
        if self.phone is None or self._shakes == 0:
            self._timer.stop()
            if self.phone is not None:
                self.act(self.phone.set_shake, 0.0, 0.0, 0.0)
            return
        way = 1 if self._shakes % 2 else -1
        self._shakes -= 1
        self.act(self.phone.set_shake, *(way * value for value in _SHAKE))
