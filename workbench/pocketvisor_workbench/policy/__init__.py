"""Policies in the window: what governs a guest, what it does not allow, and what IT does about it."""
