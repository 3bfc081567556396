#!/usr/bin/python3
"""Writes lib/font_data.c: outlines, widths and kerning of the characters that the sample guests use.

Needs Debian's packages fonts-inter and python3-fonttools. Leaves out hinting, ligatures and every script but
Latin. The outlines are Inter's (SIL Open Font License 1.1, lib/FONT-LICENSE.txt), scaled to 2048 units an em.
"""

from __future__ import annotations

from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.ttLib import TTFont

FOLDER = "/usr/share/fonts/opentype/inter/"
ASCII = [chr(code) for code in range(0x20, 0x7F)]
PUNCTUATION = [chr(code) for code in (0x2013, 0x2014, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2026, 0x2212)]
LATIN = [chr(code) for code in range(0xA0, 0x100)] + PUNCTUATION
FACES = [
    ("regular", "Inter-Regular.otf", ASCII + LATIN),
    ("medium", "Inter-SemiBold.otf", ASCII + LATIN),
    ("light", "InterDisplay-ExtraLight.otf", [*ASCII, "\N{DEGREE SIGN}", *PUNCTUATION]),
]
UNITS = 2048
LEAST_KERN = 20


def wrap(values: list[str], width: int = 110) -> str:
    lines, line = [], "   "
    for value in values:
        if len(line) + len(value) + 2 > width:
            lines.append(line)
            line = "   "
        line += f" {value},"
    return "\n".join([*lines, line])


def pair_lookups(font: TTFont) -> list:
    table = font["GPOS"].table
    wanted: set[int] = set()
    for record in table.FeatureList.FeatureRecord:
        if record.FeatureTag == "kern":
            wanted.update(record.Feature.LookupListIndex)
    subtables = []
    for index in sorted(wanted):
        for subtable in table.LookupList.Lookup[index].SubTable:
            real = subtable.ExtSubTable if subtable.LookupType == 9 else subtable
            if real.LookupType == 2:
                subtables.append(real)
    return subtables


def kern_value(subtables: list, first: str, second: str) -> int:
    for table in subtables:
        if first not in table.Coverage.glyphs:
            continue
        if table.Format == 1:
            for record in table.PairSet[table.Coverage.glyphs.index(first)].PairValueRecord:
                if record.SecondGlyph == second:
                    return record.Value1.XAdvance if record.Value1 else 0
        else:
            left = table.ClassDef1.classDefs.get(first, 0)
            right = table.ClassDef2.classDefs.get(second, 0)
            value = table.Class1Record[left].Class2Record[right].Value1
            return getattr(value, "XAdvance", 0) if value else 0
    return 0


def face(name: str, path: str, characters: list[str]) -> str:
    font = TTFont(FOLDER + path)
    cmap, glyphs, metrics = font.getBestCmap(), font.getGlyphSet(), font["hmtx"]
    scale = UNITS / font["head"].unitsPerEm
    characters = sorted({c for c in characters if ord(c) in cmap}, key=ord)
    rows, steps, points = [], [], []
    for character in characters:
        glyph = cmap[ord(character)]
        pen = DecomposingRecordingPen(glyphs)
        glyphs[glyph].draw(pen)
        first_step, first_point = len(steps), len(points)
        for operation, arguments in pen.value:
            letter = {"moveTo": "M", "lineTo": "L", "qCurveTo": "Q", "curveTo": "C"}.get(operation)
            if letter is None:
                continue
            steps.append(letter)
            for x, y in arguments:
                points += [round(x * scale), round(y * scale)]
        advance = round(metrics[glyph][0] * scale)
        rows.append(
            f"{{{ord(character)}, {advance}, {len(steps) - first_step}, {first_step}, {first_point}}}"
        )
    subtables, kerns = pair_lookups(font), []
    plain = [c for c in characters if ord(c) < 0x7F and c != " "]
    for first in plain:
        for second in plain:
            value = round(kern_value(subtables, cmap[ord(first)], cmap[ord(second)]) * scale)
            if abs(value) >= LEAST_KERN:
                kerns.append(f"{{{ord(first) << 8 | ord(second)}, {value}}}")
    os2, hhea = font["OS/2"], font["hhea"]
    return "\n".join(
        [
            f"static const struct font_glyph {name}_glyphs[] = {{",
            wrap(rows),
            "};",
            "",
            f"static const char {name}_steps[] =",
            "\n".join(f'    "{"".join(steps[at : at + 100])}"' for at in range(0, len(steps), 100)) + ";",
            "",
            f"static const int16_t {name}_points[] = {{",
            wrap([str(p) for p in points]),
            "};",
            "",
            f"static const struct font_kern {name}_kerns[] = {{",
            wrap(kerns),
            "};",
            "",
            f"const struct font font_{name} = {{",
            f"    .ascent = {round(hhea.ascent * scale)}, .descent = {round(-hhea.descent * scale)},",
            f"    .x_height = {round(os2.sxHeight * scale)}, .cap_height = {round(os2.sCapHeight * scale)},",
            f"    .glyphs = {name}_glyphs, .glyph_count = {len(rows)},",
            f"    .steps = {name}_steps, .points = {name}_points,",
            f"    .kerns = {name}_kerns, .kern_count = {len(kerns)},",
            "};",
            "",
        ]
    )


def main() -> None:
    print("/* Made by tools/make_font.py from Inter 3.19: do not edit.")
    print(" * Copyright (c) 2016-2022 The Inter Project Authors.")
    print(" * SIL Open Font License 1.1: FONT-LICENSE.txt. */")
    print("/* clang-format off */")
    print('#include "font_data.h"\n')
    for name, path, characters in FACES:
        print(face(name, path, characters))


main()
