"""What one steps over: whether an instruction calls something, and how long it is."""

_BLX_IMMEDIATE = 0xFA000000
_BL = 0x0B000000
_BLX = 0x012FFF30
_SVC = 0x0F000000
_NEVER = 0xF0000000


def call_size(code: bytes, *, thumb: bool) -> int | None:
    """Bytes of an instruction that comes back to the one behind it later, None for any other."""
    if thumb:
        return _thumb_call_size(code)
    if len(code) < 4:
        return None
    word = int.from_bytes(code[:4], "little")
    if word & _NEVER == _NEVER:
        calls = word & 0xFE000000 == _BLX_IMMEDIATE
    else:
        calls = word & 0x0F000000 in (_BL, _SVC) or word & 0x0FFFFFF0 == _BLX
    return 4 if calls else None


def _thumb_call_size(code: bytes) -> int | None:
    if len(code) < 2:
        return None
    first = int.from_bytes(code[:2], "little")
    if first & 0xFF87 == 0x4780 or first & 0xFF00 == 0xDF00:  # BLX register, SVC
        return 2
    if first & 0xF800 == 0xF000 and len(code) >= 4:
        second = int.from_bytes(code[2:4], "little")
        if second & 0xC000 == 0xC000:  # BL, BLX immediate
            return 4
    return None
