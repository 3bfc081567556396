"""What an open workbench does when it is asked about clipboards."""

from pocketvisor.control import clipboard_calls
from pocketvisor.control.clipboard_calls import ClipboardRequest, ClipboardShown
from pocketvisor.guest.guest import Guest


async def answer(guest: Guest, request: ClipboardRequest) -> ClipboardShown:
    """Raises GuestError, Refused."""
    phones = guest.handset.clipboard
    text = None
    match request:
        case clipboard_calls.CopyFrom():
            text = await guest.clipboard.copy()
        case clipboard_calls.PasteInto():
            await guest.clipboard.paste(request.text)
        case clipboard_calls.PutClipboard():
            phones.put(request.text)
    return ClipboardShown(
        guest=guest.name,
        text=phones.text if text is None else text,
        origin=phones.origin if text is None else guest.name,
        why_not=phones.why_not(guest),
        available=guest.has_clipboard and guest.clipboard.available,
    )
