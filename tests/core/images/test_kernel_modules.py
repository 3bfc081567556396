"""Kernel modules: their names, what they need, and in which order they are loaded."""

import gzip
import lzma

import pytest
from local_apt import kernel_module

from pocketvisor.errors import ImageError
from pocketvisor.images.kernel_modules import load_order, module_name, needed_by, plain_module, tables


def test_a_modules_name_is_its_files_with_one_kind_of_dash() -> None:
    assert module_name("lib/modules/6.1/kernel/virtio-rng.ko") == "virtio_rng"
    assert module_name("evdev.ko.xz") == "evdev"
    assert module_name("lib/modules/6.1/modules.order") is None


def test_what_a_module_needs_is_read_from_it() -> None:
    assert needed_by("a.ko", kernel_module("virtio", "virtio-ring")) == ["virtio", "virtio_ring"]
    assert needed_by("a.ko", kernel_module()) == []
    with pytest.raises(ImageError, match=r"a\.ko: is no kernel module"):
        needed_by("a.ko", b"not an ELF file")


def test_a_compressed_module_is_unpacked() -> None:
    module = kernel_module("virtio")
    assert plain_module("a.ko", module) == module
    assert plain_module("a.ko.xz", lzma.compress(module)) == module
    assert plain_module("a.ko.gz", gzip.compress(module)) == module
    with pytest.raises(ImageError, match=r"a\.ko\.xz: its content is damaged"):
        plain_module("a.ko.xz", lzma.compress(module)[:40] + b"garbage, for sure" * 4)


def test_each_module_comes_after_those_it_needs_also_in_a_circle() -> None:
    needs = {"input": ["core"], "mmio": ["ring", "core"], "ring": ["core"], "core": []}
    assert load_order(("mmio", "input"), needs) == ["core", "ring", "mmio", "input"]
    assert set(load_order(("a",), {"a": ["b"], "b": ["a"]})) == {"a", "b"}


def test_modprobe_finds_modules_by_device_and_loads_what_they_need_first() -> None:
    found = tables(
        {
            "net": kernel_module("failover", "absent", aliases=("virtio:d00000001v*", "of:N*T*Cnet")),
            "failover": kernel_module("core"),
            "core": kernel_module(),
        }
    )
    assert found["modules.dep"] == b"core.ko:\nfailover.ko: core.ko\nnet.ko: failover.ko core.ko\n"
    assert found["modules.alias"] == b"alias virtio:d00000001v* net\nalias of:N*T*Cnet net\n"
