"""The panes that show what a guest did."""
