"""`pocketvisor profile start` and `resume`: a profile's guest runs, in this terminal or in the workbench."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pocketvisor.cli.output import EXIT_USAGE, Json, fail, print_json
from pocketvisor.cli.profile_show import Profile, plain_run
from pocketvisor.cli.unlocking import Identity, KeyFile, PassphraseFile

Model = Annotated[
    str, typer.Option("--model", help="The handset: a model, or a model's file; else the one it was on last.")
]
Generation = Annotated[
    str | None, typer.Option("--generation", help="Its number or name; else the one that goes on.")
]
InWorkbench = Annotated[bool, typer.Option("--in-workbench", help="On a handset of the open workbench.")]
OnHandset = Annotated[str, typer.Option("--handset", help="Which one of the workbench's handsets.")]
Autosave = Annotated[
    float | None, typer.Option("--autosave", metavar="SECONDS", min=1.0, help="Save it so often, as it runs.")
]


def add_to(verbs: typer.Typer) -> None:
    verbs.command("start")(start)
    verbs.command("resume")(resume)


def start(
    profile: Profile,
    model: Model = "",
    generation: Generation = None,
    in_workbench: InWorkbench = False,
    handset: OnHandset = "",
    autosave: Autosave = None,
    until: Annotated[str | None, typer.Option(help="End when this comes behind the last typed line.")] = None,
    typed: Annotated[
        list[str] | None, typer.Option("--type", help="Type a line at the next prompt; may be repeated.")
    ] = None,
    prompt: Annotated[str | None, typer.Option(help="What a prompt is, as for 'run'.")] = None,
    timeout: Annotated[float | None, typer.Option(min=0.0, help="Seconds to give up after (16).")] = None,
    screenshot: Annotated[Path | None, typer.Option(help="Write the panel to a PNG at the end.")] = None,
    at_end: Annotated[
        str,
        typer.Option(
            metavar="suspend|off|discard",
            help="Save it as it runs, or switched off, or keep what was saved before.",
        ),
    ] = "suspend",
    accept_older: Annotated[
        bool, typer.Option("--accept-older", help="Also where this computer has seen a newer state of it.")
    ] = False,
    passphrase_file: PassphraseFile = None,
    identity: Identity = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Run a profile's guest in this terminal: its console is here, Ctrl+] suspends it and ends the run.

    Other terminals reach it meanwhile: 'profile snapshot', 'suspend', 'stop', 'restore'. With --in-workbench
    it runs on a handset of the open workbench instead.
    """
    from pocketvisor.cli.reach import running
    from pocketvisor.errors import ProfileError
    from pocketvisor.profiles import find_profile

    path = find_profile(profile)
    if (run := running(path)) is not None:
        raise ProfileError(f"{path.stem} runs already: it is {run.guest} on {run.handset}, {run.state}")
    if in_workbench:
        given: dict[str, Any] = {
            "--model": model,
            "--until": until,
            "--type": typed,
            "--timeout": timeout,
            "--screenshot": screenshot,
            "--at-end": at_end != "suspend",
            "--accept-older": accept_older,
        }
        if unfit := [option for option, value in given.items() if value not in (None, "", False, [])]:
            raise _usage(f"{', '.join(unfit)}: not with --in-workbench")
        _open(path, generation, handset, autosave, passphrase_file, identity, key_file, json)
        return
    if handset:
        raise _usage("--handset goes with --in-workbench; --model says what it runs on here")
    from pocketvisor.guest import nursery

    nursery.warm()  # while all that this process needs is loaded

    from pocketvisor.cli.plan import chosen_model
    from pocketvisor.cli.profile_files import chosen_generation, opened_with
    from pocketvisor.cli.profile_run import AT_END, StartPlan, run_profile
    from pocketvisor.cli.run import DEFAULT_MODEL
    from pocketvisor.cli.unlocking import unlock_of
    from pocketvisor.guest import record
    from pocketvisor.guest.script import DEFAULT_PROMPT, ScriptPlan

    if at_end not in AT_END:
        raise _usage(f"--at-end: '{at_end}' is none of {', '.join(AT_END)}")
    script = None
    if typed or until is not None:
        script = ScriptPlan(lines=tuple(typed or ()), prompt=prompt or DEFAULT_PROMPT, until=until)
    unlock = unlock_of(path, passphrase_file, identity, key_file)
    with opened_with(path, unlock, read_only=True) as file:
        chosen = chosen_generation(file, generation)
        last_model = record.decode(file.manifest(chosen.number).guest).model
    plan = StartPlan(
        path=path,
        model=chosen_model(model or last_model or DEFAULT_MODEL),
        unlock=unlock,
        generation=chosen.number if generation is not None else None,
        accept_older=accept_older,
        script=script,
        timeout=timeout,
        screenshot=screenshot,
        autosave=autosave,
        at_end=at_end,
        json=json,
    )
    raise typer.Exit(run_profile(plan))


def resume(
    profile: Profile,
    model: Model = "",
    in_workbench: InWorkbench = False,
    handset: OnHandset = "",
    autosave: Autosave = None,
    passphrase_file: PassphraseFile = None,
    identity: Identity = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Let a guest go on that was suspended: where it is, or in this terminal as 'start' does."""
    from pocketvisor.cli.reach import ask_holder, strange
    from pocketvisor.control.profile_calls import ProfileShown, Resume
    from pocketvisor.profiles import find_profile

    path = find_profile(profile)
    reply = ask_holder(path, Resume(profile=str(path)), f"Resuming {path.stem}", shown=not json)
    if reply is None:
        start(
            profile,
            model=model,
            in_workbench=in_workbench,
            handset=handset,
            autosave=autosave,
            passphrase_file=passphrase_file,
            identity=identity,
            key_file=key_file,
            json=json,
        )
    elif not isinstance(reply, ProfileShown):
        raise strange()
    elif json:
        print_json(plain_run(reply))
    else:
        typer.echo(f"{reply.guest} is {reply.state} on {reply.handset}")


def _open(
    path: Path,
    generation: str | None,
    handset: str,
    autosave: float | None,
    passphrase_file: str | None,
    identity: Path | None,
    key_file: str | None,
    json: bool,
) -> None:
    from pocketvisor.cli.profile_files import chosen_generation, opened_with
    from pocketvisor.cli.reach import ask_holder, ask_workbench
    from pocketvisor.cli.unlocking import unlock_of
    from pocketvisor.control.profile_calls import Key, OpenProfile, ProfileShown, SetAutosave

    unlock = unlock_of(path, passphrase_file, identity, key_file)
    number = None
    if generation is not None:
        with opened_with(path, unlock, read_only=True) as file:
            number = chosen_generation(file, generation).number
    key = None
    if unlock is not None:
        where = str(unlock.identity.absolute()) if unlock.identity is not None else ""
        key = Key(passphrase=unlock.passphrase, identity=where, text=unlock.key)
    request = OpenProfile(profile=str(path), handset=handset, generation=number, key=key)
    shown = ask_workbench(request, f"Opening {path.stem}", ProfileShown, shown=not json)
    if autosave is not None:
        reply = ask_holder(path, SetAutosave(profile=str(path), seconds=autosave))
        shown = reply if isinstance(reply, ProfileShown) else shown
    if json:
        print_json(plain_run(shown))
    else:
        typer.echo(f"{shown.guest} runs on {shown.handset}")


def _usage(sentence: str) -> typer.Exit:
    fail(sentence)
    return typer.Exit(EXIT_USAGE)
