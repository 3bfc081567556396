"""The centre of the window: handsets drawn as phones, their guests live in panes."""
