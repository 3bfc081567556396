"""Devices in Python: the rarely accessed ones, and all that stands behind a virtqueue."""
