"""What an open workbench, or a run in a terminal, does when it is asked about a profile's policy."""

import asyncio
from pathlib import Path

from pocketvisor.control import policy_calls as calls
from pocketvisor.control.policy_calls import PolicyReply, PolicyRequest
from pocketvisor.control.profile_calls import ProfileAbsent
from pocketvisor.policies.applying import Applied, deliver
from pocketvisor.policies.audit import AuditLog
from pocketvisor.policies.governed import Governed
from pocketvisor.policies.store import GovernanceStore
from pocketvisor.profile.file import ProfileFile
from pocketvisor.services.desk import Desk, guest_of_profile


async def answer(desk: Desk, request: PolicyRequest) -> PolicyReply | ProfileAbsent:
    """Raises PocketvisorError."""
    path = Path(request.profile)
    guest = guest_of_profile(desk, path)
    if guest is not None and guest.profile is not None:
        reply = await asyncio.to_thread(answer_for, guest.profile.file, request)
        if isinstance(request, calls.DeliverPolicy):
            guest.look_for_governor()
            guest.keep_order()
        return reply
    return await asyncio.to_thread(_at_rest, path, request) if request.at_rest else ProfileAbsent()


def answer_for(file: ProfileFile, request: PolicyRequest) -> PolicyReply:
    """On a thread. Raises PolicyError, ProfileError."""
    match request:
        case calls.DeliverPolicy(delivery=delivery):
            return taken(deliver(delivery, file.id, file=file, who="control protocol"))
        case calls.AskAudit():
            return audit_shown(file.id, request.after, request.limit, verify=request.verify)
        case _:
            return policy_shown(file.id, Governed.of_file(file))


def _at_rest(path: Path, request: PolicyRequest) -> PolicyReply:
    """Of a file that nobody has open here."""
    reading = not isinstance(request, calls.DeliverPolicy)
    with ProfileFile.open(path, read_only=reading) as file:
        return answer_for(file, request)


def policy_shown(profile: bytes, governed: Governed | None) -> calls.PolicyShown:
    if governed is None:
        return calls.PolicyShown(profile=profile.hex(), governed=False)
    standing = governed.standing()
    effects = [
        calls.EffectShown(what=each.what, allowed=each.allowed, sentence=each.sentence)
        for each in governed.effects()
    ]
    return calls.PolicyShown(
        profile=profile.hex(),
        governed=True,
        organisation=governed.organisation,
        authority=governed.authority.hex(),
        number=governed.policy.number,
        serial=governed.serial,
        text=governed.governance.policy.text,
        effects=effects,
        locked=standing.locked,
        why=standing.why,
        until_ns=standing.until_ns,
        check_in_due_ns=standing.check_in_due_ns,
        wipe_due=standing.wipe_due,
        wiped=governed.wiped,
        problem=governed.problem,
    )


def taken(applied: list[Applied]) -> calls.PolicyTaken:
    return calls.PolicyTaken(
        taken=[
            calls.TakenShown(what=each.what, sentence=each.sentence, changed=each.changed) for each in applied
        ]
    )


def audit_shown(profile: bytes, after: int, limit: int, *, verify: bool) -> calls.AuditShown:
    """Raises PolicyError."""
    log = AuditLog(profile, GovernanceStore())
    lines = [
        calls.AuditLineShown(
            n=line.n,
            time=line.time,
            what=line.what,
            who=line.who,
            said=line.said,
            more=line.more,
            hash=line.hash,
        )
        for line in log.lines(after, limit)
    ]
    return calls.AuditShown(lines=lines, problems=log.verify() if verify else None)
