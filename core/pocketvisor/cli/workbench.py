"""`pocketvisor workbench`, and `run` without --headless: the desktop window."""

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pocketvisor.cli.output import EXIT_ERROR, fail

if TYPE_CHECKING:
    from pocketvisor.cli.plan import RunPlan


def add_to(app: typer.Typer) -> None:
    # The workbench reads its own options, --help among them.
    settings = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
    app.command("workbench", context_settings=settings)(workbench)


def workbench(context: typer.Context) -> None:
    """Open the workbench."""
    raise typer.Exit(_open(context.args, None))


def open_workbench(plan: "RunPlan") -> int:
    """The workbench with a handset and these guests; comes back with its exit code."""
    return _open([], plan)


def open_workbench_with(profile: Path) -> int:
    """The workbench with a handset that runs this profile."""
    return _open([os.fspath(profile)], None)


def _open(arguments: list[str], plan: "RunPlan | None") -> int:
    # By name, since nothing below the workbench may import it: it is a program of its own that this starts.
    try:
        application = importlib.import_module("pocketvisor_workbench.app")
    except ImportError as error:
        fail(f"The workbench cannot be opened: {error}")
        return EXIT_ERROR
    if plan is None:
        return int(application.main(arguments))
    return int(application.main(arguments, model=plan.model, guests=plan.images, options=plan.options()))
