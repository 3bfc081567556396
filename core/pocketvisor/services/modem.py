"""What an open workbench does when it is asked about a guest's modem."""

from pocketvisor.control import modem_calls
from pocketvisor.control.modem_calls import CallShown, ModemRequest, ModemShown, SmsShown
from pocketvisor.guest.guest import Guest


def answer(guest: Guest, request: ModemRequest) -> ModemShown:
    """Does it, and says how the modem is then. Raises GuestError."""
    modem = guest.modem
    match request:
        case modem_calls.SendSms():
            modem.receive_sms(request.number, request.text)
        case modem_calls.Ring():
            modem.call(request.number)
        case modem_calls.EndCall(how="answer"):
            modem.answer()
        case modem_calls.EndCall():
            modem.hang_up()
    call = modem.current
    return ModemShown(
        guest=guest.name,
        call=CallShown(call.number, call.state, call.outgoing) if call is not None else None,
        sent=[SmsShown(message.number, message.text) for message in modem.sent],
    )
