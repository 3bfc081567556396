"""The Qt workbench of Pocketvisor: handsets drawn as phones, their guests live in panes.

Builds on `pocketvisor.api` alone; never loads the engine.
"""
