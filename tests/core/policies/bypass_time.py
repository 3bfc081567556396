"""Ways around a policy with the computer's clock: it is the user's to turn."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from bypass import Scene, kind, tries

from pocketvisor.policies.governed import Governed
from pocketvisor.policies.store import GovernanceStore


def at(*steps: Callable[[Scene], object]) -> Callable[[Scene], bool]:
    """Turn the clock, and then have a copy of the phone."""

    def made(scene: Scene) -> bool:
        for step in steps:
            step(scene)
        return scene.can_export()

    return made


def turned(hours: float) -> Callable[[Scene], None]:
    return lambda scene: scene.it.clock.turned(hours)


def passes(hours: float) -> Callable[[Scene], None]:
    return lambda scene: scene.it.clock.passes(hours)


def restarts(scene: Scene) -> None:
    scene.it.clock.restarts()


def looked(scene: Scene) -> None:
    """The product sees what time it is."""
    GovernanceStore().now_ns()
    Governed.of(scene.profile)


def no_store(scene: Scene) -> None:
    GovernanceStore().path.unlink(missing_ok=True)


def zone(name: str) -> Callable[[Scene], None]:
    def set_it(_scene: Scene) -> None:
        os.environ["TZ"] = name
        time.tzset()

    return set_it


def zone_files(scene: Scene) -> None:
    """Files of one's own that say the phone's zone is elsewhere."""
    folder = scene.new("zones") / "Europe"
    folder.mkdir(parents=True)
    (folder / "Berlin").write_bytes(Path("/usr/share/zoneinfo/Pacific/Auckland").read_bytes())
    os.environ["PYTHONTZPATH"] = str(folder.parent)
    import zoneinfo

    zoneinfo.reset_tzpath()
    zoneinfo.ZoneInfo.clear_cache()


# It is Monday, 2 November, 12:00 when the policy comes. Ten hours later:

expired = kind(
    "a clock turned back, of a policy that expired", clock=True, header="expires = 2026-11-02T20:00:00Z"
)
tries(
    expired,
    an_hour_before=at(looked, turned(-3)),
    a_year=at(looked, turned(-9000)),
    after_a_restart=at(looked, restarts, turned(-5)),
    while_nobody_looked=at(turned(-9), passes(9)),
    little_by_little=at(looked, *([turned(-0.5), looked] * 20)),
    forward_and_back=at(turned(1000), looked, turned(-1010)),
    to_before_1970=at(looked, lambda s: setattr(s.it.clock, "now", 0)),
    and_another_time_zone=at(looked, turned(-5), zone("Pacific/Kiritimati")),
)

missed = kind(
    "a clock turned back, of a check-in that was missed", clock=True, sections="[check_in]\nevery_hours = 8"
)
tries(
    missed,
    to_the_last_one=at(looked, turned(-10)),
    after_a_restart=at(looked, restarts, turned(-10)),
    twice=at(looked, turned(-9), looked, turned(-9)),
    forward_and_back=at(turned(50), looked, turned(-60)),
)

hours = kind(
    "a clock or a zone of another time of the day",
    clock=True,
    sections='[hours]\ndays = ["mon"]\nfrom = "09:00"\nto = "17:00"\nzone = "Europe/Berlin"',
)
tries(
    hours,
    turned_back_into_them=at(looked, turned(-10)),
    the_computers_zone=at(zone("Pacific/Honolulu")),
    in_its_own_words=at(zone("XXX24YYY")),
    zone_files_of_ones_own=at(zone_files),
    a_zone_and_a_restart=at(looked, restarts, turned(-10), zone("UTC")),
)
