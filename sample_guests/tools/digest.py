#!/usr/bin/env python3
"""Puts the digest of a guest's built image into its guest.toml: digest.py FOLDER."""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path


def main(folder: Path) -> None:
    path = folder / "guest.toml"
    digest = hashlib.sha256((folder / f"{folder.name}.elf").read_bytes()).hexdigest()
    text, count = re.subn(r'(?m)^elf = "sha256:[0-9a-f]{64}"$', f'elf = "sha256:{digest}"', path.read_text())
    if count != 1:
        sys.exit(f'{path}: there is no line elf = "sha256:..." to change')
    path.write_text(text)


main(Path(sys.argv[1]))
