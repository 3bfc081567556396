"""What governs a profile: who may bring what, what holds, and that nothing older undoes it."""

import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from policy_kit import HOUR, IT, SECOND, policy_text

from pocketvisor.errors import PolicyError, Refused
from pocketvisor.policies.act import Act
from pocketvisor.policies.applying import NoAuthority
from pocketvisor.policies.authority import AuthorityKey
from pocketvisor.policies.carried import Carried, encode
from pocketvisor.policies.governed import Governed
from pocketvisor.policies.signing import DocumentKind, sign
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import NewKeys, Unlock

NO_SHOTS = "[screen]\nscreenshots = false"


@pytest.fixture
def it(tmp_path: Path) -> IT:
    return IT(tmp_path)


def test_nobody_governs_a_profile_without_a_policy(it: IT) -> None:
    with it.profile() as file:
        assert Governed.of_file(file, store=it.store) is None
        assert not it.store.path.exists()  # a user without policies has no store


def test_the_first_policy_makes_its_signer_the_authority(it: IT) -> None:
    with it.profile() as file:
        governed = it.governs(file, NO_SHOTS)
        assert governed.authority == it.key.public and governed.organisation == "Acme"
        assert governed.allows(Act.SCREENSHOT) == "Acme's policy allows no screenshots of this phone"
        assert governed.allows(Act.RECORD) == ""
        with pytest.raises(Refused, match="Acme's policy allows no screenshots"):
            governed.check(Act.SCREENSHOT, "Work")
        line = governed.log()[-1]
        assert (line.what, line.who) == ("refused: screenshot", "Work")
        assert "no screenshots" in line.said


def test_the_first_policy_of_a_sealed_profile_needs_what_opens_it(it: IT) -> None:
    it.profile(keys=NewKeys(passphrase="secret")).close()
    policy = None
    with ProfileFile.open(it.folder / "work.vphone") as file:
        policy = it.policy(file.id)
        with pytest.raises(NoAuthority, match="needs what opens it"):
            it.deliver(policy, file)
        assert it.store.kept(file.id) is None
        file.unlock(Unlock(passphrase="secret"))
        it.deliver(policy, file)
    with ProfileFile.open(it.folder / "work.vphone") as file:  # the next one needs no key
        it.deliver(it.policy(file.id, 2, NO_SHOTS), file)
        assert it.governed(file).allows(Act.SCREENSHOT)


def test_a_policy_comes_without_the_file_when_somebody_governs(it: IT) -> None:
    with it.profile() as file:
        with pytest.raises(NoAuthority, match="needs its file"):
            it.deliver(it.policy(file.id), None, file.id)
        governed = it.governs(file)
        it.deliver(it.policy(file.id, 2, NO_SHOTS), None, file.id)
        assert governed.allows(Act.SCREENSHOT)  # at once, in whoever has it open
        assert file.carried != governed.document
        it.governed(file)
        assert file.carried == governed.document


