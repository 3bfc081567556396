"""Where the time went: by function, by stack, and drawn."""

import json
import re
import xml.etree.ElementTree as ElementTree

from pocketvisor.debug.trace.flame import flame_html, flame_svg, rectangles
from pocketvisor.debug.trace.profile import Frame, Profile
from pocketvisor.debug.trace.ring import RawSample

SVC, USER = 0x13, 0x10
NAMES = {0x1000: "work", 0x2000: "outer", 0x3000: "main", 0x4000: "idle"}


def name(address: int) -> str:
    return NAMES.get(address & ~0xFFF, "")


def sample(pc: int, lr: int = 0, frames: tuple[int, ...] = (), mode: int = SVC) -> RawSample:
    return RawSample(0, 0, pc, lr, 0x9000, mode, 0, frames)


PROFILE = Profile(
    [
        sample(0x1000, 0, (0x2004, 0x3004)),
        sample(0x1010, 0, (0x2004, 0x3004)),
        sample(0x2010, 0, (0x3004,)),
        sample(0x4000, 0x3008),
        sample(0x4000, 0x4008),
        sample(0x7123, 0, mode=USER),
    ]
)


def test_a_stack_begins_with_the_mode_and_ends_with_the_function() -> None:
    assert dict(PROFILE.stacks(name)) == {
        ("supervisor", "main", "outer", "work"): 2,
        ("supervisor", "main", "outer"): 1,
        ("supervisor", "main", "idle"): 1,
        ("supervisor", "idle"): 1,
        ("user", "0x00007000.."): 1,
    }


def test_folded_stacks_are_what_flame_graph_programs_read() -> None:
    assert PROFILE.folded(name).splitlines() == [
        "supervisor;idle 1",
        "supervisor;main;idle 1",
        "supervisor;main;outer 1",
        "supervisor;main;outer;work 2",
        "user;0x00007000.. 1",
    ]
    odd = Profile([sample(0)]).folded(lambda address: "a;b\nc d")
    assert odd == "supervisor;a:b c d 1\n"


def test_functions_are_counted_once_a_sample() -> None:
    recursive = Profile([sample(0x1000, 0, (0x1004, 0x1004, 0x3004))])
    assert [(one.name, one.own, one.total) for one in recursive.functions(name)] == [
        ("work", 1, 1),
        ("main", 0, 1),
    ]
    assert [(one.name, one.own, one.total) for one in PROFILE.functions(name)][:3] == [
        ("idle", 2, 2),
        ("work", 2, 2),
        ("outer", 1, 3),
    ]


def test_the_tree_sums_what_was_called() -> None:
    root = PROFILE.tree(name)
    assert (root.samples, root.own) == (6, 0)
    assert [one.name for one in root.sorted()] == ["supervisor", "user"]
    main = root.children["supervisor"].children["main"]
    assert (main.samples, main.own) == (4, 0)
    assert (main.children["outer"].samples, main.children["outer"].own) == (3, 1)
    assert Profile(()).tree().samples == 0


def test_a_flame_graph_is_as_wide_as_its_samples() -> None:
    placed = {
        (one.frame.name, one.depth): (round(one.left, 3), round(one.width, 3))
        for one in rectangles(PROFILE.tree(name))
    }
    assert placed["all", 0] == (0, 1)
    assert placed["supervisor", 1] == (0, 0.833)
    assert placed["user", 1] == (0.833, 0.167)
    assert placed["work", 4][1] == 0.333
    assert len(list(rectangles(PROFILE.tree(name), least=0.3))) == 5


def hostile() -> Frame:
    return Profile([sample(0)] * 3).tree(lambda address: '</script><script>alert("x")</script>\x00&')


def test_a_functions_name_is_text_never_markup() -> None:
    svg = flame_svg(hostile(), "<b>")
    assert "<script" not in svg
    titles = [
        found.text or "" for found in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}title")
    ]
    assert '</script><script>alert("x")</script>?& (3 samples, 100.00%)' in titles
    page = flame_html(hostile(), "<b>")
    assert page.count("<script") == 1
    data = json.loads(re.search(r"const root = (.*), graph", page)[1])  # type: ignore[index]
    assert data[3][0][3][0][0].startswith("</script>")
    assert "<b><b>" not in page


def test_an_empty_profile_is_drawn_too() -> None:
    ElementTree.fromstring(flame_svg(Profile(()).tree(), "nothing"))
    assert "const root = [" in flame_html(Profile(()).tree())


def test_a_stack_of_any_depth_is_drawn() -> None:
    deep = Frame("all", samples=1, children={})
    at = deep
    for n in range(5000):
        at.children[str(n)] = at = Frame(str(n), samples=1, children={})
    assert len(list(rectangles(deep))) == 81
    flame_svg(deep)
    flame_html(deep)
