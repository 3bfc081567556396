"""A guest's past: snapshots and what entered it between them, and going back there."""
