"""Ways around a policy with other documents: of another key, forged, older, replayed."""

import base64
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from bypass import LOCK, Scene, attempt, kind, tries
from policy_kit import policy_text

from pocketvisor.errors import PolicyError
from pocketvisor.policies.orders import new_order
from pocketvisor.policies.signing import DocumentKind, sign


def brought(scene: Scene, *documents: bytes) -> bool:
    """Deliver it, and then have a copy of the phone."""
    for document in documents:
        with suppress(PolicyError):
            scene.deliver(document)
    return scene.can_export()


# Policies

other_key = kind("a policy of another key")
tries(
    other_key,
    newer=lambda s: brought(s, s.user.policy(s.profile, 3)),
    the_highest_number=lambda s: brought(s, s.user.policy(s.profile, 1 << 53)),
    a_release=lambda s: brought(s, s.user.policy(s.profile, 9, header="release = true")),
    a_release_and_another_policy=lambda s: brought(
        s, s.user.policy(s.profile, 9, header="release = true"), s.user.policy(s.profile, 1)
    ),
    with_a_check_in=lambda s: brought(
        s, s.user.policy(s.profile, 9) + s.user.order("check-in", s.profile, 9)
    ),
    behind_one_of_its_own=lambda s: brought(s, s.held["policy 1"] + s.user.policy(s.profile, 9)),
)


@attempt(other_key, "on the command line")
async def _command_line(scene: Scene) -> bool:
    file = scene.new("own.toml")
    file.write_bytes(scene.user.policy(scene.profile, 9))
    await scene.command("policy", "apply", file, scene.path)
    ran = await scene.command("profile", "export", scene.path, scene.new("copy.vphone"))
    return ran.code == 0


def _changed(scene: Scene) -> bytes:
    """The policy in force, if there is one; else one of the user's own."""
    return scene.held.get("policy 2") or scene.user.policy(scene.profile, 2)


def _without(document: bytes, *words: bytes) -> bytes:
    lines = document.split(b"\n")
    return b"\n".join(line for line in lines if not any(word in line for word in words))


def _signature(document: bytes) -> bytes:
    """Its last line."""
    return document.rstrip().rpartition(b"\n")[2] + b"\n"


forged = kind("a forged policy")
tries(
    forged,
    another_word=lambda s: brought(s, _changed(s).replace(b'"no"', b'"yes"').replace(b"= 2", b"= 3")),
    without_its_restrictions=lambda s: brought(
        s,
        b"\n".join(line for line in _changed(s).split(b"\n") if b"false" not in line).replace(
            b'"no"', b'"yes"'
        ),
    ),
    text_after_the_signature=lambda s: brought(s, _changed(s) + b'[export]\nallowed = "yes"\n'),
    without_a_signature=lambda s: brought(s, policy_text(s.profile, 3).encode()),
    a_signature_of_zeros=lambda s: brought(
        s,
        policy_text(s.profile, 3).encode()
        + b"# signed by "
        + s.it.key.public.hex().encode()
        + b": "
        + base64.b64encode(bytes(64))
        + b"\n",
    ),
    the_authoritys_name_over_ones_own_signature=lambda s: brought(
        s,
        s.user.policy(s.profile, 3).replace(s.user.key.public.hex().encode(), s.it.key.public.hex().encode()),
    ),
    an_old_signature_under_a_new_text=lambda s: brought(
        s, policy_text(s.profile, 3).encode() + _signature(_changed(s))
    ),
    two_signatures=lambda s: brought(
        s,
        policy_text(s.profile, 3).encode() + _changed(s).rstrip().rpartition(b"\n")[2] + b"\n" + _changed(s),
    ),
    an_orders_signature=lambda s: brought(
        s, sign(policy_text(s.profile, 3), DocumentKind.ORDER, s.user.key), s.user.policy(s.profile, 3)
    ),
    a_release_put_into_its_header=lambda s: brought(
        s, _changed(s).replace(b"number = 2", b"number = 3\nrelease = true")
    ),
)

