"""What a process that runs foreign code has given up, as it tells its handset itself."""

from typing import Annotated

from msgspec import Meta, Struct

_Word = Annotated[str, Meta(max_length=64)]
_Number = Annotated[int, Meta(ge=0)]


class Isolation(Struct, frozen=True, forbid_unknown_fields=True):
    """Read back from the kernel after it was applied, where the kernel says."""

    no_new_privileges: bool = False
    capabilities: _Number = 0
    """How many it has left."""
    calls_allowed: Annotated[int, Meta(ge=0, le=1000)] = 0
    """How many system calls the filter lets through; 0: there is no filter."""
    landlock: _Number = 0
    """Landlock's version, with no path, port or signal allowed; 0: the kernel has none."""
    no_new_threads: bool = False
    limits: Annotated[dict[_Word, _Number], Meta(max_length=16)] = {}
    """Bounds on its resources, by the names of setrlimit(2) without RLIMIT_."""
    lacks: Annotated[tuple[Annotated[str, Meta(max_length=300)], ...], Meta(max_length=16)] = ()
    """What this machine does not offer, a sentence each."""

    @property
    def complete(self) -> bool:
        return not self.lacks
