"""`pocketvisor policy`: what governs a phone, for who signs policies and for who asks what they say."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from pocketvisor.cli import policy_keys
from pocketvisor.cli.output import EXIT_ERROR, Json, fail, print_json
from pocketvisor.cli.policy_keys import Key, KeyPassphraseFile
from pocketvisor.cli.policy_keys import KeyFile as AuthorityFile
from pocketvisor.cli.profile_show import Profile
from pocketvisor.cli.unlocking import Identity, KeyFile, PassphraseFile

if TYPE_CHECKING:
    from pocketvisor.control.policy_calls import AuditLineShown, PolicyShown
    from pocketvisor.policies.decisions import Effect

_FOLLOW_SECONDS = 0.5

Document = Annotated[Path, typer.Argument(metavar="FILE", help="A policy's file.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where to write it.")]


def add_to(app: typer.Typer) -> None:
    verbs = typer.Typer(
        no_args_is_help=True, help="What governs phones: signed policies, orders, and what they say."
    )
    verbs.command("new")(new)
    verbs.command("effects")(effects)
    verbs.command("sign")(sign)
    verbs.command("check")(check)
    verbs.command("apply")(apply)
    verbs.command("deliver")(deliver)
    verbs.command("show")(show)
    verbs.command("log")(log)
    policy_keys.add_to(verbs)
    app.add_typer(verbs, name="policy")


def new(
    profile: Annotated[str, typer.Argument(metavar="PROFILE", help="Its name, its file, or its id.")],
    out: Out = None,
    organisation: Annotated[str, typer.Option("--organisation", help="Whose policy it is.")] = "",
    days: Annotated[
        int | None, typer.Option("--days", min=1, max=36500, help="After so many it expires.")
    ] = None,
    release: Annotated[
        bool, typer.Option("--release", help="Let the profile go: nobody governs it then.")
    ] = False,
    number: Annotated[
        int | None,
        typer.Option("--number", min=1, max=1 << 53, help="Else the next one here, and 1 elsewhere."),
    ] = None,
    json: Json = False,
) -> None:
    """Write a policy to begin with: everything is allowed, every restriction is there as a comment."""
    from pocketvisor.cli.policy_reach import shown, write_document
    from pocketvisor.errors import PolicyError
    from pocketvisor.policies.document import parse_policy
    from pocketvisor.policies.template import new_policy

    path, own = profile_or_id(profile)
    known = shown(path) if path is not None else None
    if release and known is not None and not known.governed:
        raise PolicyError(f"Nobody governs {profile}: there is nothing to release it from")
    if number is None:
        number = known.number + 1 if known is not None and known.governed else 1
    if not organisation and known is not None and known.governed:
        organisation = parse_policy(known.text).organisation
    text = new_policy(own, number, datetime.now(UTC), organisation=organisation, days=days, release=release)
    parse_policy(text)
    if out is not None:
        write_document(out, text.encode())
    if json:
        print_json({"file": str(out) if out else None, "profile": own.hex(), "number": number, "text": text})
        return
    if out is None:
        typer.echo(text, nl=False)
        return
    typer.echo(f"Policy {number} of {profile} is in {out}: edit it, then 'pocketvisor policy sign {out}'")


def effects(file: Document, json: Json = False) -> None:
    """Say what a policy means, signed or not: what each side may do."""
    from pocketvisor.cli.policy_reach import read_document
    from pocketvisor.policies.decisions import effects as said
    from pocketvisor.policies.document import parse_policy
    from pocketvisor.policies.signing import unsigned

    policy = parse_policy(unsigned(read_document(file)))
    _tell_effects(said(policy), json)


def sign(
    file: Document,
    out: Out = None,
    key: Key = None,
    key_file: AuthorityFile = None,
    key_passphrase_file: KeyPassphraseFile = None,
    json: Json = False,
) -> None:
    """Sign a policy, in place or into another file. A signature that it has is replaced."""
    from pocketvisor.cli.policy_reach import read_document, write_document
    from pocketvisor.policies.document import parse_policy
    from pocketvisor.policies.signing import DocumentKind, unsigned
    from pocketvisor.policies.signing import sign as signed

    text = unsigned(read_document(file))
    policy = parse_policy(text)
    document = signed(
        text, DocumentKind.POLICY, own := policy_keys.signing_key(key, key_file, key_passphrase_file)
    )
    write_document(out or file, document)
    if json:
        print_json({"file": str(out or file), "number": policy.number, "public": own.public.hex()})
    else:
        typer.echo(f"Policy {policy.number} is signed by {own.public.hex()[:12]}: {out or file}")


def check(
    file: Document,
    profile: Annotated[
        str | None, typer.Option("--profile", help="Whether it would be taken by this one, too.")
    ] = None,
    json: Json = False,
) -> None:
    """Check a signed policy or order; exit code 1 where it could not be used."""
    from pocketvisor.cli.policy_reach import read_document
    from pocketvisor.errors import PolicyError
    from pocketvisor.policies.document import read_policy
    from pocketvisor.policies.orders import is_order, read_order
    from pocketvisor.policies.signing import parted

    told: list[dict[str, Any]] = []
    now = time.time_ns()
    delivery = read_document(file)
    for document in parted(delivery):
        if is_order(document):
            order = read_order(document)
            kind, signer, own = str(order.order.kind), order.signer, order.order.profile_id
            number, ends = order.order.serial, order.order.valid_until_ns
        else:
            policy = read_policy(document)
            kind, signer, own = "policy", policy.signer, policy.policy.profile
            number, ends = policy.policy.number, policy.policy.expires_ns or 0
        if 0 < ends <= now:
            raise PolicyError(f"The {kind} is over: it was good until {_when(ends)}")
        told.append({"what": kind, "number": number, "signer": signer.hex(), "profile": own.hex()})
    if profile is not None:
        _check_for(profile, delivery, told)
    if json:
        print_json(told)
        return
    for each in told:
        typer.echo(
            f"{each['what']} {each['number']} for {each['profile']}, signed by {each['signer'][:12]}:"
            f" {each.get('sentence', 'good')}"
        )


def apply(
    file: Document,
    profile: Profile,
    passphrase_file: PassphraseFile = None,
    identity: Identity = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Put a profile under a signed policy. The first one makes its signer the profile's authority.

    For the first one you need what opens the profile; later ones prove themselves.
    """
    from pocketvisor.cli.policy_reach import delivered, read_document, tell
    from pocketvisor.profiles import find_profile

    path = find_profile(profile)
    tell(delivered(path, read_document(file), passphrase_file, identity, key_file), path, json)


