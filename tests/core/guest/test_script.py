"""A script types at prompts and nowhere else, and looks at nothing but what comes behind."""

import pytest

from pocketvisor.guest.script import PlainText, Script, ScriptPlan


def _script(*lines: str, until: str | None = None, **plan: str) -> Script:
    return Script(ScriptPlan(lines=lines, until=until, **plan))


@pytest.mark.parametrize("prompt", ["~ # ", "user@host:~$ ", "=> ", "debian:/root# \x1b[6n"])
def test_the_usual_prompts_are_known(prompt: str) -> None:
    script = _script("ls")
    script.feed(b"booting # 3\r\n" + prompt.encode())
    assert script.at_prompt
    assert script.settled() == b"ls\r"


def test_a_line_that_goes_on_is_no_prompt() -> None:
    script = _script("ls")
    script.feed(b"item # ")
    script.feed(b"4 of 5")
    assert not script.at_prompt


def test_lines_are_typed_one_after_another() -> None:
    script = _script("one", "two", until="^done$")
    script.feed(b"done\r\n# ")
    assert script.settled() == b"one\r"
    assert not script.at_prompt
    script.feed(b"one\r\ndone\r\n# ")
    assert script.settled() == b"two\r"
    assert not script.done
    script.feed(b"two\r\n")
    assert not script.done
    script.feed(b"done\r\n")
    assert script.done


def test_the_echo_does_not_count_as_output() -> None:
    script = _script("echo READY", until="READY")
    script.feed(b"# ")
    script.settled()
    for byte in b"echo RE\r\nADY\r\n":  # wrapped by the terminal
        script.feed(bytes([byte]))
    assert not script.done
    script.feed(b"READY\r\n")
    assert script.done


def test_without_an_echo_all_output_counts() -> None:
    script = _script("secret", until="^see you$")
    script.feed(b"# ")
    script.settled()
    script.feed(b"see ")
    script.feed(b"you\n")
    assert script.done


def test_an_expression_may_span_lines_but_not_for_ever() -> None:
    script = _script(until="first\nsecond")
    for _ in range(1000):
        script.feed(b"noise\r\n" * 10)
    script.feed(b"first\r\nsecond")
    assert script.matched == "first\nsecond"
    assert len(script._text) < 40000


def test_escape_sequences_are_left_out_wherever_they_are_cut() -> None:
    text = "a\x1b[1;31mb\x1b]0;title\x07c\x1b(Bdé\x1b[6ne".encode()
    for size in range(1, len(text)):
        plain = PlainText()
        assert "".join(plain.feed(text[at : at + size]) for at in range(0, len(text), size)) == "abcdée"


def test_an_endless_escape_sequence_is_let_through() -> None:
    plain = PlainText()
    assert len(plain.feed(b"\x1b]" + b"x" * 5000)) > 4000
