"""What an open workbench does when it is asked how a handset's CPU is split among its guests."""

from pocketvisor.control.qos_calls import QosRequest, QosShown, SetQos, SetSplit
from pocketvisor.guest.guest import Guest
from pocketvisor.handset import Handset


def of_guest(guest: Guest, request: SetQos) -> QosShown:
    """Raises AdmissionError."""
    guest.set_qos(shares=request.shares, reservation=request.reservation, limit=request.limit)
    return shown(guest.handset)


def answer(handset: Handset, request: QosRequest) -> QosShown:
    """Raises AdmissionError; nothing has changed then."""
    if isinstance(request, SetSplit):
        scheduler = handset.scheduler
        boost = scheduler.boost
        if request.boost is not None:
            scheduler.set_boost(request.boost)
        try:
            if request.response_ms is not None:
                scheduler.set_response(request.response_ms or None)
        except BaseException:
            scheduler.set_boost(boost)
            raise
    return shown(handset)


def shown(handset: Handset) -> QosShown:
    return QosShown(handset=handset.name, cpu=handset.scheduler.state(), guests=handset.scheduler.now())
