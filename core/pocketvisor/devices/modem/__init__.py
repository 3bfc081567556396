"""A phone's modem behind AT commands: a state machine that knows no thread, no descriptor and no host."""
