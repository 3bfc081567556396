"""The two guests that Debian's armhf packages give: what they are called, what they need, what they run."""

from pocketvisor.images.catalogue import GuestImage

_HOW = "fetch it with `pocketvisor guests fetch debian`, or give files of your own with --kernel and --initrd"

UNFETCHED = {
    image.id: image
    for image in (
        GuestImage(
            id="debian",
            name="Debian",
            kind="linux",
            append="console=tty0 console=ttyAMA0",
            ram_mib=256,
            least_ram_mib=192,
            accent="#d70a53",
            description="Debian's own armhf kernel, and a busybox shell on panel and console",
            available=False,
            missing=f"Debian is not on this machine yet: {_HOW}",
        ),
        GuestImage(
            id="debian-installer",
            name="Debian installer",
            kind="linux",
            append="console=ttyAMA0 console=tty0",
            ram_mib=256,
            least_ram_mib=192,
            accent="#a80030",
            description="Debian's installer for armhf, on the panel",
            available=False,
            missing=f"Debian's installer is not on this machine yet: {_HOW}",
        ),
    )
}
"""The catalogue's entries while nothing is fetched; what is fetched has a guest.toml that replaces them."""
