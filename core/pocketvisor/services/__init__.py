"""What an open workbench, or a run in a terminal, does when it is asked through its socket; control/ has the
messages."""
