"""A verb is found where the table of verbs says, and none waits for the others' modules."""

import subprocess
import sys
from typing import Any

import pytest

from pocketvisor.cli.verbs import MODULES, verbs_of

Command = Any


@pytest.mark.parametrize("module", MODULES)
def test_the_table_names_what_each_module_adds(module: str) -> None:
    assert sorted(verbs_of(module)) == sorted(MODULES[module])


def loaded_by(*arguments: str) -> set[str]:
    """The modules that such a command line loads."""
    script = (
        "import contextlib, io, sys; sys.argv = ['pocketvisor', *sys.argv[1:]]\n"
        "from pocketvisor.cli import main\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()): main()\n"
        "print(*sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return set(run.stdout.split())


def test_a_verb_loads_no_other() -> None:
    loaded = loaded_by("handsets", "list")
    assert "pocketvisor.cli.handsets" in loaded
    verbs = {f"pocketvisor.cli.{module}" for module in MODULES}
    assert loaded & verbs == {"pocketvisor.cli.handsets"}
    # What the others need, and this one does not.
    assert not loaded & {"asyncio", "PIL", "elftools", "cryptography", "sqlite3", "urllib.request"}


async def test_a_verb_that_is_misspelt_is_told_of_the_nearest(pocketvisor: Command) -> None:
    ran = await pocketvisor("hansets")
    assert ran.code == 2
    assert "Did you mean 'handsets'?" in ran.err
