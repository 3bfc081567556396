"""Sockets to the handset, as devices use them: nothing waits, and what cannot be sent now is not lost."""

import errno
from typing import Final

FULL: Final = (errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM)
"""Errors that say: not now. Short of memory a computer gives none to a socket for a while."""