def deliver(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Policies and orders, as IT sent them.")],
    profile: Annotated[
        str | None, typer.Argument(metavar="[PROFILE]", help="Else the library's that it is for.")
    ] = None,
    json: Json = False,
) -> None:
    """Bring what IT sent to its profile: a policy, a check-in, a lock, an unlock, a wipe, or several."""
    from pocketvisor.cli.policy_reach import delivered, library_profile, read_document, tell
    from pocketvisor.policies.applying import profile_of
    from pocketvisor.profiles import find_profile

    delivery = read_document(file)
    path = find_profile(profile) if profile is not None else library_profile(profile_of(delivery))
    tell(delivered(path, delivery), path, json)


def show(
    profile: Profile,
    text: Annotated[bool, typer.Option("--text", help="The policy itself, as it was signed.")] = False,
    json: Json = False,
) -> None:
    """Say who governs a profile, what it may do, and how it stands."""
    from pocketvisor.cli.policy_reach import shown
    from pocketvisor.policies.decisions import Effect
    from pocketvisor.profiles import find_profile

    path = find_profile(profile)
    found = shown(path)
    if json:
        print_json(found)
    elif not found.governed:
        typer.echo(f"Nobody governs {path.stem}")
    elif text:
        typer.echo(found.text, nl=False)
    else:
        _tell_standing(path.stem, found)
        _tell_effects([Effect(each.what, each.allowed, each.sentence) for each in found.effects], False)


