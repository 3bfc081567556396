"""Debian's phone in the catalogue while it is not built."""

from pocketvisor.images.catalogue import GuestImage

PHONE = "debian-phone"

UNBUILT = GuestImage(
    id=PHONE,
    name="Debian phone",
    kind="linux",
    append="console=ttyAMA0 quiet loglevel=3",
    ram_mib=256,
    least_ram_mib=192,
    accent="#e21e5c",
    description="A graphical Debian for armhf: touch it, type, browse; on a disk that keeps what you do",
    display="gpu",
    phone=True,
    keep=True,
    media=True,
    parts=("balloon",),
    available=False,
    missing=f"Debian's phone is not on this machine yet: build it with `pocketvisor guests build {PHONE}`, "
    "which takes some minutes",
)
