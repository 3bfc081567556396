"""That a governed phone which may not be cloned runs once on this computer: a copy of its file, started
beside it, would be a clone as well. The lock ends with the file, or with the program.

Left out: two that run already when the policy comes; no third one starts then.
"""

import fcntl
import os
import weakref
from typing import Final

from pocketvisor.errors import PolicyError, Refused
from pocketvisor.policies.act import Act
from pocketvisor.policies.governed import Governed
from pocketvisor.profile.file import ProfileFile

_alone: Final[weakref.WeakSet[ProfileFile]] = weakref.WeakSet()


def run_alone(governed: Governed, file: ProfileFile, who: str) -> None:
    """Until the file is closed nobody else runs a copy of it. Raises Refused, PolicyError."""
    if sentence := keep_alone(governed, file):
        governed.refused(Act.CLONE, who, sentence)
        raise Refused(sentence)


def keep_alone(governed: Governed, file: ProfileFile) -> str:
    """The same, of one that runs already: empty, or why not. Raises PolicyError."""
    if file in _alone or not (why := governed.allows(Act.CLONE)):
        return ""
    path = governed.store.path.parent / "running" / f"{governed.profile.hex()}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise PolicyError(f"{path} cannot be written: {error.strerror}") from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return f"{why}: it runs already, from another copy of its file"
    _alone.add(file)

    def let_go() -> None:
        _alone.discard(file)
        os.close(fd)

    file.when_closed(let_go)
    return ""
