"""Handset models: those that come along are sound, and a wrong file is refused with its field's name."""

from pathlib import Path

import pytest

from pocketvisor import models
from pocketvisor.errors import ModelError
from pocketvisor.models import load_model, load_models

DMIPS_PER_MHZ = {
    "ARM11": 1.25,
    "Cortex-A8": 2.0,
    "Cortex-A9": 2.5,
    "Cortex-A5": 1.57,
    "Scorpion": 2.1,
    "Krait": 3.3,
}

GOOD = """
name = "Phone"
maker = "Maker"
year = 2010
cpu = "Cortex-A8"
clock_mhz = 600
mips = 1200
ram_mib = 256
battery_mah = 1320
radios = ["GSM"]
keys = ["power", "home"]
body = "#1f2022"
sources = ["Maker, specification sheet"]
[panel]
width = 480
height = 800
inches = 3.5
"""


@pytest.fixture(autouse=True)
def no_models_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    own = tmp_path / "handsets"
    own.mkdir()
    monkeypatch.setattr(models, "user_models_path", lambda: own)
    return own


def test_models_that_come_along_cover_makers_sizes_and_cores() -> None:
    found = load_models()
    assert len(found) >= 8
    assert len({model.maker for model in found.values()}) >= 6
    sizes = {(model.panel.width, model.panel.height) for model in found.values()}
    assert {(320, 480), (480, 800), (480, 854), (540, 960)} <= sizes
    for model_id, model in found.items():
        assert model.id == model_id
        assert model.sources
        assert 100 <= model.ppi <= 400
        assert model.ram_mib >= 2 * 64, f"{model_id} does not hold two sample guests"


def test_mips_are_the_clock_times_the_published_dmips() -> None:
    for model in load_models().values():
        core = model.cpu.rpartition(", ")[2]
        figure = DMIPS_PER_MHZ["ARM11" if core.startswith("ARM11") else core]
        assert model.mips == round(model.clock_mhz * figure), model.id


def test_a_users_model_is_found_and_replaces_one_that_came_along(no_models_of_the_user: Path) -> None:
    (no_models_of_the_user / "mine.toml").write_text(GOOD)
    (no_models_of_the_user / "nexus-one.toml").write_text(GOOD)
    found = load_models()
    assert found["mine"].name == found["nexus-one"].name == "Phone"


def test_a_users_wrong_model_leaves_the_others(no_models_of_the_user: Path) -> None:
    (no_models_of_the_user / "mine.toml").write_text(GOOD.replace("1320", '"big"'))
    with pytest.raises(ModelError, match=r"mine\.toml: battery_mah: expected int, got str"):
        load_models()
    problems: list[ModelError] = []
    assert "nexus-one" in load_models(problems.append)
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("year = 2010", "year = 2010\ncolour = 1", "colour: is no field that is known here"),
        ("ram_mib = 256\n", "", "ram_mib: is missing"),
        ("ram_mib = 256", "ram_mib = 4", "ram_mib: expected int >= 64"),
        ("ram_mib = 256", "ram_mib = 999999999999999999999", "ram_mib: "),
        ("width = 480", "width = 481", "panel.width: must be even"),
        ("width = 480", "width = 1000", "panel: give it in portrait"),
        ("width = 480", "width = 480\ndepth = 1", "panel.depth: is no field"),
        ("inches = 3.5", "inches = nan", "panel.inches: "),
        ('"home"', '"hoem"', "keys: 'hoem' is unknown"),
        ('"power", ', "", "keys: a handset has a 'power' key"),
        ('"home"', '"power"', "keys: a key is named twice"),
        ("#1f2022", "black", "body: expected str matching regex"),
        ("[panel]", "[panel", "is no TOML file"),
        ('name = "Phone"', 'id = "other"\nname = "Phone"', "id: is the file's name"),
        ("mips = 1200", "mips = true", "mips: expected int, got bool"),
    ],
)
def test_a_wrong_file_is_refused_by_file_and_field(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    path = tmp_path / "wrong.toml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(ModelError) as caught:
        load_model(path)
    assert str(caught.value).startswith(f"{path}: {sentence}")


def test_a_file_that_is_absent_large_or_binary_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        load_model(tmp_path / "absent.toml")
    (tmp_path / "large.toml").write_bytes(b"#" * 100_000)
    with pytest.raises(ModelError, match="larger than 64 KiB"):
        load_model(tmp_path / "large.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelError, match="is no TOML file"):
        load_model(tmp_path / "binary.toml")
    (tmp_path / "Bad Name.toml").write_text(GOOD)
    with pytest.raises(ModelError, match="the file's name is the model's id"):
        load_model(tmp_path / "Bad Name.toml")
