"""Short messages through AT commands, both ways, in both modes; and the standard's own coding of them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from terminal_equipment import Terminal

from pocketvisor.devices.device import from_plain, plain
from pocketvisor.devices.modem import alphabet, pdu
from pocketvisor.devices.modem.state import (
    ASKS_MAX,
    MESSAGES_MAX,
    WAITING_MAX,
    IncomingMessage,
    MessageLost,
    MessageSent,
    ModemState,
    Network,
)


@pytest.fixture
def line() -> Terminal:
    line = Terminal()
    line.ask('AT+CMGF=1;+CNMI=2,1;+CSCS="UTF-8"')
    return line


def test_septets_are_those_of_the_standard() -> None:
    assert alphabet.pack(alphabet.to_septets("hellohello")).hex() == "e8329bfd4697d9ec37"
    assert alphabet.from_septets(alphabet.unpack(bytes.fromhex("e8329bfd4697d9ec37"), 10)) == "hellohello"
    assert alphabet.to_septets("€") == [0x1B, 0x65]
    assert alphabet.from_septets([0x1B, 0x65, 0x1B, 0x1B, 0x00]) == "€ @"


def test_a_message_to_send_as_others_write_it() -> None:
    tpdu = bytes.fromhex("11000B916407281553F80000AA0AE8329BFD4697D9EC37")
    assert pdu.read_submit(tpdu) == pdu.Submitted("+46708251358", "hellohello")


def test_a_message_that_came_as_others_read_it() -> None:
    tpdu = pdu.deliver("+31641600986", "How are you?", 1_767_225_600)
    assert tpdu.hex().upper() == "040B911346610089F60000621010000000000CC8F71D14969741F977FD07"
    assert pdu.read_deliver(tpdu) == ("+31641600986", "How are you?", None)
    assert pdu.shown_time(tpdu) == "26/01/01,00:00:00+00"


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=700))
def test_any_text_comes_out_as_it_went_in(text: str) -> None:
    parts = pdu.split(text)
    ucs2 = not alphabet.is_basic(text)
    heard = ""
    for number, piece in enumerate(parts, 1):
        tpdu = pdu.deliver("+1", piece, 0, pdu.Part(9, len(parts), number), ucs2)
        assert len(tpdu) <= 164
        sender, got, part = pdu.read_deliver(tpdu)
        assert (sender, part) == ("+1", pdu.Part(9, len(parts), number))
        heard += got
    assert heard == text


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=180))
def test_random_pdus_are_read_or_refused(data: bytes) -> None:
    for read in (pdu.read_submit, pdu.read_deliver):
        try:
            read(data)
        except pdu.PduError:
            continue


def test_receive_and_read_in_text_mode(line: Terminal) -> None:
    assert line.happens(IncomingMessage("+49 151 12345678", "Hello, phone")) == ['+CMTI: "SM",1']
    assert line.ask("AT+CPMS?")[0].startswith('+CPMS: "SM",1,50')
    expected = ['+CMGR: "REC UNREAD","+4915112345678",,"26/01/01,00:00:00+00"', "Hello, phone", "OK"]
    assert line.ask("AT+CMGR=1") == expected
    assert line.ask("AT+CMGR=1")[0].startswith('+CMGR: "REC READ"')
    assert line.ask('AT+CMGL="REC UNREAD"') == ["OK"]
    assert line.ask('AT+CMGL="ALL"')[0].startswith('+CMGL: 1,"REC READ","+4915112345678"')
    assert line.ask("AT+CMGD=1") == ["OK"]
    assert line.ask("AT+CMGR=1") == ["+CMS ERROR: 321"]


def test_receive_without_storing(line: Terminal) -> None:
    line.ask("AT+CNMI=2,2")
    assert line.happens(IncomingMessage("Bank", "Your code is 1234", 1_767_225_661)) == [
        '+CMT: "Bank",,"26/01/01,00:01:01+00"',
        "Your code is 1234",
    ]
    assert line.ask('AT+CMGL="ALL"') == ["OK"]


def test_character_sets(line: Terminal) -> None:
    line.happens(IncomingMessage("+1", "für €5"))
    line.happens(IncomingMessage("+1", "日本"))
    assert line.ask("AT+CMGR=2")[1].encode("latin-1").decode() == "日本"
    line.ask('AT+CSCS="GSM"')
    assert line.ask("AT+CMGR=1")[1].encode("latin-1") == b"f\x7er \x1b\x655"
    assert line.ask("AT+CMGR=2")[1] == "65E5672C", "what the alphabet lacks comes as UCS2"
    line.ask('AT+CSCS="UCS2"')
    head, text, _ = line.ask("AT+CMGR=1")
    assert bytes.fromhex(text).decode("utf-16-be") == "für €5"
    assert '"002B0031"' in head


def test_long_text_comes_in_parts(line: Terminal) -> None:
    line.ask("AT+CMGF=0")
    text = "0123456789" * 40
    assert line.happens(IncomingMessage("+1", text)) == [f'+CMTI: "SM",{n}' for n in (1, 2, 3)]
    lines = line.ask("AT+CMGL=4")
    parts = [pdu.read_deliver(bytes.fromhex(data)[1:]) for data in lines[1:6:2]]
    assert "".join(part[1] for part in parts) == text
    assert [part[2] for part in parts] == [pdu.Part(1, 3, n) for n in (1, 2, 3)]


def test_send_in_text_mode(line: Terminal) -> None:
    assert line.ask('AT+CMGS="+4912345"') == ["> "]
    assert line.ask("Grüße,\rbis bald".encode().decode("latin-1"), b"\x1a") == ["+CMGS: 1", "OK"]
    assert line.reports == [MessageSent("+4912345", "Grüße,\nbis bald")]
    line.ask('AT+CMGS="123"')
    assert line.ask("never sent", b"\x1b") == ["OK"]
    line.ask('AT+CMGS="123"')
    assert line.ask("x" * 161, b"\x1a") == ["+CMS ERROR: 305"]
    assert line.ask('AT+CMGS="nobody"') == ["+CMS ERROR: 305"]
    assert len(line.reports) == 1


def test_send_in_pdu_mode(line: Terminal) -> None:
    line.ask("AT+CMGF=0")
    assert line.ask("AT+CMGS=23") == ["> "]
    assert line.ask("0011000B916407281553F80000AA0AE8329BFD4697D9EC37", b"\x1a") == ["+CMGS: 1", "OK"]
    assert line.reports == [MessageSent("+46708251358", "hellohello")]
    for wrong in ("", "00", "zz", "0011000B916407281553F80000AA0AE8329BFD4697D9EC", "FF" * 24):
        line.ask("AT+CMGS=23")
        assert line.ask(wrong, b"\x1a") == ["+CMS ERROR: 304"]


def test_write_now_send_later(line: Terminal) -> None:
    line.ask('AT+CMGW="555"')
    assert line.ask("draft", b"\x1a") == ["+CMGW: 1", "OK"]
    assert line.ask('AT+CMGL="STO UNSENT"')[1] == "draft"
    assert line.ask('AT+CMSS=1,"777"') == ["+CMSS: 1", "OK"]
    assert line.reports == [MessageSent("777", "draft")]
    assert line.ask('AT+CMGL="STO SENT"')[1] == "draft"


def test_without_a_network_nothing_is_sent_and_nothing_comes(line: Terminal) -> None:
    line.happens(Network(signal=99, registration=0))
    line.ask('AT+CMGS="123"')
    assert line.ask("hello", b"\x1a") == ["+CMS ERROR: 331"]
    assert line.happens(IncomingMessage("+1", "kept")) == []
    assert line.happens(Network(signal=20, registration=1)) == ['+CMTI: "SM",1']


def test_the_network_takes_so_many_at_a_time(line: Terminal) -> None:
    """A guest that floods its handset with messages is held up."""

    def send() -> str:
        line.ask('AT+CMGS="123"')
        return line.ask("spam", b"\x1a")[0]

    assert [send() for _ in range(ASKS_MAX + 1)][-2:] == [f"+CMGS: {ASKS_MAX}", "+CMS ERROR: 42"]
    assert len(line.reports) == ASKS_MAX
    line.time += 60
    assert send() == f"+CMGS: {ASKS_MAX + 1}"


def test_a_full_store(line: Terminal) -> None:
    for number in range(MESSAGES_MAX + WAITING_MAX):
        line.happens(IncomingMessage("+1", f"message {number}"))
    assert not line.reports
    line.happens(IncomingMessage("+1", "one too many"))
    assert line.reports == [MessageLost("+1")]
    line.ask('AT+CMGW="1"')
    assert line.ask("x", b"\x1a") == ["+CMS ERROR: 322"]
    assert line.ask("AT+CMGD=7") == ["OK", '+CMTI: "SM",7'], "the network brings what it kept"
    assert line.ask("AT+CMGR=7")[1] == f"message {MESSAGES_MAX}"
    line.ask("AT+CMGD=1,4")
    assert len(line.modem.state.messages) == WAITING_MAX - 1


def test_saved_and_restored_in_the_midst(line: Terminal) -> None:
    line.happens(IncomingMessage("+1", "stays"))
    line.ask('AT+CMGS="42"')
    line.ask("half a ", b"")
    other = Terminal()
    other.modem.state = from_plain(plain(line.modem.state), ModemState)
    assert other.ask("text", b"\x1a") == ["+CMGS: 1", "OK"]
    assert other.reports == [MessageSent("42", "half a text")]
    assert other.ask("AT+CMGR=1")[1] == "stays"
