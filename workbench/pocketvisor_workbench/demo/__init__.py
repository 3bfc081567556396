"""The demonstration: a story that is told in the window, of which each step really happens."""
