"""The panes that look into a guest."""
