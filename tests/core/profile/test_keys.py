"""The ways to open a profile: each opens it, nothing else does, and a hostile file costs nothing but a
sentence."""

import shutil
import subprocess
from pathlib import Path

import msgspec
import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvisor.errors import DamagedProfile, LockedProfile, ProfileError
from pocketvisor.profile import keys
from pocketvisor.profile.keys import (
    KEY_TEXT,
    KeySlot,
    NewKeys,
    ProfileKey,
    Unlock,
    age_slot,
    changed_passphrase,
    check_slots,
    new_slots,
    other_slots,
    passphrase_slot,
    slot_opened_by,
    unwrap,
)

KEY = ProfileKey(bytes(range(32)))


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2id with hardly any memory: most tests are not about its cost."""
    monkeypatch.setattr(keys, "ARGON_MEMORY", 64)
    monkeypatch.setattr(keys, "ARGON_PASSES", 1)


@pytest.fixture
def identity(tmp_path: Path) -> tuple[Path, str]:
    made = pyrage.x25519.Identity.generate()
    path = tmp_path / "identity.txt"
    path.write_text(f"# created: some day\n# public key: {made.to_public()}\n{made}\n")
    return path, str(made.to_public())


def same(one: ProfileKey, other: ProfileKey) -> bool:
    return one.text() == other.text()


def test_a_new_key_is_random_and_does_not_show_itself() -> None:
    one, other = ProfileKey.new(), ProfileKey.new()
    assert not same(one, other)
    assert one.public != other.public
    secret = one.text().removeprefix(KEY_TEXT)
    assert secret not in repr(one) + repr(Unlock(key=one.text()))
    assert "hidden" not in repr(Unlock(passphrase="hidden")) + repr(NewKeys(passphrase="hidden"))


def test_keys_for_different_purposes_are_different() -> None:
    assert len({KEY.derive("sealing"), KEY.derive("signing"), KEY.derive("chunk ids")}) == 3


def test_the_usual_cost_of_a_passphrase_is_rfc_9106s() -> None:
    part = msgspec.msgpack.decode(passphrase_slot(KEY, "correct horse").wrapped)
    assert part[:3] == [64 << 10, 3, 4]


@pytest.mark.usefixtures("cheap")
def test_a_passphrase_opens_and_another_does_not() -> None:
    slots = new_slots(KEY, NewKeys(passphrase="Grüße"))
    assert same(unwrap(slots, Unlock(passphrase="Grüße"), KEY.public), KEY)
    decomposed = "Gru\u0308ße"  # as some keyboards write it
    assert same(unwrap(slots, Unlock(passphrase=decomposed), KEY.public), KEY)
    for wrong in ("grüße", "Grüße ", "x" * 1024):
        with pytest.raises(LockedProfile, match="does not open"):
            unwrap(slots, Unlock(passphrase=wrong), KEY.public)
    for impossible in ("", "x" * 1025):
        with pytest.raises(ProfileError):
            unwrap(slots, Unlock(passphrase=impossible), KEY.public)
    with pytest.raises(LockedProfile, match="opens with"):
        unwrap(slots, Unlock(), KEY.public)


@settings(max_examples=25, deadline=None)
@given(st.text(min_size=1, max_size=200), st.text(min_size=1, max_size=200))
def test_passphrases_of_any_letters(one: str, other: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "ARGON_MEMORY", 64)
        patch.setattr(keys, "ARGON_PASSES", 1)
        slots = [passphrase_slot(KEY, one)]
        assert same(unwrap(slots, Unlock(passphrase=one), KEY.public), KEY)
        if keys.unicodedata.normalize("NFC", other) != keys.unicodedata.normalize("NFC", one):
            with pytest.raises(LockedProfile):
                unwrap(slots, Unlock(passphrase=other), KEY.public)


@pytest.mark.usefixtures("cheap")
def test_several_slots_open_the_same_profile(identity: tuple[Path, str]) -> None:
    path, recipient = identity
    slots = new_slots(KEY, NewKeys(passphrase="one", recipients=(recipient,)))
    slots.append(passphrase_slot(KEY, "two"))
    for unlock in (
        Unlock(passphrase="one"),
        Unlock(passphrase="two"),
        Unlock(identity=path),
        Unlock(key=KEY.text() + "\n"),
    ):
        assert same(unwrap(slots, unlock, KEY.public), KEY)
    assert slot_opened_by(slots, Unlock(passphrase="two"), KEY.public) == 2
    assert slot_opened_by(slots, Unlock(identity=path), KEY.public) == 1
    assert slot_opened_by(slots, Unlock(passphrase="three"), KEY.public) is None


@pytest.mark.usefixtures("cheap")
def test_slots_are_added_and_removed(identity: tuple[Path, str]) -> None:
    path, recipient = identity
    slots = new_slots(KEY, NewKeys(passphrase="one"))
    more = other_slots(slots, Unlock(passphrase="one"), KEY.public, add=NewKeys(recipients=(recipient,)))
    assert [slot.kind for slot in more] == ["passphrase", "age"]
    fewer = other_slots(more, Unlock(identity=path), KEY.public, remove=[0])
    assert fewer == more[1:]
    with pytest.raises(LockedProfile):
        unwrap(fewer, Unlock(passphrase="one"), KEY.public)
    with pytest.raises(LockedProfile):
        other_slots(more, Unlock(passphrase="two"), KEY.public, remove=[0])
    with pytest.raises(ProfileError, match="last key slot"):
        other_slots(fewer, Unlock(identity=path), KEY.public, remove=[0])
    with pytest.raises(ProfileError, match="no such key slot"):
        other_slots(fewer, Unlock(identity=path), KEY.public, remove=[1])
    with pytest.raises(ProfileError, match="at most 16"):
        other_slots(
            fewer, Unlock(identity=path), KEY.public, add=NewKeys(recipients=(recipient,) * keys.MAX_SLOTS)
        )
    with pytest.raises(ProfileError, match="not sealed"):
        other_slots(new_slots(KEY, None), Unlock(), KEY.public, add=NewKeys(passphrase="x"))


@pytest.mark.usefixtures("cheap")
def test_a_passphrase_is_changed_and_the_other_ways_stay(identity: tuple[Path, str]) -> None:
    path, recipient = identity
    slots = new_slots(KEY, NewKeys(passphrase="one", recipients=(recipient,)))
    changed = changed_passphrase(slots, "one", "two", KEY.public)
    assert changed[1] == slots[1]
    for unlock in (Unlock(passphrase="two"), Unlock(identity=path)):
        assert same(unwrap(changed, unlock, KEY.public), KEY)
    for old in ("one", "three"):
        with pytest.raises(LockedProfile):
            changed_passphrase(changed, old, "four", KEY.public)
    with pytest.raises(ProfileError, match="not sealed"):
        changed_passphrase(new_slots(KEY, None), "one", "two", KEY.public)


def test_a_profile_without_keys_is_open_to_anyone_and_has_no_other_slot(identity: tuple[Path, str]) -> None:
    slots = new_slots(KEY, None)
    assert [slot.kind for slot in slots] == ["open"]
    assert same(unwrap(slots, Unlock(), KEY.public), KEY)
    with pytest.raises(DamagedProfile, match="contradict"):
        unwrap([*slots, age_slot(KEY, identity[1])], Unlock(), KEY.public)


def test_a_wiped_profile_says_so() -> None:
    with pytest.raises(LockedProfile, match="wiped"):
        unwrap([], Unlock(passphrase="x"), KEY.public)


def test_a_key_of_another_profile_is_not_used(identity: tuple[Path, str]) -> None:
    path, recipient = identity
    other = ProfileKey.new()
    # Anyone can wrap a key of their own for a recipient: what counts is whose public half the header has.
    with pytest.raises(LockedProfile, match="another profile"):
        unwrap([age_slot(other, recipient)], Unlock(identity=path), KEY.public)
    with pytest.raises(LockedProfile, match="another profile"):
        unwrap([age_slot(KEY, recipient)], Unlock(key=other.text()), KEY.public)
    for text in (
        "",
        "pocketvisor-profile-key-1:",
        "pocketvisor-profile-key-2:" + "0" * 64,
        KEY_TEXT + "é" * 64,
    ):
        with pytest.raises(ProfileError, match="no profile key"):
            ProfileKey.from_text(text)


def test_no_way_to_open_it_is_refused() -> None:
    with pytest.raises(ProfileError, match="nobody could open"):
        new_slots(KEY, NewKeys())
    for recipient in ("", "age1", "bob@example.org", "age1yubikey1" + "q" * 40, "ssh-rsa AAAA"):
        with pytest.raises(ProfileError, match="no age recipient"):
            age_slot(KEY, recipient)


@pytest.mark.skipif(not shutil.which("age"), reason="no age here")
def test_the_stock_age_tool_opens_a_slot(tmp_path: Path) -> None:
    """Debian's own `age-keygen` and `age`: what an IT department has."""
    path = tmp_path / "recovery.txt"
    made = subprocess.run(["age-keygen", "-o", path], capture_output=True, text=True, check=True, timeout=20)
    recipient = made.stderr.split()[-1]
    slot = age_slot(KEY, recipient)
    (tmp_path / "slot.age").write_bytes(slot.wrapped)
    opened = subprocess.run(
        ["age", "-d", "-i", path, tmp_path / "slot.age"],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    assert same(unwrap([slot], Unlock(key=opened.stdout), KEY.public), KEY)
    assert same(unwrap([slot], Unlock(identity=path), KEY.public), KEY)


@pytest.mark.skipif(not shutil.which("age"), reason="no age here")
def test_a_slot_that_the_stock_age_tool_wrote_opens_here(tmp_path: Path, identity: tuple[Path, str]) -> None:
    path, recipient = identity
    made = subprocess.run(
        ["age", "-r", recipient], input=KEY.text().encode(), capture_output=True, check=True, timeout=20
    )
    assert same(unwrap([KeySlot("age", made.stdout)], Unlock(identity=path), KEY.public), KEY)


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="no ssh-keygen here")
def test_an_ssh_key_is_a_recipient(tmp_path: Path) -> None:
    path = tmp_path / "id_ed25519"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path],
        check=True,
        timeout=20,
        capture_output=True,
    )
    slot = age_slot(KEY, path.with_suffix(".pub").read_text())
    assert same(unwrap([slot], Unlock(identity=path), KEY.public), KEY)


