"""The console's terminal: what kernels, shells and installers send comes out as they meant it."""

import pytest

from pocketvisor_workbench.terminal import BOLD, REVERSE, SCROLLBACK, Terminal, colours_of


def shown(data: bytes, columns: int = 20, rows: int = 4) -> Terminal:
    terminal = Terminal(columns, rows)
    terminal.feed(data)
    return terminal


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"one\r\ntwo", "one\ntwo"),
        (b"abc\b\bX", "aXc"),
        (b"a\tb", "a       b"),
        (b"hello\rJ", "Jello"),
        (b"abcdef\x1b[3D\x1b[K", "abc"),
        (b"abcdef\x1b[3D\x1b[2P", "abcf"),
        (b"abc\x1b[2D\x1b[2@", "a  bc"),
        (b"x\x1b[2J\x1b[Hy", "y"),
        (b"\x1b[2;3Hz", "\n  z"),
        (b"\x1b(0lqk\x1b(B", "┌─┐"),
        (b"caf\xc3\xa9 \xff", "café �"),
        (b"\x1b]0;title\x07after", "after"),
        (b"\x1b[?1049hfull\x1b[?1049lback", "back"),
        (b"1\r\n2\r\n3\r\n4\x1b[2;3r\x1b[3;1H\nX", "1\n3\nX\n4"),
    ],
)
def test_sequences(data: bytes, text: str) -> None:
    assert shown(data).text() == text


def test_a_sequence_may_come_in_pieces() -> None:
    whole = b"a\x1b[31mred\x1b[0m \xe2\x94\x80 b\x1b]2;t\x07c"
    for cut in range(len(whole)):
        terminal = Terminal(20, 4)
        terminal.feed(whole[:cut])
        terminal.feed(whole[cut:])
        assert terminal.text() == "ared ─ bc"


def test_long_lines_wrap_and_what_scrolls_out_is_kept_within_bounds() -> None:
    terminal = shown(b"0123456789abc", columns=10)
    assert [line.string() for line in terminal.all_lines()] == ["0123456789", "abc"]
    terminal.feed(b"\r\nline" * (SCROLLBACK + 100))
    assert len(terminal.history) == SCROLLBACK
    assert terminal.dropped + len(terminal.history) + terminal.y == SCROLLBACK + 101


def test_colours_and_attributes() -> None:
    line = shown(b"\x1b[1;31mA\x1b[0;7mB\x1b[38;5;200mC\x1b[m D").lines[0]
    assert colours_of(line.style[0]) == (1, -1) and line.style[0] & BOLD
    assert line.style[1] & REVERSE
    assert colours_of(line.style[2]) == (200, -1)
    assert line.style[4] == 0


def test_a_shell_that_asks_for_the_size_is_answered() -> None:
    answers: list[bytes] = []
    terminal = Terminal(80, 24, reply=answers.append)
    terminal.feed(b"\x1b[999;999H\x1b[6n")
    assert answers == [b"\x1b[24;80R"]


def test_garbage_does_no_harm() -> None:
    terminal = Terminal()
    for seed in range(64):
        terminal.feed(bytes((seed * 31 + n * n * 7) % 256 for n in range(2000)))
        terminal.feed(b"\x1b[9999999999;9999999999H\x1b[9999M\x1b[9999L\x1b[9999@\x1b[9999S\x1b[0;0r")
    assert len(terminal.lines) == 24
    assert all(len(line.text) == 80 and len(line.style) == 80 for line in terminal.lines)
