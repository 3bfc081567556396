"""Dialogs: opened without waiting, they tell by a signal what was chosen."""
