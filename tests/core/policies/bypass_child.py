"""The command line in a process that has it loaded already: for bypass.py, which runs it often."""

import os
import sys
import tempfile
from multiprocessing.connection import Connection

import pocketvisor.cli


def run_command(arguments: list[str], environment: dict[str, str], says: Connection) -> None:
    os.environ.update(environment)
    os.setsid()
    sys.argv = ["pocketvisor", *arguments]
    code = 0
    with tempfile.TemporaryFile() as out, open(os.devnull, "rb") as nothing:
        for fd, file in ((0, nothing), (1, out), (2, out)):
            os.dup2(file.fileno(), fd)
        sys.stdin = os.fdopen(0, closefd=False)
        try:
            pocketvisor.cli.main()
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException as error:
            code, _ = 1, print(repr(error))
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        says.send((code, os.pread(out.fileno(), 4000, 0).decode(errors="replace")))
