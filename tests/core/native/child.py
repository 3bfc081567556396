"""The other side of conftest.py: run as a program, it runs test functions that it is told of."""

import pickle
import struct
import sys
import traceback
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any


def load(path: str) -> Any:
    name = Path(path).stem
    if name not in sys.modules:
        spec = spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        sys.modules[name] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def call(path: str, function: str, arguments: dict[str, Any]) -> str | None:
    """The traceback of what went wrong, or None."""
    try:
        getattr(load(path), function)(**arguments)
    except BaseException:
        return traceback.format_exc()
    return None


def main() -> None:
    answers = sys.stdout.buffer
    sys.stdout = sys.stderr
    while len(head := sys.stdin.buffer.read(4)) == 4:
        request = pickle.loads(sys.stdin.buffer.read(struct.unpack("<I", head)[0]))
        answer = pickle.dumps(call(*request))
        answers.write(struct.pack("<I", len(answer)) + answer)
        answers.flush()


if __name__ == "__main__":
    main()
