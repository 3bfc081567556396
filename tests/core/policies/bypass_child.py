"""The command line in a process that has it loaded already: for bypass.py, which runs it often."""

import contextlib
import io
import os
import sys
from multiprocessing.connection import Connection

import pocketvisor.cli


def run_command(arguments: list[str], environment: dict[str, str], says: Connection) -> None:
    os.environ.update(environment)
    os.setsid()
    out = io.StringIO()
    sys.argv = ["pocketvisor", *arguments]
    sys.stdin = io.StringIO()
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            pocketvisor.cli.main()
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException as error:
            code, _ = 1, print(repr(error))
    says.send((code, out.getvalue()[-4000:]))
