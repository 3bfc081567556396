"""`python -m benchmarks [NAME...] [--quick] [--json] [--out FILE]`, in tests/: as `pocketvisor bench`."""

import argparse
import sys
from pathlib import Path

from . import BENCHMARKS
from .run import run

parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(one.name for one in BENCHMARKS))
parser.add_argument("--quick", action="store_true", help="fewer repeats: the same figures, only noisier")
parser.add_argument("--out", type=Path, metavar="FILE", help="write all samples and ratios to a file")
parser.add_argument("--json", action="store_true", help="print them, and the tables to standard error")
arguments = parser.parse_args()
sys.exit(run(arguments.names, quick=arguments.quick, json_file=arguments.out, printed=arguments.json))
