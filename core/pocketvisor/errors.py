"""What can go wrong, each with one clear sentence for the person in front of the screen."""


class PocketvisorError(Exception):
    """Base of all errors that are the user's or the guest's to know; str() is the sentence to show."""


class ModelError(PocketvisorError):
    """A handset model's file is missing, malformed or has a wrong field."""


class ImageError(PocketvisorError):
    """A guest's image cannot be used: the sentence names the file and the cause."""


class MissingImage(ImageError):
    """A catalogued guest whose files are not on this machine yet."""


class StorageError(PocketvisorError):
    """A disk, its overlay or its folder cannot be used: the sentence names the file and the cause."""


class NetworkError(PocketvisorError):
    """A guest's network cannot be had as it was asked for."""


class OutOfMemory(PocketvisorError):
    """The handset has not enough RAM left for a guest."""


class AdmissionError(PocketvisorError):
    """A guest cannot be promised that much of its handset's CPU: the sentence says what is left of it."""


class GuestError(PocketvisorError):
    """A guest could not start, or it ended in a way that it should not."""


class PhoneError(PocketvisorError):
    """A handset cannot be brought into such a physical state: the sentence names the value."""


class ControlError(PocketvisorError):
    """A control message was malformed, of another version, or refused by the other side."""


class RecordingError(PocketvisorError):
    """A recording cannot be replayed: damaged, of another engine variant, or of other images."""


class ProfileError(PocketvisorError):
    """A profile cannot be used or saved: the sentence names the file and the cause."""


class LockedProfile(ProfileError):
    """A profile's content needs a key that was not given, or another one than was given."""


class DamagedProfile(ProfileError):
    """A part of a profile is not what was saved: the sentence names the part."""


class MigrationError(PocketvisorError):
    """A phone cannot be moved to another machine, or from one: the sentence says why, and who has it."""


class DebugError(PocketvisorError):
    """What somebody wanted to know of a guest's inside, or do there, cannot be had: the sentence says why."""


class PolicyError(PocketvisorError):
    """A policy, an order, a check-in or a key cannot be used: the sentence says why."""


class Refused(PolicyError):
    """What the policy of a profile does not allow: the sentence says what, and whose policy it is."""
