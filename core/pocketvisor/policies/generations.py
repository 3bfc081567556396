"""A profile's newest generation carries what governs it now.

A policy that came while a phone was off stands in its file, but in none of its generations; and generations
alone travel to other machines and to vaults.
"""

from pocketvisor.policies.governed import Governed
from pocketvisor.policies.store import GovernanceStore
from pocketvisor.profile.file import ProfileFile


def is_governed(profile: bytes) -> bool:
    """Or was once, as far as this computer knows. Raises PolicyError."""
    store = GovernanceStore()
    return store.stamp() is not None and store.kept(profile) is not None


def governed_head(file: ProfileFile) -> int:
    """The generation that goes on, a new one of the same content where its policy was behind; 0 where there
    is none. `file` is unlocked and at rest; where it is read only nothing changes. Raises PolicyError,
    ProfileError."""
    head = file.head
    Governed.of_file(file)  # what the file and the store know is brought together
    kept = GovernanceStore().kept(file.id) if is_governed(file.id) else None
    if kept is None or not head or file.read_only:
        return head
    manifest = file.manifest(head)
    if manifest.policy == kept.carried:
        return head
    with file.begin(head) as saving:
        generation = saving.commit(
            name=manifest.name,
            kind=manifest.kind,
            guest=manifest.guest,
            policy=kept.carried,
            spaces=list(manifest.spaces),
            thumbnail=manifest.thumbnail,
            board=manifest.board,
            lease=manifest.lease,
        )
    return generation.number
