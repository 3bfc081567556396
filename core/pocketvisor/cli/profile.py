"""`pocketvisor profile`: phones as files, and their histories. One file for each group of verbs."""

import typer

from pocketvisor.cli import (
    profile_carry,
    profile_create,
    profile_guest,
    profile_history,
    profile_keys,
    profile_lock,
    profile_salvage,
    profile_show,
    profile_start,
)

GROUPS = (
    profile_create,
    profile_show,
    profile_start,
    profile_guest,
    profile_history,
    profile_carry,
    profile_keys,
    profile_lock,
    profile_salvage,
)
"""Each adds its verbs with add_to(verbs), in the order in which --help shows them."""


def add_to(app: typer.Typer) -> None:
    verbs = typer.Typer(
        no_args_is_help=True,
        help="Phones as files: what is on them, with its history, runs on any handset.",
    )
    for group in GROUPS:
        group.add_to(verbs)
    app.add_typer(verbs, name="profile")
