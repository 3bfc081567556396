"""What an open workbench does when it is asked what a handset's guests take from its battery."""

from pocketvisor.control.power_calls import PowerRequest, PowerShown, SetLowBattery
from pocketvisor.handset import Handset


def answer(handset: Handset, request: PowerRequest) -> PowerShown:
    """Raises PhoneError."""
    if isinstance(request, SetLowBattery):
        handset.power.set_low(percent=request.percent, background_mips=request.background_mips)
    return PowerShown(handset=handset.name, power=handset.power.now())
