"""Symbols on their way into a table: one tuple each, then all of them packed."""

from array import array

from pocketvisor.debug.symbols.messages import Symbols

Row = tuple[int, int, str, str]
"""Address, size, kind (a letter of messages.KINDS), name."""


def packed(rows: list[Row]) -> Symbols:
    """Rows by address."""
    return Symbols(
        addresses=array("I", (row[0] for row in rows)).tobytes(),
        sizes=array("I", (row[1] for row in rows)).tobytes(),
        kinds="".join(row[2] for row in rows).encode(),
        names="".join(row[3] + "\n" for row in rows),
    )
