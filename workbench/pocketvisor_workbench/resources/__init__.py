"""The Resources pane: what guests get of a phone's processor, memory and battery."""
