"""All that a program needs to run guests: the workbench, the command line and the test kit use just this.

    async def main() -> None:
        handset = Handset(load_models()["nexus-one"])
        guest = await handset.start(catalogue()["personal"])
        await guest.console.expect("ready", timeout=10)
        guest.touch(240, 400, "down")
        ...
        await handset.close()

Nothing here loads the engine: guests run in processes of their own. The debugger is loaded when it is used.
"""

from typing import TYPE_CHECKING, Any

from pocketvisor.board.map import USER_DEVICES_MAX
from pocketvisor.debug.stop_info import StopInfo
from pocketvisor.debug.stops import Stop
from pocketvisor.errors import (
    AdmissionError,
    ControlError,
    DamagedProfile,
    DebugError,
    GuestError,
    ImageError,
    LockedProfile,
    MissingImage,
    ModelError,
    NetworkError,
    OutOfMemory,
    PhoneError,
    PocketvisorError,
    PolicyError,
    ProfileError,
    RecordingError,
    Refused,
    StorageError,
)
from pocketvisor.guest.console import Console
from pocketvisor.guest.disks import DISKS_MAX
from pocketvisor.guest.exchange import ServiceNow, services_of
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.keeping import GuestProfile, SaveReport
from pocketvisor.guest.options import GuestState, RunOptions, StopReason
from pocketvisor.guest.panel import PanelView
from pocketvisor.guest.script import DEFAULT_PROMPT, ScriptPlan
from pocketvisor.guest.statistics import GuestCounters
from pocketvisor.handset import Handset
from pocketvisor.images.catalogue import GuestImage, catalogue, image_from_files
from pocketvisor.images.offers import Offer, parse_offers
from pocketvisor.models import HandsetModel, Panel, load_model, load_models
from pocketvisor.moving import MoveReport, check_move, move
from pocketvisor.network.radio import PRESETS as RADIO_PRESETS
from pocketvisor.network.radio import Radio
from pocketvisor.network.service import GuestNetwork, NetworkState
from pocketvisor.network.spec import Forward, NetworkSpec, parse_forward, parse_network
from pocketvisor.phone import Phone
from pocketvisor.phone_route import Route, read_gpx
from pocketvisor.policies.act import Act
from pocketvisor.policies.applying import Applied, deliver
from pocketvisor.policies.governed import Effect, Governed, Standing
from pocketvisor.profile.file import Generation, ProfileFile
from pocketvisor.profile.keys import NewKeys, Unlock
from pocketvisor.recording import Recording, read_recording, write_recording
from pocketvisor.scheduler import Qos, SchedulerNow, ShareNow
from pocketvisor.storage.disk import DiskSpec, check_disk

if TYPE_CHECKING:
    from pocketvisor.debug.debugger import Debugger

__all__ = [
    "DEFAULT_PROMPT",
    "DISKS_MAX",
    "RADIO_PRESETS",
    "USER_DEVICES_MAX",
    "Act",
    "AdmissionError",
    "Applied",
    "Console",
    "ControlError",
    "DamagedProfile",
    "DebugError",
    "Debugger",
    "DiskSpec",
    "Effect",
    "Forward",
    "Generation",
    "Governed",
    "Guest",
    "GuestCounters",
    "GuestError",
    "GuestImage",
    "GuestNetwork",
    "GuestProfile",
    "GuestState",
    "Handset",
    "HandsetModel",
    "ImageError",
    "LockedProfile",
    "MissingImage",
    "ModelError",
    "MoveReport",
    "NetworkError",
    "NetworkSpec",
    "NetworkState",
    "NewKeys",
    "Offer",
    "OutOfMemory",
    "Panel",
    "PanelView",
    "Phone",
    "PhoneError",
    "PocketvisorError",
    "PolicyError",
    "ProfileError",
    "ProfileFile",
    "Qos",
    "Radio",
    "Recording",
    "RecordingError",
    "Refused",
    "Route",
    "RunOptions",
    "SaveReport",
    "SchedulerNow",
    "ScriptPlan",
    "ServiceNow",
    "ShareNow",
    "Standing",
    "Stop",
    "StopInfo",
    "StopReason",
    "StorageError",
    "Unlock",
    "catalogue",
    "check_disk",
    "check_move",
    "deliver",
    "image_from_files",
    "load_model",
    "load_models",
    "move",
    "parse_forward",
    "parse_network",
    "parse_offers",
    "read_gpx",
    "read_recording",
    "services_of",
    "write_recording",
]

if not TYPE_CHECKING:  # or a checker would take every name for one that is here

    def __getattr__(name: str) -> Any:
        if name == "Debugger":
            from pocketvisor.debug.debugger import Debugger

            return Debugger
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
