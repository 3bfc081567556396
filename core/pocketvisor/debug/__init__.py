"""Guests seen from inside: stopped at an exact instruction, looked into, changed, and taken back in time."""
