"""`pocketvisor profile snapshots`, `rename-snapshot`, `delete-snapshot`: a profile's generations."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from pocketvisor.cli.output import Json, confirmed, print_json, print_table
from pocketvisor.cli.profile_show import Profile, plain_generation, size, when
from pocketvisor.cli.unlocking import Identity, KeyFile, PassphraseFile

if TYPE_CHECKING:
    from pocketvisor.profile.file import Generation

Chosen = Annotated[str, typer.Argument(metavar="GENERATION", help="Its number, or its name.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def add_to(verbs: typer.Typer) -> None:
    verbs.command("snapshots")(snapshots)
    verbs.command("rename-snapshot")(rename_snapshot)
    verbs.command("delete-snapshot")(delete_snapshot)


def snapshots(
    profile: Profile,
    passphrase_file: PassphraseFile = None,
    identity: Identity = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Show a profile's generations as a tree, with their names; a star marks the one that goes on."""
    from pocketvisor.cli.profile_files import opened
    from pocketvisor.profiles import find_profile

    path = find_profile(profile)
    with opened(path, passphrase_file, identity, key_file, read_only=True) as file:
        generations, head = file.generations(), file.head
    if json:
        print_json(
            [{**plain_generation(each), "head": each.number == head} for each in generations],
        )
        return
    if not generations:
        typer.echo(f"{path.stem} has no generation yet")
        return
    print_table(
        ["", "GENERATION", "NAME", "KIND", "SAVED", "ADDED"],
        [
            (
                "*" if each.number == head else "",
                f"{branch}{each.number}",
                each.name,
                (each.damaged and "damaged") or each.kind,
                when(each.created_ns),
                size(each.added),
            )
            for branch, each in as_tree(generations)
        ],
    )


def rename_snapshot(
    profile: Profile,
    generation: Chosen,
    name: Annotated[str, typer.Argument(help="What to call it; '' takes its name away.")],
    passphrase_file: PassphraseFile = None,
    identity: Identity = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Give a generation a name, or another one."""
    from pocketvisor.cli.profile_files import chosen_generation, opened
    from pocketvisor.cli.reach import ask_holder, running
    from pocketvisor.control.profile_calls import RenameGeneration
    from pocketvisor.profiles import find_profile

    path = find_profile(profile)
    runs = running(path) is not None
    with opened(path, passphrase_file, identity, key_file, read_only=runs) as file:
        chosen = chosen_generation(file, generation)
        if not runs:
            file.rename(chosen.number, name)
    if runs:
        ask_holder(path, RenameGeneration(profile=str(path), generation=chosen.number, name=name))
    if json:
        print_json({"name": path.stem, "path": str(path), "generation": chosen.number, "called": name})
        return
    called = f"is called '{name}'" if name else "has no name any more"
    typer.echo(f"Generation {chosen.number} of {path.stem} {called}")


def delete_snapshot(
    profile: Profile,
    generation: Chosen,
    yes: Yes = False,
    passphrase_file: PassphraseFile = None,
    identity: Identity = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Delete a generation, and what no other one needs of it; those that came after it stay."""
    from pocketvisor.cli.profile_files import chosen_generation, opened
    from pocketvisor.cli.reach import ask_holder, running
    from pocketvisor.control.profile_calls import DeleteGeneration
    from pocketvisor.profiles import find_profile

    path = find_profile(profile)
    runs = running(path) is not None
    with opened(path, passphrase_file, identity, key_file, read_only=runs) as file:
        chosen = chosen_generation(file, generation)
        what = f"generation {chosen.number}" + (f" ('{chosen.name}')" if chosen.name else "")
        question = f"Delete {what} of {path.stem}, saved {when(chosen.created_ns)}?"
        if not yes and not confirmed(question, json):
            raise typer.Exit(1)
        before = path.stat().st_size
        if not runs:
            file.delete(chosen.number)
            file.prune()
    if runs:
        request = DeleteGeneration(profile=str(path), generation=chosen.number)
        ask_holder(path, request, f"Deleting {what}", shown=not json)
    freed = max(before - path.stat().st_size, 0)
    if json:
        made = {"generation": chosen.number, "deleted": True, "freed": freed}
        print_json({"name": path.stem, "path": str(path), **made})
    else:
        typer.echo(f"{what[0].upper()}{what[1:]} of {path.stem} is deleted; {size(freed)} are free again")


def as_tree(generations: "Sequence[Generation]") -> "Iterator[tuple[str, Generation]]":
    """Each behind its parent, with the branches to draw before it. A history without forks is a straight
    list: of several children the last one goes straight on."""
    numbers = {each.number for each in generations}
    children: dict[int, list[Generation]] = {}
    for each in generations:
        children.setdefault(each.parent if each.parent in numbers else 0, []).append(each)
    waiting = [("", "", each) for each in reversed(children.get(0, []))]
    while waiting:
        branch, below, each = waiting.pop()
        yield branch, each
        own = children.get(each.number, [])
        waiting += [(below, below, child) for child in own[-1:]]
        waiting += [(f"{below}├─ ", f"{below}│  ", child) for child in reversed(own[:-1])]
