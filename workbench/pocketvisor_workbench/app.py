"""The workbench as a program: `pocketvisor workbench`.

With a display it opens a window with a handset whose guests Personal and Work run side by side. Without one
(or with --tour) it does the same offscreen: a short tour that leaves screenshots behind.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pocketvisor_workbench import preflight

if TYPE_CHECKING:
    from pocketvisor.api import GuestImage, HandsetModel, RunOptions

FIRST_MODEL = "nexus-one"


def main(
    argv: Sequence[str] | None = None,
    *,
    model: "HandsetModel | None" = None,
    guests: "Sequence[GuestImage] | None" = None,
    options: "RunOptions | None" = None,
) -> int:
    """Runs until the window is closed or the tour is over; answers the exit code.

    A caller that has a model, images and options already hands them in; they go before what argv names.
    """
    arguments = _arguments(argv)
    display = preflight.has_display()
    tour = arguments.tour or not display
    if tour:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    missing = preflight.missing_packages(offscreen=tour)
    if missing:
        print(
            f"pocketvisor: system libraries are missing: apt-get install {' '.join(missing)}",
            file=sys.stderr,
        )
        return 1
    if tour and not arguments.tour:
        print("There is no display here: the workbench makes a tour offscreen instead.")
    from pocketvisor_workbench.run import Opening, run

    profiles = [Path(name).absolute() for name in arguments.guests if _is_profile(name)]
    names = [name for name in arguments.guests if not _is_profile(name)]
    opening = Opening(
        model=model,
        model_name=arguments.handset,
        images=list(guests) if guests is not None else None,
        image_names=[] if arguments.empty or (profiles and not names) else names or None,
        profiles=tuple(profiles),
        options=options,
        empty=arguments.empty,
        screenshots=arguments.screenshots if tour else None,
    )
    return run(opening)


def _is_profile(name: str) -> bool:
    return name.endswith(".vphone")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="pocketvisor workbench", description="Guests on emulated handsets, in a window."
    )
    parser.add_argument("--tour", action="store_true", help="a short tour offscreen that writes screenshots")
    parser.add_argument(
        "--screenshots",
        type=Path,
        default=Path("screenshots"),
        metavar="FOLDER",
        help="where the tour writes them (default: ./screenshots)",
    )
    parser.add_argument(
        "--handset",
        default=FIRST_MODEL,
        metavar="MODEL",
        help=f"the first handset's model (default: {FIRST_MODEL})",
    )
    parser.add_argument(
        "guests",
        nargs="*",
        metavar="GUEST",
        help="guests to start on it (default: personal and work), or profiles: files that end in .vphone",
    )
    parser.add_argument("--empty", action="store_true", help="open with an empty bench")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
