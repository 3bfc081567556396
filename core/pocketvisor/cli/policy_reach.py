"""How verbs come to a profile's policy: through who runs it, or in its file. And how deliveries go there."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pocketvisor.control.policy_calls import AuditShown, PolicyShown, PolicyTaken

MAX_FILE = 64 << 10


def read_document(path: Path) -> bytes:
    """Of a policy, an order, or several. Raises PolicyError."""
    from pocketvisor.errors import PolicyError

    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        raise PolicyError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > MAX_FILE:
        raise PolicyError(f"{path.name} is no policy: it is larger than {MAX_FILE >> 10} KiB")
    return content


def write_document(path: Path, document: bytes) -> None:
    """Whole, or not there. Raises PolicyError."""
    from pocketvisor.errors import PolicyError

    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(document)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise PolicyError(f"{path} cannot be written: {error.strerror}") from None


def shown(path: Path) -> "PolicyShown":
    """Raises PocketvisorError."""
    from pocketvisor.cli.reach import ask_holder, strange
    from pocketvisor.control.policy_calls import AskPolicy, PolicyShown
    from pocketvisor.policies.governed import Governed
    from pocketvisor.profile.file import ProfileFile
    from pocketvisor.services.policy import policy_shown

    reply = ask_holder(path, AskPolicy(profile=str(path)))
    if reply is None:
        with ProfileFile.open(path, read_only=True) as file:
            return policy_shown(file.id, Governed.of_file(file))
    if not isinstance(reply, PolicyShown):
        raise strange()
    return reply


def audit(path: Path, after: int, limit: int, *, verify: bool) -> "AuditShown":
    """It is read where it is: nobody needs to be asked. Raises PocketvisorError."""
    from pocketvisor.profiles import profile_info
    from pocketvisor.services.policy import audit_shown

    return audit_shown(profile_info(path).id, after, limit, verify=verify)


def delivered(
    path: Path,
    delivery: bytes,
    passphrase_file: str | None = None,
    identity: Path | None = None,
    key_file: str | None = None,
) -> "PolicyTaken":
    """To a running guest through who runs it; else into the file, which is unlocked where that is needed: for
    the first policy. Raises PocketvisorError."""
    from pocketvisor.cli.reach import ask_holder, strange
    from pocketvisor.cli.unlocking import unlocked
    from pocketvisor.control.policy_calls import DeliverPolicy, PolicyTaken
    from pocketvisor.policies.applying import NoAuthority, deliver
    from pocketvisor.policies.governed import Governed
    from pocketvisor.profile.file import ProfileFile
    from pocketvisor.services.policy import taken

    reply = ask_holder(path, DeliverPolicy(profile=str(path), delivery=delivery))
    if reply is not None:
        if not isinstance(reply, PolicyTaken):
            raise strange()
        return reply
    with ProfileFile.open(path) as file:
        try:
            applied = deliver(delivery, file.id, file=file, who="command line")
        except NoAuthority:
            if not file.sealed:
                raise
            unlocked(file, path.stem, passphrase_file, identity, key_file)
            applied = deliver(delivery, file.id, file=file, who="command line")
        Governed.of_file(file)  # a wipe that was ordered is done
    return taken(applied)


def tell(reply: "PolicyTaken", path: Path, json: bool) -> None:
    from pocketvisor.cli.output import print_json

    if json:
        print_json({"name": path.stem, "path": str(path), "taken": reply.taken})
        return
    for each in reply.taken:
        typer.echo(f"{path.stem}: {each.sentence}")


def library_profile(profile: bytes) -> Path:
    """Of the library, by its id. Raises PolicyError."""
    from pocketvisor.errors import PolicyError
    from pocketvisor.profiles import library

    found = [each.path for each in library() if each.info is not None and each.info.id == profile]
    if not found:
        raise PolicyError(f"The library has no profile {profile.hex()}: say which file it is for")
    return found[0]
