"""The gdb remote protocol, for one guest."""
