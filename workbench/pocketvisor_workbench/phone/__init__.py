"""What the Controls pane shows of a handset's physical state, a section each, from top to bottom."""

from pocketvisor_workbench.phone.battery import BatterySection
from pocketvisor_workbench.phone.location import LocationSection
from pocketvisor_workbench.phone.motion import MotionSection
from pocketvisor_workbench.phone.section import Section
from pocketvisor_workbench.phone.signal import SignalSection

SECTIONS: tuple[type[Section], ...] = (BatterySection, LocationSection, MotionSection, SignalSection)

__all__ = ["SECTIONS", "Section"]
