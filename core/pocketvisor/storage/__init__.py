"""What a guest's disks are kept in: files, overlays over them, media made of folders, and where they lie."""