older = kind("an older policy, or another of its number")
tries(
    older,
    the_first_again=lambda s: brought(s, s.held["policy 1"]),
    with_a_check_in_of_its_own=lambda s: brought(
        s, s.held["policy 1"] + s.user.order("check-in", s.profile, 50)
    ),
    a_draft_of_the_same_number=lambda s: brought(s, s.held["draft 2"]),
    one_that_has_expired=lambda s: brought(s, s.held["expired 3"]),
    one_from_the_future=lambda s: brought(s, s.held["future 4"]),
    of_another_phone=lambda s: brought(s, s.held["other phone's"]),
    of_another_phone_with_this_ones_id=lambda s: brought(
        s, s.held["other phone's"].replace(bytes(16).hex().encode(), s.profile.hex().encode())
    ),
    one_with_unknown_fields=lambda s: brought(s, s.held["unknown 5"]),
)

# Orders, for a phone that is locked


foreign_order = kind("an unlock of another key", sections=LOCK)
tries(
    foreign_order,
    newer=lambda s: brought(s, s.user.order("unlock", s.profile, 10)),
    the_highest_serial=lambda s: brought(s, s.user.order("unlock", s.profile, 1 << 53)),
    a_check_in=lambda s: brought(s, s.user.order("check-in", s.profile, 10)),
    a_policy_and_an_unlock=lambda s: brought(
        s, s.user.policy(s.profile, 9) + s.user.order("unlock", s.profile, 10)
    ),
    a_wipe_and_an_unlock=lambda s: brought(
        s,
        *(s.user.order(what, s.profile, 20 + at) for at, what in enumerate(("lock", "unlock"))),  # type: ignore[arg-type]
    ),
    with_the_authoritys_name=lambda s: brought(
        s,
        s.user.order("unlock", s.profile, 10).replace(
            s.user.key.public.hex().encode(), s.it.key.public.hex().encode()
        ),
    ),
)

replayed = kind("an unlock that was used, or is over", sections=LOCK)
tries(
    replayed,
    the_last_one_again=lambda s: brought(s, s.held["unlock 1"]),
    with_another_serial=lambda s: brought(s, s.held["unlock 1"].replace(b"serial = 1", b"serial = 9")),
    one_that_is_over=lambda s: brought(s, s.held["late 5"]),
    one_from_the_future=lambda s: brought(s, s.held["future 6"]),
    of_another_phone=lambda s: brought(s, s.held["other phone's unlock"]),
    the_lock_turned_into_one=lambda s: brought(s, s.held["lock 3"].replace(b'"lock"', b'"unlock"')),
    a_check_in_turned_into_one=lambda s: brought(s, s.held["check-in 2"].replace(b'"check-in"', b'"unlock"')),
    the_first_policy_and_it=lambda s: brought(s, s.held["policy 1"] + s.held["unlock 1"]),
)


def hold_documents(scene: Scene) -> None:
    """What a user may have kept, or found, of what IT signed."""
    it, own, held = scene.it, scene.profile, scene.held
    held["policy 1"] = it.policy(own, 1)
    held["draft 2"] = it.policy(own, 2)
    held["expired 3"] = it.policy(own, 3, header="expires = 2026-11-03T00:00:00Z")
    held["future 4"] = it.policy(own, 4, header=f"issued = {_later(2)}")
    held["unknown 5"] = it.policy(own, 5, "[screen]\nscreenshots = true\nhologram = true")
    held["other phone's"] = it.policy(bytes(16), 9)
    held["unlock 1"] = it.order("unlock", own, 1)
    held["check-in 2"] = it.order("check-in", own, 2)
    held["lock 3"] = it.order("lock", own, 3, "lost")
    long_ago = datetime.now(UTC) - timedelta(days=9)
    held["late 5"] = new_order("unlock", own, 5, long_ago, long_ago + timedelta(days=3), it.key)
    held["future 6"] = it.order("unlock", own, 6, after=2)
    held["other phone's unlock"] = it.order("unlock", bytes(16), 9)


def _later(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat(timespec="seconds")
