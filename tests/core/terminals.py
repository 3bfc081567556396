"""Commands on terminals of their own, as a user sees and types them."""

import codecs
import os
import pty
import re
import select
import signal
import sys
import time

_SILENT_SECONDS = 60.0


class Terminal:
    """A command on a terminal of its own, as a user sees and types it."""

    def __init__(self, environment: dict[str, str], *command: object) -> None:
        self.text = ""
        self._seen = 0
        self._ended = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")  # a piece may end within a character
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.environ.update(environment, TERM="xterm", COLUMNS="100")
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # whatever this process was started with
            os.execv(sys.executable, [sys.executable, "-m", "pocketvisor.cli", *map(str, command)])

    def expect(self, pattern: str, seconds: float = 60.0) -> None:
        """Text behind the last that was expected."""
        deadline = time.monotonic() + seconds
        while (found := re.search(pattern, self.text[self._seen :])) is None:
            assert time.monotonic() < deadline, f"{pattern} did not come: {self.text!r}"
            assert self._read(), f"{pattern} did not come before the end: {self.text!r}"
        self._seen += found.end()

    def type(self, line: str) -> None:
        os.write(self._fd, line.encode())

    def end(self) -> int:
        """Its exit code, when it has ended."""
        while self._read():
            pass
        assert self._ended, f"it does not end: {self.text!r}"
        _, status = os.waitpid(self.pid, 0)
        self._close()
        return os.waitstatus_to_exitcode(status)

    def hang_up(self, seconds: float = 60.0) -> int:
        """Its window is closed; its exit code, when it has ended."""
        self._close()
        ended = os.pidfd_open(self.pid)
        try:
            assert select.select([ended], [], [], seconds)[0], f"it does not end: {self.text!r}"
        finally:
            os.close(ended)
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)

    def kill(self) -> None:
        """Where it has not ended yet."""
        if self._fd >= 0:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self._close()

    def _close(self) -> None:
        os.close(self._fd)
        self._fd = -1

    def _read(self) -> bool:
        if select.select([self._fd], [], [], _SILENT_SECONDS)[0]:
            try:
                data = os.read(self._fd, 4096)
            except OSError:  # the other end is closed
                self._ended = True
                return False
            self.text += self._decoder.decode(data)
            return bool(data)
        return False
