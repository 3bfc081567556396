"""`pocketvisor demo`: the story of the workbench, told in its window."""

import importlib
from pathlib import Path
from typing import Annotated

import typer

from pocketvisor.cli.output import EXIT_ERROR, Json, fail


def add_to(app: typer.Typer) -> None:
    app.command("demo")(demo)


def demo(
    steps: Annotated[
        list[str] | None, typer.Argument(metavar="STEP...", help="Only these, and what they need.")
    ] = None,
    record: Annotated[
        Path | None, typer.Option("--record", metavar="FILE", help="A video of it: .mp4, .mkv or .webm.")
    ] = None,
    script: Annotated[
        Path | None,
        typer.Option("--script", metavar="FILE", help="Steps and captions of your own, in TOML; see --list."),
    ] = None,
    speed: Annotated[
        float, typer.Option("--speed", min=0.1, max=100.0, help="How many times as fast it waits.")
    ] = 1.0,
    stay: Annotated[bool, typer.Option("--stay", help="Leave the window open at the end.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="Show the steps, and end.")] = False,
    json: Json = False,
) -> None:
    """Tell the workbench's story in its window: two lives on one phone, a policy, an attack, a move, a loss.

    Everything in it really happens, in a folder of its own that is gone at the end. Space holds the story,
    Right goes to the next step, Esc ends it. Without a display it is told offscreen. Exit code 1 where a step
    failed.
    """
    try:
        application = importlib.import_module("pocketvisor_workbench.demo.app")
    except ImportError as error:
        fail(f"The workbench cannot be opened: {error}")
        raise typer.Exit(EXIT_ERROR) from None
    raise typer.Exit(
        int(
            application.main(
                steps=tuple(steps or ()),
                record=record,
                script=script,
                speed=speed,
                stay=stay,
                listed=listed,
                json=json,
            )
        )
    )
