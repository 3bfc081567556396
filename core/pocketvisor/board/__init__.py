"""The board that every guest sees: QEMU's `virt` machine (ARM, 32 bit, GICv2, one CPU) with a panel."""