def log(
    profile: Profile,
    verify: Annotated[bool, typer.Option("--verify", help="Exit code 1 if it was changed.")] = False,
    lines: Annotated[int, typer.Option("--lines", min=1, max=1000, help="How many of the newest.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", help="And those to come, until Ctrl+C.")] = False,
    json: Json = False,
) -> None:
    """Show what happened to a governed profile: refusals, policies, orders, locks, wipes."""
    from pocketvisor.cli.policy_reach import audit
    from pocketvisor.profiles import find_profile

    path = find_profile(profile)
    found = audit(path, 0, lines, verify=verify)
    if json and not follow:
        print_json({"lines": found.lines, "problems": found.problems})
    else:
        _tell_lines(found.lines, json)
    for problem in found.problems or ():
        fail(f"{path.stem}: {problem}")
    if found.problems:
        raise typer.Exit(EXIT_ERROR)
    if not json and not found.lines:
        typer.echo(f"Nothing is in the audit log of {path.stem}")
    elif verify and not json:
        typer.echo("The log is whole")
    last = found.lines[-1].n if found.lines else 0
    while follow:
        time.sleep(_FOLLOW_SECONDS)
        more = audit(path, last, 1000, verify=False).lines
        _tell_lines(more, json)
        last = more[-1].n if more else last


def profile_or_id(text: str) -> tuple[Path | None, bytes]:
    """A profile of this computer, or the id of one that is elsewhere. Raises ProfileError."""
    from pocketvisor.profiles import find_profile, profile_info

    if len(text) == 32 and all(letter in "0123456789abcdef" for letter in text):
        return None, bytes.fromhex(text)
    path = find_profile(text)
    return path, profile_info(path).id


def _check_for(profile: str, delivery: bytes, told: list[dict[str, Any]]) -> None:
    """Whether it would be taken, as this computer knows the profile. Raises PolicyError."""
    from pocketvisor.errors import PolicyError
    from pocketvisor.policies.applying import NoAuthority, would_take
    from pocketvisor.profile.file import ProfileFile

    path, own = profile_or_id(profile)
    for each in told:
        if each["profile"] != own.hex():
            raise PolicyError(f"The {each['what']} is for another profile: {each['profile']}")
    if path is None:
        return
    with ProfileFile.open(path, read_only=True) as file:
        try:
            taken = would_take(delivery, own, file=file)
        except NoAuthority:
            if not file.sealed:
                raise
            return  # good, for who can open the profile
    for each, applied in zip(told, taken, strict=True):
        if not applied.changed:
            each["sentence"] = applied.sentence


def _tell_standing(name: str, found: "PolicyShown") -> None:
    typer.echo(
        f"{name} is governed by {found.organisation} (key {found.authority[:12]}), policy {found.number}"
    )
    if found.locked:
        until = f", until {_when(found.until_ns)}" if found.until_ns else ""
        typer.echo(f"It is locked{until}: {found.why}")
    elif found.check_in_due_ns is not None:
        typer.echo(f"The next check-in is due until {_when(found.check_in_due_ns)}")
    if found.problem:
        fail(found.problem)
    typer.echo("")


def _tell_effects(effects: "list[Effect]", json: bool) -> None:
    if json:
        print_json([{"what": what, "allowed": allowed, "sentence": said} for what, allowed, said in effects])
        return
    width = max(len(each.what) for each in effects)
    for what, allowed, said in effects:
        typer.echo(f"{'yes' if allowed else 'no':3}  {what.ljust(width)}  {said}")


def _tell_lines(lines: "list[AuditLineShown]", json: bool) -> None:
    for line in lines:
        if json:
            typer.echo(msgspec.json.encode(line).decode())  # as they come: one object a line
        else:
            typer.echo(f"{line.n}  {_local(line.time)}  {line.what}  {line.who}: {line.said}")


def _when(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns / 1e9):%Y-%m-%d %H:%M}"


def _local(time: str) -> str:
    """Of a line that anybody may have written."""
    try:
        return f"{datetime.fromisoformat(time).astimezone():%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return time[:19]