def test_a_policy_that_comes_in_the_moment_of_the_first_look_holds_at_once(
    it: IT, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system tells times by ticks of some milliseconds: the store looks as it did."""
    with it.profile() as file:
        it.deliver(it.policy(file.id), file)
        before = it.store.path.stat()
        monkeypatch.setattr(time, "time_ns", lambda: before.st_mtime_ns + 1_000_000)
        governed = it.governed(file)
        it.deliver(it.policy(file.id, 2, NO_SHOTS), file)
        os.utime(it.store.path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert it.store.path.stat().st_size == before.st_size
        assert governed.allows(Act.SCREENSHOT)


def test_the_same_policy_again_changes_nothing(it: IT) -> None:
    with it.profile() as file:
        document = it.policy(file.id)
        assert it.deliver(document, file)[0].changed
        applied = it.deliver(document, file)[0]
        assert not applied.changed and "in force already" in applied.sentence


def test_policies_that_are_refused(it: IT) -> None:
    with it.profile() as file, it.profile("other") as other:
        governed = it.governs(file, NO_SHOTS, number=5)
        kept = it.store.kept(file.id)
        stranger = sign(policy_text(file.id, 9), DocumentKind.POLICY, AuthorityKey.new())
        for document, sentence in (
            (policy_text(file.id, 6).encode(), "not signed"),
            (it.policy(file.id, 4), "older than the one in force: 4, not 5"),
            (it.policy(file.id, 5), "Another policy is in force under the number 5"),
            (it.policy(other.id, 6), "for another profile"),
            (stranger, "signed by another key"),
            (it.policy(file.id, 6, header="expires = 2026-11-02T11:59:59Z"), "expired on 2026-11-02"),
            (it.policy(file.id, 6, header="issued = 2026-11-02T12:06:00Z"), "from the future"),
            (it.policy(file.id, 6, "[foo]"), "section 'foo'"),
            (it.policy(file.id, 6).replace(b"Acme", b"Acne"), "does not fit"),
        ):
            with pytest.raises(PolicyError) as refused:
                it.deliver(document, file)
            assert sentence in str(refused.value)
            assert it.store.kept(file.id) == kept
        assert governed.allows(Act.SCREENSHOT)
        assert sum(line.what == "refused: delivery" for line in governed.log()) == 9


def test_several_documents_are_applied_all_or_none(it: IT) -> None:
    with it.profile() as file:
        it.governs(file)
        both = it.policy(file.id, 2) + it.order("check-in", file.id, 1)
        assert [each.what for each in it.deliver(both, file)] == ["policy", "check-in"]
        with pytest.raises(PolicyError, match="used already"):
            it.deliver(it.policy(file.id, 3) + it.order("check-in", file.id, 1), file)
        assert it.governed(file).policy.number == 2


# Release, and the next authority


def test_a_released_profile_is_its_users_and_can_be_governed_anew(it: IT) -> None:
    with it.profile() as file:
        governed = it.governs(file, NO_SHOTS)
        before = file.carried
        with pytest.raises(PolicyError, match=r"section .policy. alone"):
            it.deliver(it.policy(file.id, 2, "# " + "x" * 3000, header="release = true"), file)
        it.deliver(it.policy(file.id, 2, header="release = true"), file)
        assert governed.allows(Act.SCREENSHOT) == "" and governed.released
        assert Governed.of_file(file, store=it.store) is None
        with pytest.raises(PolicyError, match="was released"):
            it.deliver(it.order("lock", file.id, 1), file)
        file.carry(before)  # an older copy does not bring the policy back
        assert Governed.of_file(file, store=it.store) is None

        other = IT(it.folder, clock=it.clock)
        other.deliver(other.policy(file.id, 1, NO_SHOTS), file)
        governed = other.governed(file)
        assert governed.authority == other.key.public and governed.allows(Act.SCREENSHOT)
        with pytest.raises(PolicyError, match="another key"):
            it.deliver(it.policy(file.id, 9), file)
        # Another machine that knew the first authority follows, as the release is carried.
        machine = it.machine("machine")
        assert Governed.of(file.id, carried=before, store=machine.store) is not None
        followed = Governed.of_file(file, store=machine.store)
        assert followed is not None and followed.authority == other.key.public


def _passed_on(it: IT, other: IT, file: ProfileFile, number: int) -> Governed:
    """Released by the one, governed and locked by the other."""
    it.clock.passes(0.5)
    now = datetime.fromtimestamp(it.clock.wall_ns() // SECOND, UTC)
    it.deliver(it.policy(file.id, number, header=f"issued = {now.isoformat()}\nrelease = true"), file)
    it.clock.passes(0.5)
    governed = other.governs(file, number=number + 1)
    other.deliver(other.order("lock", file.id, governed.serial + 1), file)
    return governed


def test_orders_from_before_a_release_say_nothing_to_who_is_governed_anew(it: IT) -> None:
    """Of the same authority, at once or after another one: its numbers may have begun anew."""
    other = IT(it.folder, clock=it.clock)
    with it.profile() as file:
        it.governs(file)
        it.deliver(it.order("lock", file.id, 6), file)
        unlock, check_in = it.order("unlock", file.id, 7), it.order("check-in", file.id, 8)
        _passed_on(it, it, file, 10)
        for again in (False, True):
            for old in (unlock, check_in):
                with pytest.raises(PolicyError, match=r"before the phone was released"):
                    it.deliver(old, file)
            assert it.governed(file).standing().locked
            if not again:
                _passed_on(it, other, file, 20)
                _passed_on(other, it, file, 30)
        # Nor where who can open the profile puts it into its file himself.
        carried = msgspec.msgpack.decode(file.carried, type=Carried)
        file.carry(encode(msgspec.structs.replace(carried, state_order=unlock)))
        assert it.governed(file).standing().locked


def test_who_can_open_a_profile_cannot_put_another_authority_in_the_place_of_the_first(it: IT) -> None:
    with it.profile() as file:
        it.governs(file, NO_SHOTS)
        elsewhere = IT(it.folder / "..", clock=it.clock).machine(f"{it.folder.name}-user")
        record, file_store = file.carried, elsewhere.store
        file.carry(b"")
        elsewhere.deliver(elsewhere.policy(file.id), file)  # on a machine that knows nothing it is possible
        assert Governed.of_file(file, store=file_store) is not None
        governed = it.governed(file)  # here it is not
        assert governed.authority == it.key.public and governed.allows(Act.SCREENSHOT)
        assert governed.log()[-1].what == "conflict"
        assert file.carried == record
        # And a machine that meets both trusts neither.
        file.carry(b"")
        made = it.machine("made")
        with pytest.raises(PolicyError, match="Two authorities claim"):
            Governed.of(file.id, carried=[record, elsewhere.governed(file).document], store=made.store)


# Older copies


def test_an_older_copy_of_the_file_gets_rid_of_nothing(it: IT) -> None:
    path = it.folder / "work.vphone"
    it.profile().close()
    shutil.copy(path, it.folder / "never governed.vphone")
    with ProfileFile.open(path) as file:
        it.governs(file)
    shutil.copy(path, it.folder / "older policy.vphone")
    with ProfileFile.open(path) as file:
        it.deliver(it.policy(file.id, 2, NO_SHOTS), file)
    for name in ("never governed", "older policy"):
        with ProfileFile.open(it.folder / f"{name}.vphone") as file:
            assert it.governed(file).policy.number == 2
            assert it.governed(file).allows(Act.SCREENSHOT)


def test_a_record_that_is_deleted_or_damaged_comes_back(it: IT) -> None:
    with it.profile() as file:
        it.governs(file, NO_SHOTS)
        good = file.carried
        for bad in (b"", b"\xc0", b"x" * 1000, good[:-1], good[:50] + b"!" + good[51:]):
            file.carry(bad)
            assert it.governed(file).allows(Act.SCREENSHOT)
            assert file.carried == good


def test_another_machine_finds_it_in_the_file(it: IT) -> None:
    with it.profile() as file:
        it.governs(file, NO_SHOTS)
        it.deliver(it.order("lock", file.id, 4, "lost"), file)
        machine = it.machine("machine")
        governed = machine.governed(file)
        assert governed.policy.number == 1 and governed.serial == 4
        assert governed.standing().why == "Acme has locked this phone: lost"
        with pytest.raises(PolicyError, match="used already"):
            machine.deliver(it.order("unlock", file.id, 4), file)


def test_a_damaged_record_opens_nothing_where_nobody_knows_better(it: IT) -> None:
    with it.profile() as file:
        it.governs(file, NO_SHOTS)
        file.carry(file.carried[:-1])
        with pytest.raises(PolicyError, match="What governs the profile is damaged"):
            Governed.of_file(file, store=it.machine("machine").store)


def test_a_record_of_another_profile_governs_nothing(it: IT) -> None:
    with it.profile() as file, it.profile("other") as other:
        it.governs(file)
        other.carry(file.carried)
        with pytest.raises(PolicyError, match="belongs to another profile"):
            Governed.of_file(other, store=it.machine("machine").store)


def test_a_generation_carries_it_where_the_record_is_gone(it: IT) -> None:
    with it.profile() as file:
        governed = it.governs(file, NO_SHOTS)
        with file.begin(0) as saving:
            saving.commit(name="", kind="snapshot", guest=b"", policy=governed.document, spaces=[])
        file.carry(b"")
        assert it.machine("machine").governed(file).allows(Act.SCREENSHOT)


def test_a_store_that_is_deleted_meanwhile_is_made_again(it: IT) -> None:
    with it.profile() as file:
        governed = it.governs(file)
        it.deliver(it.order("lock", file.id, 3), file)
        assert governed.standing().locked
        it.store.path.unlink()
        assert governed.standing().locked
        kept = it.store.kept(file.id)
        assert kept is not None and kept.serial == 3


def test_a_store_that_cannot_be_read_opens_nothing(it: IT) -> None:
    with it.profile() as file:
        governed = it.governs(file, NO_SHOTS)
        it.store.path.write_bytes(b"nothing" * 1000)
        with pytest.raises(PolicyError, match="cannot be used"):
            Governed.of_file(file, store=it.store)
        with pytest.raises(Refused):
            governed.check(Act.SCREENSHOT)  # what was known holds on
        assert "cannot be used" in governed.problem


# Time


def test_a_clock_turned_back_changes_nothing(it: IT) -> None:
    with it.profile() as file:
        governed = it.governs(file, header="expires = 2026-11-02T15:00:00Z")
        assert not governed.standing().locked
        it.clock.passes(3.5)
        assert "expired on 2026-11-02 15:00 UTC" in governed.standing().why
        it.clock.turned(-3)
        assert governed.standing().locked
        assert it.governed(file).standing().locked  # a new process
        it.clock.restarts()
        assert it.governed(file).standing().locked  # and after the computer was started again
        it.deliver(it.policy(file.id, 2, header="expires = 2027-01-01T00:00:00Z"), file)
        assert not governed.standing().locked


def test_time_goes_on_while_the_clock_is_held_back(it: IT) -> None:
    with it.profile() as file:
        governed = it.governs(file, header="expires = 2026-11-02T15:00:00Z")
        governed.standing()
        it.clock.turned(-1000)
        it.clock.passes(2.9)
        assert not governed.standing().locked
        it.clock.passes(0.2)
        assert governed.standing().locked


def test_a_missed_check_in_locks_and_a_longer_one_wipes(it: IT) -> None:
    with it.profile() as file:
        governed = it.governs(file, "[check_in]\nevery_hours = 24\nwipe_after_hours = 72")
        due = governed.standing().check_in_due_ns
        assert due is not None and 23 * HOUR < due - it.clock.now < 24 * HOUR
        it.clock.passes(20)
        it.deliver(it.order("check-in", file.id, 1), file)
        it.clock.passes(20)
        assert not governed.standing().locked
        it.clock.passes(5)
        standing = governed.standing()
        assert standing.locked and not standing.wipe_due and "not heard of for 24 hours" in standing.why
        with pytest.raises(Refused, match="not heard of"):
            governed.check(Act.RUN)
        it.deliver(it.order("check-in", file.id, 2), file)
        assert not governed.standing().locked
        it.clock.passes(73)
        assert governed.standing().wipe_due
        assert "72 hours" in governed.standing().why


def test_hours(it: IT) -> None:
    with it.profile() as file:
        governed = it.governs(file, '[hours]\ndays = ["mon", "tue"]\nfrom = "22:00"\nto = "06:00"')
        for passes, locked in ((0, True), (9.9, True), (0.2, False), (7.8, False), (0.2, True), (16, False)):
            it.clock.passes(passes)
            assert governed.standing().locked is locked
        it.clock.passes(12)  # Wednesday 10:00
        standing = governed.standing()
        assert "on mon, tue from 22:00 to 06:00 (UTC) alone" in standing.why
        assert standing.until_ns is not None
        assert 5 * 24 * HOUR < standing.until_ns - it.clock.now < 6 * 24 * HOUR


# Orders


def test_lock_and_unlock(it: IT) -> None:
    with it.profile() as file:
        governed = it.governs(file)
        it.deliver(it.order("lock", file.id, 1, "lost in a taxi"), file)
        assert governed.standing().why == "Acme has locked this phone: lost in a taxi"
        for act in (Act.RUN, Act.SCREENSHOT, Act.EXPORT, Act.COPY_OUT, Act.DEBUG):
            assert "lost in a taxi" in governed.allows(act)
        assert governed.allows(Act.NETWORK) == ""  # what the policy says of it; nobody does it
        it.deliver(it.order("unlock", file.id, 2), file)
        assert governed.allows(Act.RUN) == ""


def test_orders_that_are_refused(it: IT) -> None:
    with it.profile() as file, it.profile("other") as other:
        it.deliver(it.policy(other.id), other)
        with pytest.raises(PolicyError, match="Nobody governs"):
            it.deliver(it.order("lock", file.id, 1), file)
        governed = it.governs(file)
        replayed = it.order("check-in", file.id, 5)
        late = it.order("check-in", file.id, 7, hours=1)
        it.deliver(replayed, file)
        it.clock.passes(2)
        stranger = IT(it.folder, clock=it.clock)
        kept = it.store.kept(file.id)
        for document, sentence in (
            (replayed, "old or was used already: its serial number is 5, and 5 was seen"),
            (it.order("check-in", file.id, 4), "old or was used already"),
            (late, "comes too late"),
            (it.order("check-in", file.id, 6, after=0.2), "from the future"),
            (it.order("lock", other.id, 6), "for another profile"),
            (stranger.order("lock", file.id, 6), "signed by another key"),
        ):
            with pytest.raises(PolicyError) as refused:
                it.deliver(document, file)
            assert sentence in str(refused.value)
            assert it.store.kept(file.id) == kept
        assert not governed.standing().locked


@pytest.mark.parametrize("year", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_times_at_the_ends_of_the_calendar_are_told_like_others(it: IT, year: str) -> None:
    with it.profile() as file:
        it.governs(file)
        lines = f'[order]\nkind = "lock"\nprofile = "{file.id.hex()}"\nserial = 1\n'
        ends = "9999-12-31T23:59:59.9-14:00" if year.startswith("9") else "0001-01-01T00:00:01+14:00"
        order = sign(f"{lines}issued = {year}\nvalid_until = {ends}\n", DocumentKind.ORDER, it.key)
        with pytest.raises(PolicyError, match=r"from the future|comes too late"):
            it.deliver(order, file)
        header = f"issued = {year}\nexpires = {ends}"
        with pytest.raises(PolicyError, match=r"from the future|expired on"):
            it.deliver(it.policy(file.id, 2, header=header), file)


def test_a_lock_that_is_withheld_until_the_clock_is_turned_back_comes_too_late(it: IT) -> None:
    """An unlock kept for later is of no use either."""
    with it.profile() as file:
        governed = it.governs(file)
        unlock = it.order("unlock", file.id, 2, hours=1)
        it.deliver(it.order("lock", file.id, 1), file)
        it.clock.passes(2)
        governed.standing()
        it.clock.turned(-2)
        with pytest.raises(PolicyError, match="comes too late"):
            it.deliver(unlock, file)
        assert governed.standing().locked
