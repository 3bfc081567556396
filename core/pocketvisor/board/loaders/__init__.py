"""From a guest's files to what is written into its memory.

Loaders run in the handset's process, so that a file is taken for hostile: nothing is unpacked without a
bound, and whatever is wrong is an ImageError.
"""

from pocketvisor.board.loaders.load import plan as load

__all__ = ["load"]
