"""`pocketvisor profile` with a guest that runs in another terminal: it is made, started, saved, restored and
ended, and nothing of it is lost."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from monitor import write_elf
from profiles_made import PASSPHRASE
from terminals import Terminal
from warm_command_line import WarmCommandLine

from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import Unlock

Answer = tuple[int, str, str]


class User:
    """One with a home of their own: profiles, sockets."""

    def __init__(self, commands: WarmCommandLine, home: Path, elf: Path) -> None:
        self._commands = commands
        self.runtime = tempfile.mkdtemp(prefix="pocketvisor-")  # a socket's path has to be short
        self.environment = {"XDG_DATA_HOME": f"{home}/data", "XDG_RUNTIME_DIR": self.runtime}
        self.folder = home / "data" / "pocketvisor" / "profiles"
        self.elf = elf
        self.terminals: list[Terminal] = []

    def does(self, *words: object, seconds: float = 60.0) -> Answer:
        own = os.environ | self.environment
        ran = self._commands.run_blocking([str(word) for word in words], own, seconds)
        return ran.code, ran.out, ran.err

    def profile(self, *words: object) -> str:
        code, out, err = self.does("profile", *words)
        assert code == 0, err
        return out

    def starts(self, *words: object) -> Terminal:
        terminal = Terminal(self.environment, "profile", *words)
        self.terminals.append(terminal)
        terminal.expect(r"on .*: Ctrl\+\] ")
        return terminal

    def generations(self, name: str = "Phone", passphrase: str | None = None) -> list[tuple[str, str]]:
        """(kind, name) each; all of it is whole."""
        with ProfileFile.open(self.folder / f"{name}.vphone", read_only=True) as file:
            if passphrase is not None:
                file.unlock(Unlock(passphrase=passphrase))
            assert file.verify() == []
            return [(str(each.kind), each.name) for each in file.generations()]


@pytest.fixture(scope="module")
def phone(command_line: WarmCommandLine, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A profile, as it was made, and what of."""
    home = tmp_path_factory.mktemp("maker")
    maker = User(command_line, home, write_elf(home))
    maker.profile("create", "Phone", "--elf", maker.elf, "--ram", "16", "--snapshot", "new")
    return maker.folder / "Phone.vphone", maker.elf


@pytest.fixture
def user(command_line: WarmCommandLine, tmp_path: Path, phone: tuple[Path, Path]) -> Iterator[User]:
    file, elf = phone
    user = User(command_line, tmp_path, elf)
    user.folder.mkdir(parents=True)
    shutil.copy(file, user.folder)
    yield user
    for terminal in user.terminals:
        terminal.kill()
    shutil.rmtree(user.runtime)


def test_a_run_is_suspended_and_goes_on_on_another_handset(user: User) -> None:
    terminal = user.starts("start", "Phone", "--model", "palm-pre")
    terminal.expect("# $")
    terminal.type("mild")
    terminal.expect("mild")
    terminal.type("\x1d")
    assert terminal.end() == 0
    assert "Phone is saved: generation 2" in terminal.text
    terminal = user.starts("resume", "Phone", "--model", "galaxy-s2")
    assert "Galaxy" in terminal.text
    terminal.type("nice\r")
    terminal.expect("nice\r\n# $")
    terminal.type("\x1d")
    assert terminal.end() == 0
    assert user.generations() == [("snapshot", "new"), ("suspend", ""), ("suspend", "")]
    assert "monitor ready" not in terminal.text, "it did not boot again"


