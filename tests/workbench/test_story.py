"""Stories: steps are chosen by name, with what they need; a script of the user's says them anew."""

from pathlib import Path

import pytest

from pocketvisor_workbench.demo.steps import STEPS
from pocketvisor_workbench.demo.story import SCRIPT_MAX, StoryError, chosen, read_script


def test_a_chosen_step_brings_those_that_it_needs_in_the_story_s_order() -> None:
    assert [step.ident for step in chosen(STEPS, ["restore", "copy"])] == [
        "lives",
        "govern",
        "copy",
        "lose",
        "wipe",
        "restore",
    ]


def test_every_step_s_needs_are_steps_before_it() -> None:
    before: set[str] = set()
    for step in STEPS:
        assert set(step.needs) <= before
        before.add(step.ident)
        assert step.title and step.words and len(step.words) <= 110  # two lines of the caption at most


def test_a_script_says_steps_anew(tmp_path: Path) -> None:
    script = tmp_path / "sales.toml"
    script.write_text(
        '[[step]]\ndo = "lives"\ntitle = "Dos vidas"\nseconds = 0\n[[step]]\ndo = "govern"\nwords = "Acme."\n'
    )
    lives, govern = read_script(script, STEPS)
    assert (lives.title, lives.seconds, lives.words) == ("Dos vidas", 0, STEPS[0].words)
    assert (govern.title, govern.words, govern.do) == (STEPS[1].title, "Acme.", STEPS[1].do)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[step]]\ndo = "fly"\n', "There is no step 'fly'"),
        ('[[step]]\ndo = "govern"\n', "'govern' needs 'lives' before it"),
        ('[[step]]\ndo = "lives"\nspeed = 3\n', "speed"),
        ('[[step]]\ndo = "lives"\nseconds = -1\n', "seconds"),
        ("step = []\n", "step"),
        ("[[step]\n", "is no TOML"),
        ("", "step"),
        ("#" * (SCRIPT_MAX + 1), "that is no script"),
    ],
)
def test_a_script_that_cannot_be_is_refused_by_file_and_reason(tmp_path: Path, text: str, said: str) -> None:
    script = tmp_path / "broken.toml"
    script.write_text(text)
    with pytest.raises(StoryError, match="broken.toml" if "There is" not in said else "no step") as refused:
        read_script(script, STEPS)
    assert said in str(refused.value)


def test_a_script_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoryError, match="cannot be read"):
        read_script(tmp_path / "absent.toml", STEPS)
