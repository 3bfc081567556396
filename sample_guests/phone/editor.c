/* A note being written: by the keyboard on the panel, or a real one. ASCII and what the note had before. */
#include "clipboard.h"
#include "keyboard.h"
#include "notes.h"
#include "shell.h"
#include "text.h"
#include "widgets.h"

enum { LINES_MAX = 400, ID_PAPER = 1, ID_COPY = 2, ID_PASTE = 3 };

static struct scroller page;
static int cursor;
static int keys_open, keys_wanted; /* 0 to 1024 */
static int line_starts[LINES_MAX + 1], line_count;
static bool follow; /* the cursor is to be scrolled into view */

static int px(void) {
    return dp(16);
}
static int line_height(void) {
    return dp(25);
}
static int text_left(void) {
    return dp(20);
}
static int text_room(void) {
    return panel_width() - 2 * text_left();
}

void editor_edit(void) {
    cursor = notes[0]->length;
    keys_open = keys_wanted = 0;
    page.offset = page.velocity = 0;
    follow = false;
    if (!notes[0]->length)
        keys_wanted = 1024;
    keyboard_reset();
}

static void break_lines(void) {
    const char *text = notes[0]->text;
    int at = 0;
    line_count = 0;
    while (line_count < LINES_MAX) {
        line_starts[line_count++] = at;
        if (!text[at])
            break;
        at += line_length(line_count == 1 ? FACE_MEDIUM : FACE_REGULAR, px(), text + at, text_room());
        if (!text[at] && text[at - 1] != '\n')
            break;
    }
    line_starts[line_count] = notes[0]->length;
}

static enum face face_of(int line) {
    return line == 0 ? FACE_MEDIUM : FACE_REGULAR;
}

static int line_of(int position) {
    int line = line_count - 1;
    while (line > 0 && line_starts[line] > position)
        line--;
    return line;
}

static void draw_lines(struct canvas *c) {
    int top = scroller_y(&page) + dp(10);
    char line[240];
    for (int i = 0; i < line_count; i++) {
        int y = top + i * line_height(), base = y + (line_height() + cap_height(FACE_REGULAR, px())) / 2;
        if (y + line_height() < page.view.y || y > page.view.y + page.view.h)
            continue;
        const char *text = notes[0]->text + line_starts[i];
        int length = line_starts[i + 1] - line_starts[i];
        text_copy(line, text, (size_t)min(length + 1, (int)sizeof line));
        draw_text(c, face_of(i), px(), text_left(), base, INK, line);
        if (keys_wanted && line_of(cursor) == i) {
            int x = text_left() + text_width_of(face_of(i), px(), text, cursor - line_starts[i]);
            fill(c, (struct rect){x, y + dp(3), max(dp(2), 2), line_height() - dp(6)}, RGB(dress.accent));
        }
    }
    for (int y = top + line_height(); y < page.view.y + page.view.h; y += line_height())
        if (y > page.view.y)
            fill(c, (struct rect){text_left(), y, text_room(), 1}, RGB(0xece7d8));
}

/* Copy and paste, in a row under the paper. */
static int tools_height(void) {
    return dp(40);
}

static void draw_tools(struct canvas *c, int y) {
    int half = panel_width() / 2;
    fill(c, (struct rect){0, y, panel_width(), tools_height()}, GROUND);
    fill(c, (struct rect){0, y, panel_width(), 1}, LINE);
    draw_button(c, ID_COPY, (struct rect){0, y + 1, half, tools_height() - 1}, 0, RGB(dress.accent), "Copy");
    draw_button(c, ID_PASTE, (struct rect){half, y + 1, half, tools_height() - 1}, 0, RGB(dress.accent),
                "Paste");
}

static void editor_draw(struct canvas *c) {
    int below = keyboard_height() * keys_open / 1024 + tools_height();
    page.view = (struct rect){0, bar_height(), panel_width(), panel_height() - bar_height() - below};
    break_lines();
    page.content = line_count * line_height() + dp(30);
    if (follow) {
        int y = line_of(cursor) * line_height(), offset = page.offset >> 8;
        if (y < offset || y + line_height() + dp(20) > offset + page.view.h)
            scroller_to(&page, y < offset ? y : y + line_height() + dp(20) - page.view.h);
        follow = keys_open != keys_wanted;
    }
    fill(c, page.view, RGB(0xfffdf6));
    struct rect clip = canvas_narrow(c, page.view);
    hit(ID_PAPER, page.view, "paper");
    draw_lines(c);
    draw_scroll_bar(c, &page);
    c->clip = clip;
    draw_tools(c, page.view.y + page.view.h);
    draw_title_bar(c, app_color(&notes_screen), keys_wanted ? "Edit" : "Note", ICON_DELETE,
                   keys_wanted ? ICON_CHECK : ICON_COUNT);
    if (keys_open)
        keyboard_draw(c, keys_open);
}

