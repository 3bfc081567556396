"""Many commands of the command line in one process: starting it takes longer than they do."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import NamedTuple

_SERVE = """
import contextlib, io, json, sys
from pocketvisor.cli import main
lines, answers = sys.stdin, sys.stdout
for line in lines:
    sys.argv = ["pocketvisor", *json.loads(line)]
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
    print(json.dumps([code, out.getvalue(), err.getvalue()]), file=answers, flush=True)
"""


class Said(NamedTuple):
    code: int
    out: str
    err: str


class ManyVerbs:
    """Made by open(); `runtime` is where sockets are, and its working folder."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def open(cls, runtime: Path) -> "ManyVerbs":
        return cls(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-c", _SERVE),  # there may be a folder "pocketvisor" in `runtime`
                cwd=runtime,
                env=os.environ | {"XDG_RUNTIME_DIR": str(runtime), "XDG_DATA_HOME": str(runtime / "data")},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=1 << 24,
            )
        )

    async def run(self, *arguments: object, seconds: float = 60) -> Said:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([str(argument) for argument in arguments]).encode() + b"\n")
        async with asyncio.timeout(seconds):
            return Said(*json.loads(await self._process.stdout.readline()))

    async def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 10)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
