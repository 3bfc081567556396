"""Every device of a board stands up to any register and descriptor traffic: see campaign.py.

Under the sanitizers (make test-sanitized) it is a few million accesses, else a short look at the same.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import pocketvisor

_CAMPAIGN = Path(__file__).with_name("campaign.py")
_SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")
_ACCESSES = 320_000 if _SANITIZED else 40_000


@pytest.mark.parametrize("seed", range(8))
def test_no_traffic_breaks_a_device(seed: int) -> None:
    """Bit 0 of a seed: the display is ramfb, not a GPU; bit 1: slots of version 1; bit 2: the devices have a
    thread of their own, so that a failure may not come again."""
    libraries = sorted(Path(pocketvisor.__file__).parent.glob("_overrides*.so"))
    assert libraries, "the extension is not built"
    preload = [*os.environ.get("LD_PRELOAD", "").split(), str(libraries[0])]
    done = subprocess.run(
        [sys.executable, "-W", "error", str(_CAMPAIGN), str(seed), str(_ACCESSES)],
        env={**os.environ, "LD_PRELOAD": " ".join(preload)},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, f"seed {seed} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    print(done.stdout)
