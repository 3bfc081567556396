"""What can be done with a governed phone: each is a door that asks before it opens."""

from enum import StrEnum


class Act(StrEnum):
    """The words are those of the audit log."""

    RUN = "run"
    SCREENSHOT = "screenshot"
    RECORD = "record"
    COPY_OUT = "copy out"
    COPY_IN = "copy in"
    FILES_IN = "files in"
    NETWORK = "network"
    CAMERA = "camera"
    LOCATION = "location"
    DEBUG = "debug"
    CONSOLE = "console"
    EXPORT = "export"
    CLONE = "clone"
    MOVE = "move"
    SHARE_MEMORY = "share memory"
    CALL_SERVICE = "call a service"
