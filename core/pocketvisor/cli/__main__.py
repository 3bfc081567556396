"""`python -m pocketvisor.cli`, where the command is not installed."""

from pocketvisor.cli import main

main()
