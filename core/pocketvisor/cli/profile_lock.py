"""`pocketvisor profile lock`, `unlock`, `check-in` and `wipe --key`: what IT orders of a phone that it
governs, here and now, or as a file that somebody delivers there ('pocketvisor policy deliver')."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pocketvisor.cli.output import Json, print_json
from pocketvisor.cli.policy_keys import Key, KeyFile, KeyPassphraseFile

if TYPE_CHECKING:
    from pocketvisor.policies.orders import Kind

Governed = Annotated[str, typer.Argument(metavar="PROFILE", help="Its name, its file, or with --out its id.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Write the order to a file, and do no more."),
]
Reason = Annotated[str, typer.Option("--reason", help="Shown to the phone's user.")]
Hours = Annotated[
    int, typer.Option("--hours", min=1, max=8784, help="For how long the order can be delivered.")
]


def add_to(verbs: typer.Typer) -> None:
    for kind, sentence in (
        ("lock", "Lock a phone that you govern: it stands still, and nobody opens it, until you unlock it."),
        ("unlock", "Let a phone be used again that you have locked, or a copy of one that was wiped."),
        ("check-in", "Tell a phone that you are there: its check-in period begins anew."),
    ):
        verbs.command(kind, help=sentence)(_verb(kind))  # type: ignore[arg-type]


def _verb(kind: "Kind") -> Callable[..., None]:
    def order(
        profile: Governed,
        out: Out = None,
        reason: Reason = "",
        hours: Hours = 72,
        key: Key = None,
        key_file: KeyFile = None,
        key_passphrase_file: KeyPassphraseFile = None,
        policy: Annotated[
            Path | None, typer.Option("--policy", metavar="FILE", help="A signed policy to go with it.")
        ] = None,
        json: Json = False,
    ) -> None:
        ordered(kind, profile, out, reason, hours, key, key_file, key_passphrase_file, policy, json)

    return order


def ordered(
    kind: "Kind",
    profile: str,
    out: Path | None,
    reason: str,
    hours: int,
    key: str | None,
    key_file: Path | None,
    key_passphrase_file: str | None,
    policy: Path | None,
    json: bool,
) -> None:
    """Signs an order, and delivers it or writes it down. Raises PocketvisorError."""
    from pocketvisor.cli.policy import profile_or_id
    from pocketvisor.cli.policy_keys import signing_key
    from pocketvisor.cli.policy_reach import delivered, read_document, shown, tell, write_document
    from pocketvisor.errors import PolicyError
    from pocketvisor.policies.document import read_policy
    from pocketvisor.policies.orders import new_order

    path, own = profile_or_id(profile)
    if path is None and out is None:
        raise PolicyError("Of a profile that is elsewhere an order goes into a file: say which (--out)")
    known = shown(path) if path is not None else None
    now = datetime.now(UTC)
    # Of the clock, so that orders from several computers of IT are in turn; above what was seen in any case.
    serial = max(time.time_ns() // 1_000_000, known.serial + 1 if known is not None else 0)
    signed = new_order(
        kind,
        own,
        serial,
        now,
        now + timedelta(hours=hours),
        signing_key(key, key_file, key_passphrase_file),
        reason,
    )
    if policy is not None:
        with_it = read_document(policy)
        read_policy(with_it)
        signed = with_it + signed
    if out is not None:
        write_document(out, signed)
        if json:
            print_json({"file": str(out), "serial": serial, "profile": own.hex()})
        else:
            typer.echo(f"The {kind} is in {out}: 'pocketvisor policy deliver {out}' there, within {hours} h")
        return
    assert path is not None
    tell(delivered(path, signed), path, json)
