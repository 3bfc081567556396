"""What a guest's board does: its interrupts and timers, page tables, and traces of it while it runs."""
