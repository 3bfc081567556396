"""The floors of the program: imports go down only, and asking for the package loads nothing heavy.

F4  pocketvisor_workbench
F3  api, cli, testing, services
F2  handset, scheduler, guest, images, models, recording ...
F1  board, devices, control, storage ...
F0  _native, errors
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "core" / "pocketvisor"
WORKBENCH = ROOT / "workbench" / "pocketvisor_workbench"

FLOORS = (
    ("_native", "_engine", "_overrides", "errors", "resources", "sample_guests", "to_the_end"),
    ("board", "devices", "profile", "control", "policies", "storage"),
    (
        "attack",
        "debug",
        "guest",
        "handset",
        "handset_memory",
        "images",
        "migration",
        "models",
        "moving",
        "network",
        "phone",
        "phone_power",
        "phone_route",
        "power",
        "profile_copies",
        "profiles",
        "recording",
        "scheduler",
        "vaults",
    ),
    (
        "api",
        "cli",
        "services",
        "testing",
    ),
)
"""Each name is a module or package of `pocketvisor`; a new one is entered here."""

FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}
GUI = {"PySide6", "shiboken6", "qasync", "pyqtgraph", "qtawesome", "superqt", "qtpy", "pocketvisor_workbench"}
HEAVY = {"unicorn", "PySide6", "numpy", "PIL", "msgspec", "asyncio", "elftools", "libfdt", "rich", "typer"}


def parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(), str(path))
    except SystemError:  # of Python before 3.11.5: a collection of garbage in the midst of it confuses it
        return ast.parse(path.read_text(), str(path))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, module) of every import in a file, those inside functions and for types too."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: imports are absolute in this project"
            assert node.module is not None
            yield node.lineno, node.module
            if node.module == "pocketvisor":
                for alias in node.names:
                    yield node.lineno, f"pocketvisor.{alias.name}"


def own_name(path: Path) -> str:
    return path.relative_to(CORE).parts[0].removesuffix(".py")


CORE_FILES = sorted(CORE.rglob("*.py"))


def test_every_module_has_a_floor() -> None:
    names = {own_name(path) for path in CORE_FILES} - {"__init__"}
    assert names <= set(FLOOR), "enter it in FLOORS"


@pytest.mark.parametrize("path", CORE_FILES, ids=lambda path: str(path.relative_to(CORE)))
def test_imports_go_down_only(path: Path) -> None:
    here = FLOOR.get(own_name(path), -1)
    for line, module in imports(path):
        top, _, rest = module.partition(".")
        where = f"{path.relative_to(ROOT)}:{line}: imports {module}"
        assert top not in GUI, f"{where}: the core knows no front end"
        if top == "pocketvisor" and rest:
            name = rest.partition(".")[0]
            if name != "__version__":
                assert FLOOR[name] <= here, f"{where}, which is on a floor above"


@pytest.mark.parametrize("path", sorted(WORKBENCH.rglob("*.py")), ids=lambda path: path.name)
def test_the_workbench_never_loads_the_engine(path: Path) -> None:
    for line, module in imports(path):
        forbidden = ("unicorn", "pocketvisor._", "pocketvisor.board", "pocketvisor.guest.process")
        assert not module.startswith(forbidden), f"{path.relative_to(ROOT)}:{line}: imports {module}"


def test_asking_for_the_package_loads_nothing_heavy() -> None:
    script = "import sys; before = set(sys.modules); import pocketvisor; print(*set(sys.modules) - before)"
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(run.stdout.split())
    assert not {name.partition(".")[0] for name in loaded} & HEAVY
    assert len([name for name in loaded if name.startswith("pocketvisor")]) <= 2


def test_the_api_loads_no_engine_and_no_window() -> None:
    script = (
        "import sys, pocketvisor.api as api\n"
        "assert 'pocketvisor.debug.debugger' not in sys.modules\n"
        "for name in api.__all__: getattr(api, name)\n"
        "print(*sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(run.stdout.split())
    assert not {name.partition(".")[0] for name in loaded} & (GUI | {"unicorn"})
    assert "pocketvisor._engine" not in loaded
