"""Runs benchmarks and reports: a table for people, a JSON file for programs.

`pocketvisor bench` and `python -m benchmarks` (in tests/) both end here.
"""

import asyncio
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from msgspec import Struct
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pocketvisor.errors import PocketvisorError

from . import BENCHMARKS, Benchmark, qemu
from .bench import Bench, CannotMeasure
from .figures import Figure
from .timing import load_average


class Report(Struct):
    """What one benchmark came to; `problem` where it could not be measured."""

    benchmark: Benchmark
    figures: list[Figure]
    problem: str = ""


def run(
    names: Sequence[str] = (),
    *,
    quick: bool = False,
    json_file: Path | None = None,
    printed: bool = False,
    console: Console | None = None,
) -> int:
    """Run the named benchmarks, or all. 0: all measured; 1: one could not be; 2: there is none of that name.

    Whether goals are met is in the table and the file, not in the exit code: a busy machine is no failure.
    `printed`: the file's content is what is on standard output, and the tables go elsewhere.
    """
    console = console or Console(stderr=printed)
    unknown = [name for name in names if name not in {benchmark.name for benchmark in BENCHMARKS}]
    if unknown:
        known = ", ".join(benchmark.name for benchmark in BENCHMARKS)
        print(f"pocketvisor: There is no benchmark '{unknown[0]}'; there are {known}", file=sys.stderr)
        return 2
    chosen = [benchmark for benchmark in BENCHMARKS if not names or benchmark.name in names]
    facts = host_facts(quick)
    reports = []
    with console.status("") as status:
        for benchmark in chosen:
            report = _run_one(benchmark, quick, lambda text: status.update(escape(text)))
            reports.append(report)
            show(report, console)
    text = json.dumps(plain(facts, reports), indent=1)
    if json_file is not None:
        json_file.write_text(text + "\n")
        console.print(f"Written to {escape(str(json_file))}")
    if printed:
        print(text)
    return 1 if any(report.problem for report in reports) else 0


def _run_one(benchmark: Benchmark, quick: bool, say: Callable[[str], None]) -> Report:
    say(benchmark.title)
    with tempfile.TemporaryDirectory(prefix="pocketvisor-bench-") as folder:
        bench = Bench(Path(folder), quick, lambda text: say(f"{benchmark.name}: {text}"))
        try:
            module = importlib.import_module(f".{benchmark.module}", __package__)
            figures = module.measure(bench)
            return Report(benchmark, asyncio.run(figures) if asyncio.iscoroutine(figures) else figures)
        except (CannotMeasure, PocketvisorError, ImportError, OSError, RuntimeError) as error:
            return Report(benchmark, [], f"{type(error).__name__}: {error}")


def host_facts(quick: bool) -> dict[str, object]:
    """What a reader has to know to judge the numbers. The load tells of other work on the machine."""
    facts: dict[str, object] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": quick,
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_before": load_average(),
        "qemu": asyncio.run(qemu.version()),
        "commit": _commit(),
    }
    return facts


def _cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    try:
        command = ("git", "describe", "--always", "--dirty")
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def show(report: Report, console: Console) -> None:
    """A benchmark's figures as people read them: medians, and what is judged; JSON has the samples."""
    console.print(f"\n[bold]{escape(report.benchmark.title)}[/]")
    if report.problem:
        console.print(f"not measured: {escape(report.problem)}")
        return
    result = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    result.add_column("figure")
    result.add_column("unit")
    for column in ("ours", "peer", "ratio", "goal"):
        result.add_column(column, justify="right", no_wrap=True)
    for figure in report.figures:
        result.add_row(*_row(figure))
    console.print(result)
    for figure in report.figures:
        if figure.note:
            console.print(escape(figure.note))


def _row(figure: Figure) -> list[str]:
    goal = ""
    if figure.goal is not None:
        met = {None: "", True: "[green]met[/]", False: "[red]missed[/]"}[figure.met]
        bound = f"{'≥' if figure.more_is_better else '≤'} {_number(figure.goal)}"
        judged = f"{figure.judge} {_number(figure.value)} " if figure.judge in ("p95", "worst") else ""
        goal = f"{judged}{bound} {met}"
    return [
        escape(f"{figure.name} (to {figure.peer_name})" if figure.peer_name else figure.name),
        escape(figure.unit),
        _number(median(figure.ours) if figure.ours else None),
        _number(median(figure.peer) if figure.peer else None),
        _number(figure.ratio),
        goal,
    ]


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def plain(facts: dict[str, object], reports: list[Report]) -> dict[str, object]:
    """The JSON file's content."""
    return {
        "host": {**facts, "load_after": load_average()},
        "benchmarks": {
            report.benchmark.name: {
                "title": report.benchmark.title,
                "problem": report.problem,
                "figures": [figure.plain() for figure in report.figures],
            }
            for report in reports
        },
    }
