"""Calls through AT commands: in, out, and what ends them."""

import pytest
from terminal_equipment import Terminal

from pocketvisor.devices.modem.calls import RING_SECONDS, RINGS_MAX
from pocketvisor.devices.modem.state import (
    Answered,
    CallEnded,
    Dialled,
    FarAnswers,
    FarHangsUp,
    IncomingCall,
    Network,
)


@pytest.fixture
def line() -> Terminal:
    return Terminal()


def test_a_call_comes_and_is_answered(line: Terminal) -> None:
    line.ask("AT+CLIP=1")
    assert line.happens(IncomingCall("+4912345")) == ["RING", '+CLIP: "+4912345",145']
    assert line.ask("AT+CLCC;+CPAS") == ['+CLCC: 1,1,4,0,0,"+4912345",145', "+CPAS: 3", "OK"]
    assert line.wait(RING_SECONDS / 2) == []
    assert line.wait(RING_SECONDS / 2)[0] == "RING"
    assert line.ask("ATA") == ["OK"]
    assert line.wait(RING_SECONDS) == []
    assert line.ask("AT+CLCC") == ['+CLCC: 1,1,0,0,0,"+4912345",145', "OK"]
    assert line.happens(FarHangsUp()) == ["NO CARRIER"]
    assert line.ask("AT+CLCC") == ["OK"]
    assert line.reports == [Answered("+4912345", "guest"), CallEnded("+4912345", "far")]


def test_a_call_goes_out(line: Terminal) -> None:
    assert line.ask("ATD+49 (123) 45;") == ["OK"]
    assert line.ask("AT+CLCC;+CPAS") == ['+CLCC: 1,0,3,0,0,"+4912345",145', "+CPAS: 4", "OK"]
    assert line.ask("ATD1;") == ["ERROR"], "one call at a time"
    assert line.happens(FarAnswers()) == []
    assert line.ask("AT+CLCC")[0] == '+CLCC: 1,0,0,0,0,"+4912345",145'
    assert line.ask("AT+CHUP") == ["OK"]
    assert line.reports == [Dialled("+4912345"), Answered("+4912345", "far"), CallEnded("+4912345", "guest")]


def test_nobody_answers(line: Terminal) -> None:
    line.ask("AT+CRC=1")
    line.happens(IncomingCall("123"))
    rings = 1
    while line.modem.due() is not None:
        rings += line.wait(RING_SECONDS).count("+CRING: VOICE")
        assert rings <= RINGS_MAX
    assert line.reports == [CallEnded("123", "nobody")]
    assert line.ask("ATA") == ["NO CARRIER"]


def test_it_answers_by_itself_where_told(line: Terminal) -> None:
    line.ask("ATS0=2")
    line.happens(IncomingCall("123"))
    assert not line.reports
    line.wait(RING_SECONDS)
    assert line.reports == [Answered("123", "guest")]


def test_refused_calls(line: Terminal) -> None:
    assert line.ask("ATD12345") == ["NO CARRIER"], "data calls"
    assert line.ask("ATD;") == ["ERROR"]
    assert line.ask("ATA") == ["NO CARRIER"]
    line.happens(IncomingCall("1"))
    assert line.happens(IncomingCall("2")) == []
    line.ask("ATH")
    line.happens(Network(signal=99, registration=0))
    assert line.ask("ATD1;") == ["NO CARRIER"]
    assert line.happens(IncomingCall("3")) == []
    assert line.reports == [CallEnded("2", "network"), CallEnded("1", "guest"), CallEnded("3", "network")]
