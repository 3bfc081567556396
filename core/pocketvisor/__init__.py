"""Pocketvisor: guests on emulated ARM handsets. Imports nothing before it is asked for."""

__version__ = "0.1.0"