def test_other_terminals_save_restore_and_end_it(user: User) -> None:
    terminal = user.starts("start", "Phone")
    terminal.expect("# $")
    assert "saved as generation 2 ('at the prompt')" in user.profile(
        "snapshot", "Phone", "--name", "at the prompt"
    )
    terminal.type("wool")
    terminal.expect("wool")
    listed = json.loads(user.profile("list", "--json"))
    assert (listed[0]["runs"]["state"], listed[0]["runs"]["generation"]) == ("running", 2)
    code, _, err = user.does("profile", "start", "Phone")
    assert code == 1 and "runs already" in err
    for verb in (("rename", "Phone", "Other"), ("delete", "Phone", "--yes"), ("wipe", "Phone", "--yes")):
        code, _, err = user.does("profile", *verb)
        assert code == 1 and "Phone runs: it is" in err
    assert "at generation 2" in user.profile("restore", "Phone", "at the prompt")
    terminal.type("again")
    terminal.expect("again")
    assert "suspended: generation 3" in user.profile("suspend", "Phone")
    assert terminal.end() == 0
    code, _, err = user.does("profile", "suspend", "Phone")
    assert (code, err) == (1, "pocketvisor: Phone does not run: 'pocketvisor profile start' runs it\n")
    assert user.generations() == [("snapshot", "new"), ("snapshot", "at the prompt"), ("suspend", "")]


def test_names_of_a_running_guests_generations_change(user: User) -> None:
    terminal = user.starts("start", "Phone")
    terminal.expect("# $")  # it runs by then
    user.profile("snapshot", "Phone", "--name", "one")
    assert "is called 'first'" in user.profile("rename-snapshot", "Phone", "one", "first")
    user.profile("snapshot", "Phone", "--name", "two")
    user.profile("delete-snapshot", "Phone", "first", "--yes")
    terminal.type("\x1d")
    assert terminal.end() == 0
    assert user.generations() == [("snapshot", "new"), ("snapshot", "two"), ("suspend", "")]


