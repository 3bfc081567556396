"""What an open workbench does when it is asked about a handset's physical state."""

import asyncio

from pocketvisor.control import phone_calls
from pocketvisor.control.phone_calls import PhoneRequest, PhoneShown
from pocketvisor.errors import GuestError
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.in_hand import CAMERA_KEY
from pocketvisor.handset import Handset
from pocketvisor.phone_route import Point, Route
from pocketvisor.policies.act import Act


def answer(handset: Handset, request: PhoneRequest) -> PhoneShown:
    """Does it, and says how the handset is then. Raises PhoneError."""
    phone = handset.phone
    match request:
        case phone_calls.SetBattery():
            phone.set_battery(request.level, plugged=request.plugged, temperature=request.temperature)
            if request.draining is not None:
                phone.set_draining(request.draining)
        case phone_calls.SetLocation():
            phone.set_location(
                request.latitude,
                request.longitude,
                altitude=request.altitude,
                speed=request.speed,
                course=request.course,
            )
        case phone_calls.LoseFix():
            phone.lose_fix()
        case phone_calls.Walk():
            phone.walk(Route([Point(*point) for point in request.points]), request.speed)
        case phone_calls.StopWalking():
            phone.stop_walking()
        case phone_calls.Hold():
            if request.pitch is not None or request.roll is not None:
                phone.set_tilt(request.pitch, request.roll)
            if request.orientation is not None:
                phone.rotate(request.orientation)
            if request.turn is not None:
                phone.turn(request.turn)
        case phone_calls.SetSignal():
            phone.set_signal(bars=request.bars, dbm=request.dbm, radio=request.radio)
    return PhoneShown(handset=handset.name, state=phone.state, walking=phone.walking, draining=phone.draining)


async def press(handset: Handset, request: phone_calls.PressKey) -> tuple[Guest, str]:
    """Who got it and the sentence to answer with, when the key is up again. Raises GuestError, Refused."""
    guest = handset.foreground
    if guest is None:
        raise GuestError(f"{handset.name} has no guest that a key could be for")
    if request.key == CAMERA_KEY:
        guest.check(Act.CAMERA)
    guest.hardware_key(request.key, True)
    try:
        await asyncio.sleep(request.milliseconds / 1000)
    finally:
        guest.hardware_key(request.key, False)
    return guest, f"{guest.name} got the key '{request.key}'"
