"""What governs one profile on this machine."""

from typing import Any

from pocketvisor.policies.act import Act
from pocketvisor.profile.file import ProfileFile


class Governed:
    document: bytes
    policy: Any

    @classmethod
    def of(cls, profile: bytes, *, carried: bytes = b"") -> "Governed | None":
        return None

    def allows(self, act: Act, **details: Any) -> str:
        return ""

    def check(self, act: Act, who: str, **details: Any) -> None: ...

    def refused(self, act: Act, who: str, sentence: str) -> None: ...

    def standing(self) -> Any: ...

    def wipe(self, file: ProfileFile) -> None: ...
