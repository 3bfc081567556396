"""`pocketvisor attack`: a hostile guest's whole set against its neighbour and its host, on a score sheet."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from pocketvisor.cli.output import EXIT_ERROR, EXIT_USAGE, Json, fail, print_json, print_table

if TYPE_CHECKING:
    from pocketvisor.attack.sheet import ScoreSheet
    from pocketvisor.cli.progress import Tell

DEFAULT_MODEL = "nexus-one"


def add_to(app: typer.Typer) -> None:
    app.command("attack")(attack)


def attack(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="HANDSET[/GUEST]",
            help="Of the open workbench: a handset, or the guest that the hostile one is put beside.",
        ),
    ] = None,
    kind: Annotated[list[str] | None, typer.Option("--kind", help="This kind alone; repeatable.")] = None,
    model: Annotated[
        str,
        typer.Option("--model", help="Where no workbench is open: a new handset of this model."),
    ] = DEFAULT_MODEL,
    listed: Annotated[bool, typer.Option("--list", help="List the kinds, and try none.")] = False,
    json: Json = False,
) -> None:
    """Attack a guest and its host from the guest beside it, and say what came of it.

    A hostile guest tries all it knows, also with code in its own process, as if it had taken over the engine.
    Its neighbour stands still while memory is compared. Exit code 1 where anything was reached."""
    from pocketvisor.attack.kinds import KINDS, chosen
    from pocketvisor.attack.sheet import plain
    from pocketvisor.cli.progress import shown_progress
    from pocketvisor.errors import GuestError

    try:
        chosen(kind or [])
    except GuestError as error:
        fail(str(error))
        raise typer.Exit(EXIT_USAGE) from None
    if listed:
        _list(json)
        return
    with shown_progress("Attacking", shown=not json) as tell:
        sheet = _run(target, tuple(kind or ()), model, tell)
    if json:
        print_json(plain(sheet))
    else:
        _show(sheet, whole=len(sheet.outcomes) == len(KINDS))
    if not sheet.held:
        raise typer.Exit(EXIT_ERROR)


def _run(target: str | None, kinds: tuple[str, ...], model: str, tell: "Tell") -> "ScoreSheet":
    """In the open workbench, or on a handset of its own where none is open."""
    import msgspec

    from pocketvisor.attack.sheet import ScoreSheet
    from pocketvisor.cli.reach import interruptible
    from pocketvisor.control.attack_calls import AttackHandset, AttackShown
    from pocketvisor.control.server import NobodyListens, call

    handset, _, guest = (target or "").partition("/")
    try:
        reply = interruptible(call(AttackHandset(handset=handset, guest=guest, kinds=kinds), progress=tell))
    except NobodyListens:
        if target is not None:
            raise
        return interruptible(_on_own_handset(kinds, model, tell))
    if not isinstance(reply, AttackShown):
        fail("The open workbench gave an answer that makes no sense")
        raise typer.Exit(EXIT_ERROR)
    return msgspec.convert(reply.sheet, ScoreSheet)


async def _on_own_handset(kinds: tuple[str, ...], model: str, tell: "Tell") -> "ScoreSheet":
    from pocketvisor.attack.attack import Attack
    from pocketvisor.cli.plan import chosen_model
    from pocketvisor.handset import Handset

    handset = Handset(chosen_model(model))
    try:
        return await Attack(handset, kinds=kinds).run(lambda told: tell(told.words, told.fraction))
    finally:
        await asyncio.shield(handset.close())


def _list(json: bool) -> None:
    from pocketvisor.attack.kinds import KINDS

    if json:
        print_json(KINDS)
        return
    print_table(["KIND", "FROM", "WHAT", "DEFENCE"], [(k.name, k.family, k.title, k.defence) for k in KINDS])


def _show(sheet: "ScoreSheet", *, whole: bool) -> None:
    rows = []
    for outcome in sheet.outcomes:
        stops = ", ".join(f"{what} {count:,}" for what, count in outcome.stopped_by.items())
        words = "held" if outcome.held else "not tried" if not outcome.attempts else "REACHED"
        told = "; ".join(part for part in (outcome.sentence, stops) if part)
        rows.append((outcome.kind.name, outcome.attempts, words, told))
    print_table(["KIND", "ATTEMPTS", "", "STOPPED BY"], rows)
    typer.echo()
    compared = [
        (effect.name, "same" if effect.unchanged else "CHANGED", _short(effect.before), _short(effect.after))
        for effect in sheet.effects
    ]
    print_table(["OF THE NEIGHBOUR", "", "BEFORE", "AFTER"], compared)
    for effect in sheet.effects:
        if effect.note:
            typer.echo(f"{effect.name}: {effect.note}")
    searched = ", ".join(f"{size >> 10:,} KiB of {place}" for place, size in sheet.secrets.places.items())
    found = "; ".join(sheet.secrets.found) or "none found"
    typer.echo(f"\n{sheet.secrets.secrets} secrets searched for in {searched}: {found}")
    if sheet.isolation is not None:
        typer.echo(f"{sheet.attacker}'s process: {isolation_words(sheet)}")
    typer.echo(sheet.sentence + ("" if whole else " (not all kinds)"))


def isolation_words(sheet: "ScoreSheet") -> str:
    isolation = sheet.isolation
    assert isolation is not None
    parts = [f"{isolation.calls_allowed} system calls" if isolation.calls_allowed else "any system call"]
    parts.append(f"Landlock {isolation.landlock}" if isolation.landlock else "no Landlock")
    parts.append(f"{isolation.capabilities or 'no'} capabilities")
    parts.append("no new threads" if isolation.no_new_threads else "new threads")
    return ", ".join([*parts, f"{len(isolation.limits)} bounds", *isolation.lacks])


def _short(value: str) -> str:
    return value if len(value) <= 24 else f"{value[:23]}…"
