"""Networks of guests: off unless asked for, in a process of their own that alone sees their frames."""
