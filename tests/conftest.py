"""What all tests have in common: the processes that they start keep what they compile.

Images of containers often forbid Python to write byte code. A test that runs the command line would then
compile the whole program anew, and once more for the process that its guest is a fork of: half of its time.
"""

import os

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
