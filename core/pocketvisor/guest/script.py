"""A scripted talk with a guest's console: type a line at each prompt, then wait for an output.

The script only decides; whoever runs it feeds the output in and asks what to do. It serves the guest's
process, where output is matched at its exact tick, and the command line, where it is matched as it comes.

A prompt is an unfinished line that matches the prompt's expression and is followed by nothing for a while:
'is followed by nothing' is for the caller to find out (`at_prompt`, then `settled()`), in ticks or in time.
Matching leaves out escape sequences and carriage returns, and the echo of what was typed.
"""

import codecs
import re
from typing import Final

from msgspec import Struct

DEFAULT_PROMPT: Final = r"(# |\$ |=> )$"
_WINDOW_LINES = 16  # an expression may span this many lines
_WINDOW_MAX = 16384
_ESCAPE = re.compile(
    rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][0-9A-Za-z]|\x1b[=>78cDEHM]"
)
_ESCAPE_BEGUN = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*|[()])?$")


class ScriptPlan(Struct, frozen=True):
    """What to do: lines to type, the prompt to wait for before each, the output that ends the run."""

    lines: tuple[str, ...] = ()
    prompt: str = DEFAULT_PROMPT
    until: str | None = None


class PlainText:
    """Console bytes as text without escape sequences and carriage returns, piece by piece."""

    def __init__(self) -> None:
        self._held = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, data: bytes) -> str:
        data = self._held + data
        begun = _ESCAPE_BEGUN.search(data)
        if begun and len(data) - begun.start() < 256:
            self._held = data[begun.start() :]
            data = data[: begun.start()]
        else:
            self._held = b""
        plain = _ESCAPE.sub(b"", data).replace(b"\r", b"").replace(b"\0", b"")
        return self._decoder.decode(plain)


class Script:
    """A plan under way."""

    def __init__(self, plan: ScriptPlan) -> None:
        self._lines = list(plan.lines)
        self._prompt = re.compile(plan.prompt)
        self._until = re.compile(plan.until, re.MULTILINE) if plan.until is not None else None
        self._plain = PlainText()
        self._text = ""
        self._echo = ""  # what the terminal is still expected to echo of the last line, without white space
        self._echoed = ""  # what may have been that echo so far
        self.matched: str | None = None

    @property
    def done(self) -> bool:
        """Whether the output that ends the run has come; without one a script never ends a run."""
        return self.matched is not None

    @property
    def waits_for(self) -> str:
        """What has not come yet, for a sentence."""
        if self._lines:
            return f"a prompt to type '{self._lines[0].strip()}' at"
        return f"'{self._until.pattern}'" if self._until is not None and not self.done else ""

    @property
    def has_lines(self) -> bool:
        """Whether there is something left to type."""
        return bool(self._lines)

    def feed(self, data: bytes) -> None:
        text = self._skip_echo(self._plain.feed(data))
        self._text += text
        if self._until is not None and self.matched is None and not self._lines and not self._echo and text:
            found = self._until.search(self._text)
            if found:
                self.matched = found[0]
        self._forget()

    @property
    def at_prompt(self) -> bool:
        """Whether the unfinished line looks like the prompt that the next line waits for."""
        if not self._lines or self._echo:
            return False
        return self._prompt.search(self._text.rpartition("\n")[2]) is not None

    def settled(self) -> bytes:
        """Nothing followed the prompt: the bytes to type now."""
        line = self._lines.pop(0)
        self._echo = "".join(line.split())
        self._text = ""
        return line.encode() if line.endswith(("\n", "\r")) else line.encode() + b"\r"

    def _skip_echo(self, text: str) -> str:
        """Drops the echo of the typed line, which wraps as the terminal likes: white space does not count."""
        if not self._echo:
            return text
        for at, character in enumerate(text):
            if character.isspace():
                continue
            if character != self._echo[0]:  # no echo, or not of this: a password, a program that reads
                text, self._echo, self._echoed = self._echoed + text, "", ""
                return text
            self._echo = self._echo[1:]
            if not self._echo:
                self._echoed = ""
                return text[at + 1 :]
        self._echoed += text
        return ""

    def _forget(self) -> None:
        """Keeps what an expression may still span."""
        if self._text.count("\n") > 2 * _WINDOW_LINES:
            self._text = "\n".join(self._text.split("\n")[-_WINDOW_LINES:])
        if len(self._text) > 2 * _WINDOW_MAX:
            self._text = self._text[-_WINDOW_MAX:]
