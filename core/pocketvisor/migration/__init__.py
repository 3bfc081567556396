"""Guests that move between machines."""
