"""`pocketvisor handsets`: the models that guests can be put on."""

import typer

from pocketvisor.cli.output import Json, print_json, print_table


def add_to(app: typer.Typer) -> None:
    verbs = typer.Typer(no_args_is_help=True, help="Handset models.")
    verbs.command("list")(list_models)
    app.add_typer(verbs, name="handsets")


def list_models(json: Json = False) -> None:
    """List all handset models."""
    from pocketvisor.models import load_models

    models = list(load_models().values())
    if json:
        print_json(models)
        return
    print_table(
        ["MODEL", "NAME", "YEAR", "CPU", "MIPS", "RAM MiB", "PANEL", "INCHES"],
        [
            (
                model.id,
                f"{model.maker} {model.name}",
                model.year,
                model.cpu,
                model.mips,
                model.ram_mib,
                f"{model.panel.width}x{model.panel.height}",
                model.panel.inches,
            )
            for model in models
        ],
    )
