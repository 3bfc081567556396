"""Code of an attacker's for a process that is confined: what he does who has taken over the engine.

It is carried into the guest's process by foothold.py, a device of the user's own: that is foreign code behind
the sandbox by design, so that no door is opened for the attack. A probe does no harm where it gets through:
signals are signal 0, files are only opened, what was taken is given back. So the same probes can be run in a
process that is not confined, to see them succeed.

System calls go by x86-64's numbers, as in the filter. These modules are read as text and run inside: they
import what a guest's process has loaded, and each other.
"""

from typing import Final

PARTS: Final = ("tally", "files", "processes", "kernel", "taking", "lies")
"""In the order in which they import each other."""
