"""What a Linux kernel's memory says: tasks, modules, the log."""