def test_it_is_stopped_and_boots_again(user: User) -> None:
    terminal = user.starts("start", "Phone")
    terminal.expect("# $")
    assert "is off: generation 2" in user.profile("stop", "Phone")
    assert terminal.end() == 0
    terminal = user.starts("start", "Phone", "--at-end", "discard")
    terminal.expect("monitor ready")
    terminal.type("\x1d")
    assert terminal.end() == 0
    assert user.generations() == [("snapshot", "new"), ("off", "")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_loses_nothing(user: User, number: signal.Signals) -> None:
    terminal = user.starts("start", "Phone")
    terminal.expect("# $")
    os.kill(terminal.pid, number)
    assert terminal.end() == 0
    assert user.generations() == [("snapshot", "new"), ("suspend", "")]


def test_a_window_that_is_closed_loses_nothing(user: User) -> None:
    terminal = user.starts("start", "Phone")
    terminal.expect("# $")
    terminal.type("mild")  # so that there is something left to be shown
    terminal.expect("mild")
    terminal.hang_up()
    assert user.generations() == [("snapshot", "new"), ("suspend", "")]


@pytest.mark.parametrize("options", [(), ("--screenshot", "/proc/no/such.png")], ids=["output", "screenshot"])
def test_what_cannot_be_written_loses_nothing(user: User, options: tuple[str, ...]) -> None:
    """Nobody reads its output, as behind `| head`; then the run ends, and what it did is kept."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "pocketvisor.cli", "profile", "start", "Phone", *options]
    ran = subprocess.run(
        command,
        env=os.environ | user.environment | {"PYTHONUNBUFFERED": ""},
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=subprocess.DEVNULL,
        timeout=60,
    )
    os.close(writing)
    assert ran.returncode == 1
    assert user.generations() == [("snapshot", "new"), ("suspend", "")]


def test_a_killed_run_is_what_it_was_when_it_was_saved_last(user: User) -> None:
    terminal = user.starts("start", "Phone", "--autosave", "1")
    terminal.expect("# $")
    user.profile("snapshot", "Phone", "--name", "kept")
    os.kill(terminal.pid, signal.SIGKILL)
    assert terminal.end() == -signal.SIGKILL
    assert json.loads(user.profile("info", "Phone", "--json"))["runs"] is None
    assert ("snapshot", "kept") in user.generations()
    terminal = user.starts("start", "Phone")
    terminal.type("x\r")
    terminal.expect("x\r\n# $")


def test_a_script_runs_to_its_end_and_the_guest_is_saved(user: User) -> None:
    code, out, err = user.does(
        *("profile", "start", "Phone", "--type", "hello", "--until", "# $", "--timeout", "30", "--json")
    )
    assert code == 0, err
    told = json.loads(out)
    assert (told["reason"], told["generation"], told["handset"]) == ("until", 2, "nexus-one")
    code, _, err = user.does("profile", "start", "Phone", "--until", "never", "--timeout", "1")
    assert code == 16 and "Out of time" in err
    assert [kind for kind, _ in user.generations()] == ["snapshot", "suspend", "suspend"]


def test_restoring_at_rest_is_where_the_next_start_goes_on(user: User) -> None:
    user.does("profile", "start", "Phone", "--until", "# $", "--timeout", "30")
    assert "goes on from generation 1 ('new')" in user.profile("restore", "Phone", "new")
    terminal = user.starts("start", "Phone")
    terminal.expect("monitor ready")


def test_a_sealed_phone_asks_for_its_passphrase(user: User, tmp_path: Path) -> None:
    (tmp_path / "passphrase").write_text(f"{PASSPHRASE}\n")
    user.profile(
        *("create", "Sealed", "--elf", user.elf, "--ram", "16", "--until", "# $"),
        *("--new-passphrase-file", tmp_path / "passphrase"),
    )
    terminal = Terminal(user.environment, "profile", "start", "Sealed")
    user.terminals.append(terminal)
    terminal.expect("Passphrase of Sealed: $")
    terminal.type(f"{PASSPHRASE}\n")
    terminal.expect(r"Ctrl\+\] ")
    terminal.type("hidden\r")
    terminal.expect("hidden\r\n# $")
    assert "saved as generation 2" in user.profile("snapshot", "Sealed")  # it is open where it runs
    terminal.type("\x1d")
    assert terminal.end() == 0
    assert user.generations("Sealed", PASSPHRASE) == [("snapshot", ""), ("snapshot", ""), ("suspend", "")]
    assert b"monitor ready" not in (user.folder / "Sealed.vphone").read_bytes()


def test_what_cannot_be_made_leaves_nothing(user: User) -> None:
    code, _, err = user.does(
        *("profile", "create", "Other", "--elf", user.elf, "--until", "never", "--timeout", "1")
    )
    assert code == 1 and "no profile was made" in err
    code, _, err = user.does("profile", "create", "Other")
    assert code == 2 and "Say of what" in err
    code, _, err = user.does("profile", "create", "Phone", "--elf", user.elf)
    assert code == 1 and "such a file already" in err
    assert [path.name for path in user.folder.iterdir()] == ["Phone.vphone"]


def test_a_guest_that_powers_itself_off_is_saved_as_off(user: User) -> None:
    terminal = user.starts("start", "Phone")
    terminal.expect("# $")
    terminal.type("q")
    assert terminal.end() == 0
    assert user.generations() == [("snapshot", "new"), ("off", "")]


def test_a_guest_whose_process_dies_says_what_is_lost(user: User) -> None:
    terminal = user.starts("start", "Phone")
    terminal.expect("# $")
    os.kill(json.loads(user.profile("info", "Phone", "--json"))["runs"]["pid"], signal.SIGKILL)
    assert terminal.end() == 1
    assert "it was saved last" in terminal.text and "as generation 1" in terminal.text
    assert user.generations() == [("snapshot", "new")]


def test_a_vault_has_what_a_run_has_saved_before_the_run_ends(user: User, tmp_path: Path) -> None:
    code, _, err = user.does("vault", "add", tmp_path / "vault")
    assert code == 0, err
    terminal = user.starts("start", "Phone")
    terminal.expect("# $")
    user.profile("snapshot", "Phone", "--name", "kept")
    terminal.type("\x1d")
    assert terminal.end() == 0
    user.profile("delete", "Phone", "--yes")
    code, out, err = user.does("vault", "fetch", "Phone")
    assert code == 0 and "at generation 3" in out, err
    assert user.generations() == [("snapshot", "new"), ("snapshot", "kept"), ("suspend", "")]
    terminal = user.starts("resume", "Phone", "--model", "palm-pre")
    terminal.type("x\r")
    terminal.expect("x\r\n# $")
