"""passt on this machine: it may be missing, without a network, or in a container that grants no namespace."""

import pytest

from pocketvisor.network.passt import MISSING

_WORDS = (MISSING, "no network that passt", "shut itself in")


def unfit(sentence: str) -> bool:
    """Whether this says that passt cannot be had here, which is no fault of what is tested."""
    return any(words in sentence for words in _WORDS)


def skip_where_unfit(sentence: str) -> None:
    if unfit(sentence):
        pytest.skip(sentence)
