"""Guests under test that go on from a generation of a profile. The profile is read and never written, so that
any number of tests have it at a time, and each finds it as it was."""

from pathlib import Path
from typing import Any

from pocketvisor.errors import ProfileError
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.origin import ProfileOrigin
from pocketvisor.handset import Handset
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import Unlock
from pocketvisor.profiles import find_profile

SNAPSHOT_WORDS = frozenset({"profile", "generation", "passphrase", "name", "rate", "paused"})
"""All that start() takes with `profile`."""


class Snapshot:
    """A guest, and what it is read from."""

    def __init__(self, root: Path, words: dict[str, Any]) -> None:
        """A file is looked for from pytest's root folder, then a name in the library. Raises ProfileError
        with a sentence, TypeError for a word that is none."""
        for word in words.keys() - SNAPSHOT_WORDS:
            raise TypeError(
                f"'{word}' is nothing that a guest of a profile is started with; known are "
                f"{sorted(SNAPSHOT_WORDS)}"
            )
        path = root / Path(words["profile"]).expanduser()
        if not path.is_file():
            path = find_profile(str(words["profile"]))
        self.file = ProfileFile.open(path.resolve(), read_only=True)
        try:
            if (passphrase := words.get("passphrase")) is not None:
                self.file.unlock(Unlock(passphrase=passphrase))
            number = _number(self.file, words.get("generation"))
            self.origin = ProfileOrigin(self.file, self.file.manifest(number))
        except BaseException:
            self.file.close()
            raise
        self._words = {word: words[word] for word in ("name", "rate", "paused") if word in words}

    async def start(self, handset: Handset) -> Guest:
        """Raises ProfileError, OutOfMemory, GuestError."""
        return await handset.start_from(self.origin, **self._words)

    def close(self) -> None:
        """After the guest."""
        self.origin.close()
        self.file.close()


def _number(file: ProfileFile, wanted: int | str | None) -> int:
    """Of a generation by number or name; the head where none is said."""
    if wanted is None:
        return file.head
    found = [each for each in file.generations() if wanted in (each.number, each.name)]
    if len(found) != 1:
        names = ", ".join(f"{each.number} '{each.name}'" for each in file.generations())
        raise ProfileError(f"{file.path.name} has {len(found)} generations {wanted!r}; it has {names}")
    return found[0].number
