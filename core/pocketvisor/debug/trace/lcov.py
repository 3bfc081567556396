"""Coverage by source line, as lcov and genhtml read it ("tracefile", geninfo(1)).

A line ran as often as the code that it begins with, the most where it has several pieces. Left out: branches.
"""

from collections.abc import Iterable
from typing import NamedTuple

from pocketvisor.debug.trace.coverage import Coverage


class SourceLine(NamedTuple):
    """Where the code of a line begins."""

    address: int
    file: str
    line: int


class Function(NamedTuple):
    name: str
    address: int
    file: str
    line: int


def lcov(coverage: Coverage, lines: Iterable[SourceLine], functions: Iterable[Function] = ()) -> str:
    """Of all lines that are known, those that never ran too."""
    hits: dict[str, dict[int, int]] = {}
    for address, file, line in lines:
        if line > 0:
            of_file = hits.setdefault(_one_line(file), {})
            of_file[line] = max(of_file.get(line, 0), coverage.runs(address))
    named: dict[str, dict[str, tuple[int, int]]] = {}
    for function in functions:
        of_functions = named.setdefault(_one_line(function.file), {})
        of_functions[_one_line(function.name)] = function.line, coverage.runs(function.address)
    parts = ["TN:\n"]
    for file in sorted(hits):
        parts.append(f"SF:{file}\n")
        found = named.get(file, {})
        parts += [f"FN:{line},{name}\n" for name, (line, _) in sorted(found.items())]
        parts += [f"FNDA:{runs},{name}\n" for name, (_, runs) in sorted(found.items())]
        parts.append(f"FNF:{len(found)}\nFNH:{sum(runs > 0 for _, runs in found.values())}\n")
        of_file = hits[file]
        parts += [f"DA:{line},{of_file[line]}\n" for line in sorted(of_file)]
        parts.append(f"LF:{len(of_file)}\nLH:{sum(runs > 0 for runs in of_file.values())}\nend_of_record\n")
    return "".join(parts)


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)
