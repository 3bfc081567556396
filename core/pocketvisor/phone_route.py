"""A way to walk on the earth, from points or from a GPX file.

Between two points it is the straight line on the map, which on the scale of a walk is the way. Left out: the
times in a GPX file (the speed is said), its segments' gaps, and everything but its points.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import asin, atan2, cos, degrees, hypot, isfinite, radians, sin, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from pocketvisor.errors import PhoneError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_EARTH_METRES: Final = 6_371_000.0
_LARGEST_FILE: Final = 16 << 20
_POINTS_MAX: Final = 200_000
_POINTS: Final = ("trkpt", "rtept", "wpt")
"""In the order in which they are looked for."""


class Point(Struct, frozen=True):
    """Degrees, and metres above the sea."""

    latitude: float
    longitude: float
    altitude: float = 0.0


class Place(Struct, frozen=True):
    """Where one is on a route, and in which direction, in degrees from north."""

    point: Point
    course: float


class Route:
    """Raises PhoneError where there are less than two points, or one is not on the earth."""

    def __init__(self, points: Sequence[Point]) -> None:
        for point in points:
            if not (abs(point.latitude) <= 90 and abs(point.longitude) <= 180 and isfinite(point.altitude)):
                raise PhoneError(f"{point.latitude}, {point.longitude} is no point on the earth")
        kept = [point for point, last in zip(points, [None, *points], strict=False) if point != last]
        if len(kept) < 2:
            raise PhoneError("A way to walk needs at least two points")
        self.points = tuple(kept)
        self._marks = [0.0]
        for one, other in pairwise(kept):
            self._marks.append(self._marks[-1] + distance(one, other))

    @property
    def length(self) -> float:
        """Metres."""
        return self._marks[-1]

    def at(self, metres: float) -> Place:
        """The place so far from the start; past the end it is the end."""
        index, metres = self._leg(metres)
        one, other = self.points[index], self.points[index + 1]
        leg = self._marks[index + 1] - self._marks[index]
        part = (metres - self._marks[index]) / leg if leg else 1.0
        east = _turn(other.longitude - one.longitude)
        latitude = one.latitude + part * (other.latitude - one.latitude)
        point = Point(
            min(max(latitude, -90.0), 90.0),  # at a pole it may be off by a rounding
            _turn(one.longitude + part * east),
            one.altitude + part * (other.altitude - one.altitude),
        )
        return Place(point, _course(one, other))

    def _leg(self, metres: float) -> tuple[int, float]:
        metres = min(max(metres, 0.0), self.length)
        low, high = 0, len(self._marks) - 2
        while low < high:
            middle = (low + high + 1) // 2
            if self._marks[middle] <= metres:
                low = middle
            else:
                high = middle - 1
        return low, metres


def distance(one: Point, other: Point) -> float:
    """Metres along the earth's surface, and up or down besides."""
    low, high = radians(one.latitude), radians(other.latitude)
    north, east = high - low, radians(_turn(other.longitude - one.longitude))
    angle = sin(north / 2) ** 2 + cos(low) * cos(high) * sin(east / 2) ** 2
    flat = 2 * _EARTH_METRES * asin(min(1.0, sqrt(angle)))
    return hypot(flat, other.altitude - one.altitude)


def _course(one: Point, other: Point) -> float:
    low, high = radians(one.latitude), radians(other.latitude)
    east = radians(_turn(other.longitude - one.longitude))
    along = cos(low) * sin(high) - sin(low) * cos(high) * cos(east)
    return degrees(atan2(sin(east) * cos(high), along)) % 360.0


def _turn(longitude: float) -> float:
    """Into -180 to 180."""
    return longitude if abs(longitude) <= 180.0 else (longitude + 180.0) % 360.0 - 180.0


def read_gpx(path: Path) -> Route:
    """The track of a GPX file, else its route, else its waypoints. Raises PhoneError."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise PhoneError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > _LARGEST_FILE:
        raise PhoneError(f"{path}: is larger than {_LARGEST_FILE >> 20} MiB")
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise PhoneError(f"{path}: defines entities, which a GPX file does not")
    from xml.etree import ElementTree

    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise PhoneError(f"{path}: is no GPX file: {error}") from error
    try:
        for kind in _POINTS:
            found = [element for element in root.iter() if element.tag.rpartition("}")[2] == kind]
            if found:
                return Route([_point(element) for element in found[:_POINTS_MAX]])
    except (KeyError, ValueError) as error:
        raise PhoneError(f"{path}: has a point without a latitude and a longitude") from error
    except PhoneError as error:
        raise PhoneError(f"{path}: {error}") from error
    raise PhoneError(f"{path}: has no points")


def _point(element: "Element") -> Point:
    altitude = next((child.text for child in element if child.tag.rpartition("}")[2] == "ele"), None)
    return Point(float(element.attrib["lat"]), float(element.attrib["lon"]), float(altitude or 0.0))