PROTECTED = """\
-----BEGIN AGE ENCRYPTED FILE-----
YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCBiWGVJbmdrMktvS1Q3L25N
R2tkNUZ3IDYKTlZEM3F2UUZmSDB6UmRNelo5dlR6MFdTT1VoTkpMRXhxL1o0V2NL
Y0s4QQotLS0gTjBiSnkwRmQwWWFtT1Y0Z1ZSZEFLTWJNVXRNYkhSTkVRYTNkelFB
VzNjSQp2yvPuFJ6ofn0/MRaCd1m2XrfAUvxQrflAre2BD9lzFC1jasL2J/EX0a/f
+gr+NPHk3JrtnlroLNXmX5fVJmPfOJZJIEvugBgykUO82PksZNJ0f27VIU2ua0ao
wbOnRC0YreLbD5Xn9iGHgw==
-----END AGE ENCRYPTED FILE-----
"""
"""An identity of this test's own under the passphrase "secret", with scrypt at a cost of nothing (age's is a
second)."""
PROTECTED_RECIPIENT = "age1suax7df9v5f9npdqa5xwe7s3nqh776vjzc8d8e9kqm3fqd7da5zschhzty"


def test_a_protected_identity_wants_its_passphrase(tmp_path: Path) -> None:
    protected = tmp_path / "protected.age"
    protected.write_text(PROTECTED)
    slots = [age_slot(KEY, PROTECTED_RECIPIENT)]
    assert same(unwrap(slots, Unlock(identity=protected, passphrase="secret"), KEY.public), KEY)
    with pytest.raises(LockedProfile, match="itself protected"):
        unwrap(slots, Unlock(identity=protected), KEY.public)
    with pytest.raises(LockedProfile, match="does not open the identity"):
        unwrap(slots, Unlock(identity=protected, passphrase="wrong"), KEY.public)


