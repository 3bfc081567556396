"""Guest images: what can be put on a handset, and where it comes from."""
