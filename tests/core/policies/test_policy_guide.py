"""docs/policies.md is true: its commands run one after another, with its policy."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pocketvisor.cli import app
from pocketvisor.policies.document import parse_policy

GUIDE = (Path(__file__).parents[3] / "docs" / "policies.md").read_text()
COMMANDS = [
    shlex.split(line.removeprefix("$ "))[1:]
    for block in re.findall(r"^```console\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
]
(POLICY,) = re.findall(r"^```toml\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)


def test_its_commands_and_its_policy(
    tmp_path: Path, short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short_folder))
    Path("acme.pass").write_text("correct horse\n")
    assert len(COMMANDS) == 13
    for command in COMMANDS:
        ran = CliRunner().invoke(app, command)
        assert ran.exit_code == 0, f"{command}: {ran.output}"
        if command[:2] == ["policy", "new"]:
            written = Path("acme.policy").read_text()
            Path("acme.policy").write_text(written.split("\n\n")[0] + "\n\n" + POLICY)
        if command[:2] == ["policy", "effects"]:
            assert "10.0.0.0/8" in ran.output
        if command[:2] == ["profile", "lock"]:
            refused = CliRunner().invoke(app, ["profile", "start", "work", "--timeout", "5"])
            assert refused.exit_code != 0


def test_every_section_is_explained() -> None:
    """A section that the guide does not tell of would be found by nobody."""
    head = '[policy]\nprofile = "' + "0" * 32 + '"\nnumber = 1\nissued = 2026-01-01T00:00:00Z\n'
    policy = parse_policy(head + POLICY)
    rows = [line for line in GUIDE.splitlines() if line.startswith("| `")]
    told = set(re.findall(r"`(\w+)`", "\n".join(rows)))
    sections = set(policy.__struct_fields__) - {"header"}
    assert sections <= told
