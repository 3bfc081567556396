"""Data that the handsets are made of: models, one file each."""
