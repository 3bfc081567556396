"""Text copied in one sample phone is pasted in another, through their handset and as far as policies go."""

import time

import pytest
from PIL import ImageChops
from PIL.Image import Image

from pocketvisor.testing import SyncHandset

from .phone import Phone

KEYS = {"a": 30, "b": 48, "c": 46, " ": 57}


def note(phone: Phone, text: str) -> None:
    """A new note with this text, open."""
    phone.run("home")
    phone.tap("Notes")
    phone.tap("add")
    phone.guest.wait_still()
    for character in text:
        phone.guest.key(KEYS[character], True)
        phone.guest.key(KEYS[character], False)


def written(phone: Phone) -> str:
    """The note that is open, as the list of notes tells it; it is closed then."""
    phone.run("back")
    phone.run("back")
    first, *_ = [name for name in phone.where() if name not in ("back", "add")]
    return first


@pytest.fixture
def phones(handset: SyncHandset) -> tuple[Phone, Phone]:
    return Phone.start(handset, "personal"), Phone.start(handset, "work")


def test_what_is_copied_in_one_is_pasted_in_the_other(phones: tuple[Phone, Phone]) -> None:
    personal, work = phones
    note(personal, "abc cab")
    personal.tap("Copy")
    note(work, "")
    paper = first_line(work)
    work.tap("Paste")
    deadline = time.monotonic() + 60
    while not ImageChops.difference(paper, first_line(work)).getbbox():
        assert time.monotonic() < deadline, "nothing was pasted"
        work.guest.wait_guest_time(0.05)
    assert written(work) == "abc cab"


def first_line(phone: Phone) -> Image:
    """Of the note that is open."""
    x, y = phone.where()["back"]
    return phone.guest.screenshot().crop((x, 2 * y, phone.size[0], 2 * y + y // 2))