def test_wrong_identities_are_named(tmp_path: Path, identity: tuple[Path, str]) -> None:
    slots = [age_slot(KEY, str(pyrage.x25519.Identity.generate().to_public()))]
    with pytest.raises(LockedProfile, match=r"identity\.txt does not open"):
        unwrap(slots, Unlock(identity=identity[0]), KEY.public)
    with pytest.raises(LockedProfile, match="no age recipient"):
        unwrap([KeySlot("passphrase", bytes(40))], Unlock(identity=identity[0]), KEY.public)
    with pytest.raises(LockedProfile, match="no passphrase"):
        unwrap(slots, Unlock(passphrase="x"), KEY.public)
    with pytest.raises(ProfileError, match="cannot be read"):
        unwrap(slots, Unlock(identity=tmp_path / "missing"), KEY.public)
    for content in (b"", b"\xff\xfe", b"hello", b"-----BEGIN OPENSSH PRIVATE KEY-----\n", b"#" * (65 << 10)):
        (tmp_path / "no.txt").write_bytes(content)
        with pytest.raises(ProfileError, match=r"no\.txt is no age identity"):
            unwrap(slots, Unlock(identity=tmp_path / "no.txt"), KEY.public)


def hostile_slot(memory: int, passes: int, lanes: int) -> KeySlot:
    return KeySlot("passphrase", msgspec.msgpack.encode([memory, passes, lanes, bytes(16), bytes(48)]))


