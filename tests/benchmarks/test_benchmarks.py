"""The benchmarks' own promises: samples become the right ratios, lines their stamps, files their bytes."""

import asyncio
import os
import shutil
import struct
import subprocess
import time
from pathlib import Path

import libfdt
import pytest

from . import BENCHMARKS, cpio, mmio
from .figures import Figure, percentile
from .timing import LineStamps, cpu_seconds, take_turns
from .vexpress import device_tree

HERE = Path(__file__).parent


def test_a_ratio_is_of_medians_and_is_held_against_its_goal() -> None:
    figure = Figure(name="x", unit="s", ours=[1.0, 9.0, 2.0], peer=[4.0, 4.0, 1.0], judge="ratio", goal=0.5)
    assert figure.ratio == 0.5 and figure.ratio_of_best == 1.0 and figure.met is True
    assert Figure(name="x", unit="s", ours=[3.0], peer=[4.0], judge="ratio", goal=0.5).met is False


def test_more_can_be_better() -> None:
    figure = Figure(name="fps", unit="1/s", ours=[60, 58, 61], judge="worst", goal=59, more_is_better=True)
    assert figure.value == 58 and figure.met is False


def test_nothing_measured_is_neither_met_nor_missed() -> None:
    assert Figure(name="x", unit="s", ours=[], judge="median", goal=1.0).met is None
    assert Figure(name="x", unit="s", ours=[1.0]).met is None


@pytest.mark.parametrize(("percent", "expected"), [(95, 19.0), (50, 10.0), (100, 20.0), (1, 1.0)])
def test_a_percentile_is_one_of_the_samples(percent: float, expected: float) -> None:
    assert percentile([float(n) for n in range(20, 0, -1)], percent) == expected


async def test_lines_are_stamped_as_they_complete() -> None:
    now = iter((1.0, 2.0))
    console = LineStamps(lambda: next(now))
    console.feed(b"one\r\ntw")
    console.feed(b"o\nthree")
    stamps = [(stamp.cpu, stamp.line) for stamp in console.stamps]
    assert stamps == [(1.0, "one"), (2.0, "two")]
    waiting = asyncio.create_task(console.line("thr", 5))
    await asyncio.sleep(0)
    console.end()
    with pytest.raises(RuntimeError, match="ended without 'thr'"):
        await waiting


async def test_contenders_take_turns_and_every_second_round_goes_backwards() -> None:
    order: list[str] = []

    def contender(name: str):  # type: ignore[no-untyped-def]
        async def once() -> dict[str, float]:
            order.append(name)
            return {"t": float(len(order))}

        return once

    results = await take_turns({"a": contender("a"), "b": contender("b")}, 2, lambda text: None)
    assert order == ["a", "b", "b", "a"]
    assert results == {"a": {"t": [1.0, 4.0]}, "b": {"t": [2.0, 3.0]}}


def test_cpu_time_of_a_process_counts_its_work() -> None:
    before = cpu_seconds(os.getpid())
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass
    assert 0.03 <= cpu_seconds(os.getpid()) - before < 5


def test_an_archive_reads_back() -> None:
    import gzip

    packed = cpio.pack(cpio.directory("bin"), cpio.program("bin/x", b"abc"), cpio.link("bin/y", "x"))
    assert packed == cpio.pack(cpio.directory("bin"), cpio.program("bin/x", b"abc"), cpio.link("bin/y", "x"))
    names = [(name, content) for name, _, content in cpio.entries(gzip.decompress(packed))]
    assert names == [("bin", b""), ("bin/x", b"abc"), ("bin/y", b"x")]


def test_the_peers_tree_has_our_boards_parts() -> None:
    tree = libfdt.Fdt(device_tree(480, 800))
    framebuffer = tree.path_offset("/chosen/framebuffer@6fe00000")
    assert tree.getprop(framebuffer, "width").as_uint32() == 480
    for path in ("/amba/uart@10009000", "/amba/rtc@10017000", "/interrupt-controller@1e001000"):
        assert tree.path_offset(path) >= 0


@pytest.mark.skipif(not shutil.which("arm-none-eabi-as"), reason="no arm-none-eabi-as here")
def test_the_mmio_image_is_what_its_source_says(tmp_path: Path) -> None:
    item, image = tmp_path / "mmio.o", tmp_path / "mmio.bin"
    assemble = ("arm-none-eabi-as", "-march=armv7-a", "--defsym", "ROUNDS=1234", "-o", item, HERE / "mmio.S")
    subprocess.run(assemble, check=True, timeout=60)
    subprocess.run(("arm-none-eabi-objcopy", "-O", "binary", item, image), check=True, timeout=60)
    assert image.read_bytes() == mmio.CODE + struct.pack("<I", 1234)


def test_every_benchmark_has_its_module() -> None:
    for benchmark in BENCHMARKS:
        assert (HERE / f"{benchmark.module}.py").is_file(), benchmark.name
