"""The portable profile: a guest in one file, with its history. FORMAT.md says how."""
