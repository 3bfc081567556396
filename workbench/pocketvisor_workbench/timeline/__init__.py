"""Time under each phone: recording a guest, looking at its past, and going on from there."""
