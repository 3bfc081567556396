"""The plugin in a project of its own: evidence of failures, references, xdist, and no cost where unused."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ("pytester",)

# The clock of these begins with a minute: what is painted stays until the next one, when the phone draws it.
FAILS = """
    import pytest

    @pytest.mark.pocketvisor("personal", rtc_epoch=1_299_999_960)
    def test_fails(guest):
        guest.expect("> ")
        assert False, "on purpose"
"""
PAINTED = """
    import pytest

    @pytest.mark.pocketvisor("personal", rtc_epoch=1_299_999_960)
    @pytest.mark.parametrize("colour", ["336699"])
    def test_painted(guest, colour):
        guest.expect("> ")
        guest.send_line(f"paint {colour}")
        guest.expect("painted")
        guest.expect_picture("painted", seconds=SECONDS, region=(0, 0, 20, 10))
"""


def evidence(pytester: pytest.Pytester, folder: str = "pocketvisor-report") -> dict[str, Path]:
    return {path.name: path for path in (pytester.path / folder).rglob("*") if path.is_file()}


def test_a_failure_leaves_screenshot_console_counters_and_recording(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(FAILS)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Pocketvisor guests*", "*Personal on *: running at tick *"])
    result.stdout.fnmatch_lines(["*personal.png", "*| Personal phone*"])
    files = evidence(pytester)
    assert {"personal.png", "personal.console.txt", "personal.json", "personal.pvrec"} <= files.keys()
    assert files["personal.png"].read_bytes().startswith(b"\x89PNG")
    assert b"Personal phone" in files["personal.console.txt"].read_bytes()
    from pocketvisor.recording import read_recording

    assert read_recording(files["personal.pvrec"]).end.ticks > 0


def test_a_crash_is_told_and_two_guests_of_one_name_keep_evidence_apart(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import os
        import signal

        def test_killed(handset_factory):
            one, other = handset_factory().start("personal"), handset_factory("htc-dream").start("personal")
            one.expect("> ")
            os.kill(one.guest.api.pid, signal.SIGKILL)
            one.expect("never", 20)
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *Personal crashed: *SIGKILL* before 'never' appeared"])
    assert "background.py" not in result.stdout.str()
    assert {"personal.png", "personal-2.png", "personal-2.pvrec"} <= evidence(pytester).keys()


def test_a_pass_leaves_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(FAILS.replace("assert False", "assert True"))
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
    assert evidence(pytester) == {}


def test_evidence_of_coroutines_is_kept_too(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nasyncio_mode = auto\n")
    pytester.makepyfile(
        """
        async def test_fails(async_handset):
            async with async_handset() as handset:
                guest = await handset.start("work")
                await guest.expect("> ")
                assert False
        """
    )
    result = pytester.runpytest_subprocess("--pocketvisor-report", "kept")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Pocketvisor guests*"])
    assert "work.pvrec" in evidence(pytester, "kept")


def test_references_are_stored_on_demand_and_held_to_afterwards(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(PAINTED.replace("SECONDS", "60"))
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*run pytest with --pocketvisor-update to store it*"])
    pytester.runpytest_subprocess("--pocketvisor-update").assert_outcomes(passed=1)
    assert (pytester.path / "pictures" / "painted.png").is_file()
    pytester.runpytest_subprocess().assert_outcomes(passed=1)

    pytester.makepyfile(PAINTED.replace("SECONDS", "0.5").replace('"336699"', '"994411"'))
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*200 of 200 pixels differ from*painted.png*"])
    assert "painted.diff.png" in evidence(pytester)


def test_a_test_that_does_not_start_its_guest_says_why(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.pocketvisor(elf="build/absent.elf")
        def test_absent(guest):
            pass

        @pytest.mark.pocketvisor("personal", sped=3)
        def test_wrong_word(guest):
            pass
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*absent.elf: there is no such file*"])
    result.stdout.fnmatch_lines(["*the marker pocketvisor knows no 'sped'*"])


def test_it_works_with_xdist(pytester: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    twice = "@pytest.mark.parametrize('n', [1, 2])\n    def test_fails(guest, n)"
    pytester.makepyfile(FAILS.replace("def test_fails(guest)", twice))
    result = pytester.runpytest_subprocess("-n", "2")
    result.assert_outcomes(failed=2)
    folders = {path.name for path in (pytester.path / "pocketvisor-report").iterdir()}
    assert len(folders) == 2
    result.stdout.fnmatch_lines(["*Pocketvisor guests*"])


def test_the_markers_and_options_are_known(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--markers")
    result.stdout.fnmatch_lines(["@pytest.mark.pocketvisor(image=None*"])
    pytester.runpytest_subprocess("--help").stdout.fnmatch_lines(["*--pocketvisor-update*"])


def test_a_project_that_does_not_use_it_pays_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys
        import threading

        def test_plain():
            ours = {name for name in sys.modules if name.startswith("pocketvisor")}
            assert ours <= {"pocketvisor", "pocketvisor.testing"}, ours
            assert not {"PIL", "msgspec", "PySide6", "unicorn"} & sys.modules.keys()
            assert threading.active_count() == 1
        """
    )
    pytester.runpytest_subprocess("-p", "no:pytest-qt", "-p", "no:hypothesispytest").assert_outcomes(passed=1)


def test_the_plugin_imports_nothing_but_pytest() -> None:
    code = (
        "import sys, pytest; a = set(sys.modules); import pocketvisor.testing; print(*set(sys.modules) - a)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    foreign = {name.partition(".")[0] for name in done.stdout.split()} - set(sys.stdlib_module_names)
    assert foreign <= {"pocketvisor"}, foreign
