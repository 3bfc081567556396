"""A score sheet as a file that others can read: JSON for programs, one HTML page for people.

The page stands for itself: no script, nothing from elsewhere, dark and light as its reader has it.
"""

from html import escape
from pathlib import Path

import msgspec

from pocketvisor.attack.sheet import Outcome, ScoreSheet
from pocketvisor.errors import PocketvisorError
from pocketvisor_workbench.attack.words import (
    FAMILIES,
    effect_name,
    effect_words,
    isolation_words,
    result_words,
    searched_words,
    secrets_words,
    stopper_words,
)

FILTERS = {"A page (*.html)": "html", "JSON (*.json)": "json"}

_STYLE = """
:root { color-scheme: light dark; --line: #d8dde5; --muted: #586273; --good: #147a54; --bad: #c62f2b; }
@media (prefers-color-scheme: dark) {
  :root { --line: #2e343e; --muted: #9ca6b5; --good: #4ecb92; --bad: #ff7a78; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--muted); font-weight: 500; } td.n { text-align: right; font-variant-numeric: tabular-nums; }
.muted { color: var(--muted); } .good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; }
"""


def sheet_json(sheet: ScoreSheet) -> bytes:
    """The sheet's own fields, and what follows from them."""
    fields = {
        "held": sheet.held,
        "sentence": sheet.sentence,
        "attempts": sheet.attempts,
        "kinds": sheet.kinds,
        **msgspec.to_builtins(sheet),
    }
    return msgspec.json.format(msgspec.json.encode(fields), indent=2) + b"\n"


def sheet_html(sheet: ScoreSheet) -> str:
    verdict, role = ("Held", "good") if sheet.held else ("Not held", "bad")
    early = "" if sheet.complete else " It was ended early."
    effects = [
        (effect_name(effect), effect_words(effect), effect.unchanged, effect.note) for effect in sheet.effects
    ]
    effects.append(
        (
            "Secrets",
            secrets_words(sheet.secrets),
            not sheet.secrets.found,
            searched_words(sheet.secrets),
        )
    )
    isolation = "".join(
        f"<li>{escape(words)}</li>" for words in isolation_words(sheet.isolation, limits=True)
    )
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Attack on {escape(sheet.victim)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>Attack on {escape(sheet.victim)} by {escape(sheet.attacker)}</h1>",
        f'<p class="muted">On {escape(sheet.handset)}, in {sheet.seconds:.0f} s.{early}</p>',
        f'<p><strong class="{role}">{verdict}.</strong> {escape(sheet.sentence)}.</p>',
        f"<h2>{escape(sheet.victim)} and this computer, before and after</h2>",
        "<table><tr><th>What</th><th>Figure</th><th>Result</th><th>Note</th></tr>",
        *(_effect_row(*effect) for effect in effects),
        "</table>",
        "<h2>What was tried</h2>",
        "<table><tr><th>Attack</th><th>How</th><th>Attempts</th><th>Result</th><th>Stopped by</th></tr>",
        *(_outcome_row(outcome) for outcome in sheet.outcomes),
        "</table>",
    ]
    if isolation:
        parts += ["<h2>What the attacker's process had given up</h2>", f"<ul>{isolation}</ul>"]
    return "\n".join([*parts, "</body></html>", ""])


def _effect_row(name: str, words: str, unchanged: bool, note: str) -> str:
    result = '<td class="good">as before</td>' if unchanged else '<td class="bad">changed</td>'
    return (
        f"<tr><td>{escape(name)}</td><td>{escape(words)}</td>{result}"
        f'<td class="muted">{escape(note)}</td></tr>'
    )


def _outcome_row(outcome: Outcome) -> str:
    role = "good" if outcome.held else "bad"
    said = f"<br>{escape(outcome.sentence)}" if outcome.sentence else ""
    how = FAMILIES.get(outcome.kind.family, outcome.kind.family)
    return (
        f'<tr><td>{escape(outcome.kind.title)}{said}</td><td class="muted">{escape(how)}</td>'
        f'<td class="n">{outcome.attempts:,}</td><td class="{role}">{escape(result_words(outcome))}</td>'
        f'<td class="muted">{escape(stopper_words(outcome))}</td></tr>'
    )


def export_sheet(sheet: ScoreSheet, path: Path) -> None:
    """Blocks: for a thread. Raises PocketvisorError."""
    text = sheet_json(sheet) if path.suffix.casefold() == ".json" else sheet_html(sheet).encode()
    try:
        path.write_bytes(text)
    except OSError as error:
        raise PocketvisorError(f"{path}: cannot be written: {error.strerror}") from error
