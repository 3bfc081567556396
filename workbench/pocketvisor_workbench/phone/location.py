"""Where the handset is: a place by its figures or by name, a walk along a GPX file, or no satellites."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog, QSizePolicy

from pocketvisor.api import read_gpx
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.phone.section import Choice, NumberField, Section, labelled, shown
from pocketvisor_workbench.widgets import CheckBox, push_button

if TYPE_CHECKING:
    from pocketvisor_workbench.jobs import Job

PLACES: tuple[tuple[str, float, float, float], ...] = (
    ("Berlin", 52.516275, 13.377704, 34),
    ("Cape Town", -33.905277, 18.419949, 5),
    ("Helsinki", 60.170834, 24.941389, 16),
    ("London", 51.500729, -0.124625, 11),
    ("Mumbai", 18.921984, 72.834654, 8),
    ("New York", 40.689249, -74.044500, 10),
    ("Quito", -0.220164, -78.512327, 2850),
    ("Rio de Janeiro", -22.951916, -43.210487, 710),
    ("Sydney", -33.856784, 151.215297, 6),
    ("Tokyo", 35.658581, 139.745438, 18),
)
"""Well-known spots: name, degrees north, degrees east, metres above the sea."""
SPEEDS: tuple[tuple[str, float], ...] = (
    ("5 km/h, walking", 1.4),
    ("18 km/h, cycling", 5.0),
    ("50 km/h, driving", 13.9),
    ("200 km/h, by train", 55.6),
)


class LocationSection(Section):
    title = "Location"
    picture = "map-marker-outline"
    events = ("location", "walk")

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.fix = CheckBox("Satellites in view")
        self.fix.toggled.connect(self._fix)
        self.body.addWidget(self.fix)
        self.latitude = NumberField(
            -90, 90, "Latitude in degrees, north being positive", decimals=6, unit="°"
        )
        self.longitude = NumberField(
            -180, 180, "Longitude in degrees, east being positive", decimals=6, unit="°"
        )
        self.altitude = NumberField(-1000, 100_000, "Altitude in metres", decimals=0, unit=" m")
        for words, field in (
            ("Latitude", self.latitude),
            ("Longitude", self.longitude),
            ("Altitude", self.altitude),
        ):
            field.entered.connect(self._moved)
            self.body.addLayout(labelled(words, field))
        self.places = Choice("A place to go to")
        self.places.addItems(["Go to a place…", *(name for name, *_ in PLACES)])
        self.places.activated.connect(self._go)
        self.body.addWidget(self.places)
        self.speeds = Choice("How fast to walk")
        self.speeds.addItems([words for words, _ in SPEEDS])
        self.walk = push_button("Walk a GPX file…", "walk")
        self.walk.clicked.connect(self._walk_or_stop)
        self.walk.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.body.addWidget(self.walk)
        self.body.addLayout(labelled("Speed", self.speeds))

    def refresh(self) -> None:
        phone = self.phone
        if phone is None:
            return
        location = phone.location
        shown(self.fix, location.fix)
        shown(self.latitude, location.latitude)
        shown(self.longitude, location.longitude)
        shown(self.altitude, location.altitude)
        self.walk.setText("Stop walking" if phone.walking else "Walk a GPX file…")
        self.speeds.setEnabled(not phone.walking)
        if not location.fix:
            self.summary.setText("no fix")
        else:
            moves = f", {location.speed * 3.6:.0f} km/h" if location.speed else ""
            self.summary.setText(f"{location.latitude:.4f}, {location.longitude:.4f}{moves}")

    def walk_file(self, path: Path) -> "Job":
        """Reads a GPX file as a job, and walks it."""
        handset, speed = self.handset, SPEEDS[self.speeds.currentIndex()][1]
        assert handset is not None

        async def work(_: "Job") -> None:
            handset.phone.walk(await asyncio.to_thread(read_gpx, path), speed)

        return self.bench.session.run(f"Walk {path.name}", work)

    def _fix(self, fix: bool) -> None:
        phone = self.phone
        if phone is None:
            return
        if fix:
            self._moved()
        else:
            self.act(phone.lose_fix)

    def _moved(self) -> None:
        if self.phone is not None:
            place = self.latitude.value, self.longitude.value
            self.act(self.phone.set_location, *place, altitude=self.altitude.value)

    def _go(self, index: int) -> None:
        self.places.setCurrentIndex(0)
        if self.phone is not None and index > 0:
            _, latitude, longitude, altitude = PLACES[index - 1]
            self.act(self.phone.set_location, latitude, longitude, altitude=altitude)

    def _walk_or_stop(self) -> None:
        phone = self.phone
        if phone is None:
            return
        if phone.walking:
            phone.stop_walking()
            return
        dialog = QFileDialog(
            self.window(), "Walk along a GPX file's track", "", "GPX files (*.gpx);;All files (*)"
        )
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda name: self.walk_file(Path(name)))
        dialog.open()
