"""The keyboard on the glass of Debian's phone: what it tells who types for it. In a real Tcl, without Tk."""

import shutil
import subprocess
from pathlib import Path

import pytest

KEYBOARD = Path(__file__).parents[3] / "resources" / "debian-phone" / "shell" / "keyboard.tcl"

pytestmark = pytest.mark.skipif(shutil.which("tclsh") is None, reason="needs tclsh")

COMMON = """
proc u {units} { return $units }
proc content {name} { set file [open $name]; set all [read $file]; close $file; return [string trim $all] }
proc typed {} { if {[file exists typed]} { content typed } }
proc await {condition} { while {![uplevel 1 [list expr $condition]]} { after 5 } }
"""
XTE = "#!/bin/sh\necho $$ > xte.pid\nexec cat >> typed\n"
"""It types into a file."""


def told(folder: Path, script: str, xte: str = XTE) -> list[str]:
    """What was typed by the end of a script that goes on where the keyboard's has been read."""
    (folder / "bin").mkdir()
    program = folder / "bin" / "xte"
    program.write_text(xte)
    program.chmod(0o755)
    (folder / "test.tcl").write_text(f"{COMMON}\nsource {KEYBOARD}\n{script}\n")
    path = f"{folder / 'bin'}:/usr/bin:/bin"
    command = [shutil.which("tclsh"), "test.tcl"]
    ran = subprocess.run(command, cwd=folder, env={"PATH": path}, capture_output=True, text=True, timeout=100)
    assert (ran.returncode, ran.stderr) == (0, "")
    return (folder / "typed").read_text().splitlines()


def test_keys_are_told_in_their_order(tmp_path: Path) -> None:
    script = """
        keyboard::type "str a"
        keyboard::chord Control_L c
        await {[string match {*keyup Control_L*} [typed]]}
    """
    assert told(tmp_path, script) == ["str a", "keydown Control_L", "key c", "keyup Control_L"]


def test_a_key_is_typed_though_the_one_who_types_has_ended(tmp_path: Path) -> None:
    script = """
        keyboard::type "str a"
        await {[string match *a* [typed]]}
        set pid [content xte.pid]
        exec kill -9 $pid
        await {[string match "*) Z *" [content /proc/$pid/stat]]}
        keyboard::chord Shift_L Insert
        keyboard::type "str b"
        await {[string match *b* [typed]]}
    """
    assert told(tmp_path, script) == ["str a", "keydown Shift_L", "key Insert", "keyup Shift_L", "str b"]


def test_without_anybody_to_type_it_asks_again_at_the_next_key(tmp_path: Path) -> None:
    script = """
        file rename bin/xte bin/away
        keyboard::type "str a"
        file rename bin/away bin/xte
        keyboard::type "str b"
        await {[string match *b* [typed]]}
    """
    assert told(tmp_path, script) == ["str b"]
