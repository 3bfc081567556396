"""The panel's EDID is one that a checker of such things has nothing against."""

import shutil
import subprocess

import pytest

from pocketvisor.devices.edid import edid


@pytest.mark.skipif(not shutil.which("edid-decode"), reason="edid-decode is not installed")
def test_the_edid_conforms() -> None:
    run = subprocess.run(["edid-decode", "--check"], input=edid(480, 800, 252.0), capture_output=True)
    assert b"FAIL" not in run.stdout, run.stdout.decode()