static void changed(void) {
    follow = true;
    damage(page.view);
}

static void insert(char character) {
    struct note *note = notes[0];
    if (note->length + 1 >= NOTE_SIZE)
        return;
    memmove(note->text + cursor + 1, note->text + cursor, (size_t)(note->length - cursor + 1));
    note->text[cursor++] = character;
    note->length++;
}

static void erase(void) {
    struct note *note = notes[0];
    int from = cursor;
    if (!from)
        return;
    do
        from--;
    while (from > 0 && (note->text[from] & 0xc0) == 0x80);
    memmove(note->text + from, note->text + cursor, (size_t)(note->length - cursor + 1));
    note->length -= cursor - from;
    cursor = from;
}

static void typed(char character) {
    if (character == '\b')
        erase();
    else
        insert(character);
    changed();
}

/* Whole, or not at all. */
static void paste(const char *text) {
    if (shell_screen() != &editor_screen)
        return;
    if ((int)text_length(text) + notes[0]->length + 1 > NOTE_SIZE) {
        toast("There is no room for it in this note");
        return;
    }
    for (; *text; text++)
        if (*text != '\r')
            insert(*text == '\t' ? ' ' : *text);
    changed();
    damage_all();
}

static int position_at(int x, int y) {
    int line = clamp((y - scroller_y(&page) - dp(10)) / line_height(), 0, max(line_count - 1, 0));
    const char *text = notes[0]->text + line_starts[line];
    int length = line_starts[line + 1] - line_starts[line], best = 0, least = INT32_MAX;
    if (length && text[length - 1] == '\n')
        length--;
    for (int i = 0; i <= length; i++) {
        if ((text[i] & 0xc0) == 0x80)
            continue;
        int away = text_left() + text_width_of(face_of(line), px(), text, i) - x;
        away = away < 0 ? -away : away;
        if (away < least) {
            least = away;
            best = i;
        }
    }
    return line_starts[line] + best;
}

static void editor_key(unsigned code, char character) {
    struct note *note = notes[0];
    break_lines();
    int line = line_of(cursor);
    switch (code) {
    case KEY_BACKSPACE:
        erase();
        break;
    case KEY_ENTER:
        insert('\n');
        break;
    case KEY_LEFT:
        cursor -= cursor > 0;
        break;
    case KEY_RIGHT:
        cursor += cursor < note->length;
        break;
    case KEY_HOME:
        cursor = line_starts[line];
        break;
    case KEY_END:
        cursor = line_starts[line + 1] - (line + 1 < line_count);
        break;
    case KEY_UP:
    case KEY_DOWN: {
        int to = line + (code == KEY_UP ? -1 : 1), column = cursor - line_starts[line];
        if (to >= 0 && to < line_count)
            cursor = min(line_starts[to] + column, line_starts[to + 1] - (to + 1 < line_count));
        break;
    }
    default:
        if (character < ' ')
            return;
        insert(character);
    }
    if (!keys_wanted)
        keys_wanted = 1024;
    changed();
}

static bool editor_touch(const struct input_event *event, uint64_t now) {
    (void)now;
    return keys_open && keyboard_touch(event, keys_open, typed);
}

static bool editor_back(void) {
    if (keys_wanted) {
        keys_wanted = 0;
        damage_all();
        return true;
    }
    if (!notes[0]->length)
        note_remove(0);
    shell_show(&notes_screen, SHOW_POP, panel_rect());
    return true;
}

static void remove_note(void) {
    note_remove(0);
    shell_show(&notes_screen, SHOW_POP, panel_rect());
    toast("Note deleted");
}

static void editor_tap(int id) {
    if (id == ID_PAPER) {
        cursor = position_at(pointer.x, pointer.y);
        keys_wanted = 1024;
        follow = true;
        damage_all();
    } else if (id == ID_COPY) {
        if (notes[0]->length)
            clipboard_copy(notes[0]->text);
        else
            toast("There is nothing to copy");
    } else if (id == ID_PASTE) {
        clipboard_paste(paste, timer_now());
    } else if (id == ID_ACTION) {
        dialog_show("Delete this note?", "It cannot be brought back.", "Delete", DANGER, remove_note);
    } else if (id == ID_ACTION_2) {
        keys_wanted = 0;
        damage_all();
    }
}

static bool editor_tick(int frames, uint64_t now) {
    (void)now;
    if (keys_open == keys_wanted)
        return false;
    int left = keys_wanted - keys_open;
    keys_open += clamp(left, -frames * (-left / 4 + 24), frames * (left / 4 + 24));
    damage_all();
    return true;
}

const struct screen editor_screen = {.name = "note",
                                     .draw = editor_draw,
                                     .tap = editor_tap,
                                     .touch = editor_touch,
                                     .key = editor_key,
                                     .back = editor_back,
                                     .tick = editor_tick,
                                     .scroller = &page};
