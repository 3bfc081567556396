"""What a guest did: device accesses, exceptions, executed blocks, time by function."""
