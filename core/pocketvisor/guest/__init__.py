"""A guest: the process that runs it, and the object that stands for it on its handset."""