@pytest.mark.parametrize(
    "parameters",
    [
        (1 << 31, 1, 1),
        (1 << 20, 64, 1),
        (64 << 10, 1 << 30, 1),
        (64 << 10, 65, 1),
        (8, 1, 16),
        (8, 1, 0),
        (-1, 1, 1),
        (0, 0, 0),
    ],
)
def test_a_slot_cannot_ask_for_unbounded_work(parameters: tuple[int, int, int]) -> None:
    with pytest.raises(DamagedProfile):
        unwrap([hostile_slot(*parameters)], Unlock(passphrase="x"), KEY.public)


def test_many_slots_cannot_either() -> None:
    check_slots([hostile_slot(64 << 10, 3, 4)] * 16)
    with pytest.raises(DamagedProfile, match="more memory and time"):
        check_slots([hostile_slot(1 << 20, 1, 4)] * 5)
    with pytest.raises(DamagedProfile, match="17 key slots"):
        check_slots([hostile_slot(8, 1, 1)] * 17)
    with pytest.raises(ProfileError, match="at most 16"):
        new_slots(KEY, NewKeys(recipients=(str(pyrage.x25519.Identity.generate().to_public()),) * 17))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_slots_never_open_and_never_break(data: st.DataObject) -> None:
    """Flips and truncations of a real slot of each kind, as one who has a passphrase and an identity meets
    them."""
    slot = data.draw(st.sampled_from(REAL_SLOTS))
    wrapped = bytearray(slot.wrapped)
    wrapped[data.draw(st.integers(0, len(wrapped) - 1))] ^= data.draw(st.integers(1, 255))
    del wrapped[data.draw(st.integers(0, len(wrapped))) :]
    for unlock in (Unlock(passphrase="one"), Unlock(identity=REAL_IDENTITY)):
        with pytest.raises((LockedProfile, DamagedProfile)):
            unwrap([KeySlot(slot.kind, bytes(wrapped))], unlock, KEY.public)


REAL_SLOTS: list[KeySlot] = []
REAL_IDENTITY = Path()


@pytest.fixture(autouse=True, scope="module")
def _real_slots(tmp_path_factory: pytest.TempPathFactory) -> None:
    global REAL_IDENTITY
    made = pyrage.x25519.Identity.generate()
    REAL_IDENTITY = tmp_path_factory.mktemp("identity") / "identity.txt"
    REAL_IDENTITY.write_text(str(made))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "ARGON_MEMORY", 64)
        patch.setattr(keys, "ARGON_PASSES", 1)
        REAL_SLOTS.extend(new_slots(KEY, NewKeys("one", (str(made.to_public()),))))
