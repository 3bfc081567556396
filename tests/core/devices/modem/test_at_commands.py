"""The modem's command line, its identity, and what it says of network and battery."""

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from terminal_equipment import Terminal

from pocketvisor.devices.device import from_plain, plain
from pocketvisor.devices.modem.engine import COMMANDS
from pocketvisor.devices.modem.state import LINE_MAX, OUTPUT_MAX, Charge, IncomingMessage, ModemState, Network


@pytest.fixture
def line() -> Terminal:
    return Terminal()


def test_commands_and_lines(line: Terminal) -> None:
    assert line.ask("AT") == ["OK"]
    assert line.ask("at+cgmi;+cgmm") == ["Pocketvisor", "Handset", "OK"]
    assert line.ask("ATI") == ["Pocketvisor", "Handset", "OK"]
    assert line.ask("AT+CGSN") == ["004999010640000", "OK"]
    assert line.ask("AT+NONE") == ["ERROR"]
    assert line.ask("AT+CSQ;+NONE;+CSQ") == ["+CSQ: 20,99", "ERROR"], "what comes after a failure is left out"
    assert line.ask("AT&FE0Q0V1X4&C1+CMEE=1") == ["OK"]
    assert line.ask("ATS7=45S7?") == ["045", "OK"]
    assert line.ask("ATX", b"\b\x7fI\r") == []


def test_a_line_repeated(line: Terminal) -> None:
    assert line.ask("AT+CSQ") == ["+CSQ: 20,99", "OK"]
    assert line.ask("A/", b"") == ["+CSQ: 20,99", "OK"]


def test_error_forms(line: Terminal) -> None:
    assert line.ask("AT+CMEE=1;+NONE") == ["+CME ERROR: 4"]
    assert line.ask("AT+CMEE=2;+NONE") == ["+CME ERROR: operation not supported"]
    assert line.ask("AT+CMEE=7") == ["+CME ERROR: Incorrect parameters"]
    assert line.ask("AT+CMEE?") == ["+CMEE: 2", "OK"]
    assert line.ask("AT+CMEE=?") == ["+CMEE: (0-2)", "OK"]
    line.ask("ATV0")
    line.modem.feed(b"AT+CSQ\r")
    assert line.modem.take(99) == b"+CSQ: 20,99\r\n0\r"
    assert line.ask("ATQ1") == []


def test_echo_is_off_until_asked_for(line: Terminal) -> None:
    """A tty that echoes as well would answer each answer."""
    assert line.ask("AT") == ["OK"]
    line.ask("ATE1")
    line.modem.feed(b"AT+CSQ\r")
    assert line.modem.take(99) == b"AT+CSQ\r\r\n+CSQ: 20,99\r\n\r\nOK\r\n"


def test_what_a_tty_echoes_back_is_ignored(line: Terminal) -> None:
    answer = '\r\nOK\r\n\r\nRING\r\n\r\n+CMTI: "SM",1\r\n'
    assert line.ask(answer) == []


def test_network(line: Terminal) -> None:
    assert line.ask("AT+CREG?;+CGREG?") == ["+CREG: 0,1", "+CGREG: 0,1", "OK"]
    assert line.ask("AT+COPS?") == ['+COPS: 0,0,"Pocketvisor"', "OK"]
    line.ask("AT+CREG=1;+CGREG=2;+COPS=3,2")
    assert line.ask("AT+COPS?") == ['+COPS: 0,2,"00101"', "OK"]
    assert line.happens(Network(signal=7, registration=1)) == [], "the signal is asked for"
    assert line.ask("AT+CSQ") == ["+CSQ: 7,99", "OK"]
    assert line.happens(Network(signal=99, registration=2)) == ["+CREG: 2", "+CGREG: 2"]
    assert line.happens(Network(signal=31, registration=5, operator="Abroad")) == [
        "+CREG: 5",
        '+CGREG: 5,"0001","00000001"',
    ]
    assert line.ask("AT+CFUN=4") == ["+CREG: 0", "+CGREG: 0", "OK"]
    assert line.ask("AT+CSQ;+CFUN?") == ["+CSQ: 99,99", "+CFUN: 4", "OK"]
    assert line.ask("AT+CFUN=1")[0] == "+CREG: 5"


def test_clock(line: Terminal) -> None:
    assert line.ask("AT+CCLK?") == ['+CCLK: "26/01/01,00:00:00+00"', "OK"]


def test_battery(line: Terminal) -> None:
    line.happens(Charge(percent=37, charging=True))
    assert line.ask("AT+CBC") == ["+CBC: 1,37", "OK"]


def test_every_command_answers_each_form(line: Terminal) -> None:
    for name in COMMANDS:
        for form in ("?", "=?", "=", '="",,,,', "=1", "", '="é;'):
            answer = line.ask(f"AT{name}{form}")
            if line.modem.state.typing:
                answer = line.ask("", b"\x1b")
            if not line.modem.state.quiet and line.modem.state.verbose:
                assert answer, f"AT{name}{form} is not answered"
            line.ask("ATQ0V1E0")


def test_bounds(line: Terminal) -> None:
    assert line.ask("AT" + "E0" * LINE_MAX) == [], "a line that is too long is left out"
    assert line.ask("AT") == ["OK"]
    for _ in range(2000):
        line.modem.feed(b"AT+CLAC\r")
    assert len(line.modem.state.output) == OUTPUT_MAX
    assert line.modem.state.lost > 0
    line.heard()
    assert line.ask("AT") == ["OK"]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=60), st.sampled_from([b"AT", b"\r", b'"', b"\x1a", b"+CMGS="]))))
def test_nothing_typed_breaks_it(pieces: list[bytes]) -> None:
    line = Terminal()
    for piece in pieces:
        line.modem.feed(piece)
    line.modem.feed(b"\x1b\x1b\r")
    line.heard()
    state = from_plain(plain(line.modem.state), ModemState)
    assert state == line.modem.state, "what it remembers can be saved"


def test_random_commands() -> None:
    dice = random.Random(3)
    line = Terminal()
    names = list(COMMANDS)
    arguments = [
        "",
        "?",
        "=?",
        "=1",
        "=0",
        "=2,1",
        '="SM"',
        '="UCS2"',
        "=99999999999999999999",
        '=4,"x"',
        "=1,4",
    ]
    for _ in range(4000):
        line.modem.feed(f"AT{dice.choice(names)}{dice.choice(arguments)}\r".encode())
        if dice.random() < 0.2:
            line.modem.feed(dice.choice([b"\x1a", b"\x1b", b"00", "añ\r".encode()]))
        if dice.random() < 0.1:
            line.happens(IncomingMessage("+49", "x" * dice.randrange(400)))
        line.heard()
    assert msgspec.msgpack.encode(plain(line.modem.state))
