#include "notes.h"
#include "heap.h"
#include "shell.h"
#include "text.h"
#include "widgets.h"

enum { ID_ADD = 1, ID_NOTE = 10 };

struct note *notes[NOTES_MAX];
int note_count;
static struct scroller list;

void notes_start(void) {
    struct note *room = heap_take(sizeof(struct note) * NOTES_MAX);
    for (int i = 0; i < NOTES_MAX; i++)
        notes[i] = &room[i];
    for (note_count = 0; note_count < dress.note_count && note_count < NOTES_MAX; note_count++) {
        struct note *note = notes[note_count];
        text_copy(note->text, dress.notes[note_count], NOTE_SIZE);
        note->length = (int)text_length(note->text);
    }
}

void note_touch(int index) {
    struct note *moved = notes[index];
    for (; index > 0; index--)
        notes[index] = notes[index - 1];
    notes[0] = moved;
}

void note_remove(int index) {
    struct note *gone = notes[index];
    note_count--;
    for (; index < note_count; index++)
        notes[index] = notes[index + 1];
    notes[note_count] = gone;
}

bool note_add(void) {
    if (note_count == NOTES_MAX)
        return false;
    notes[note_count]->length = 0;
    notes[note_count]->text[0] = 0;
    note_count++;
    note_touch(note_count - 1);
    return true;
}

static int row_height(void) {
    return dp(84);
}

static void draw_note(struct canvas *c, int index, int y) {
    struct rect r = {dp(10), y + dp(5), panel_width() - dp(20), row_height() - dp(8)};
    const char *text = notes[index]->text;
    char title[64];
    size_t length = 0;
    while (text[length] && text[length] != '\n' && length + 1 < sizeof title)
        length++;
    text_copy(title, text, length + 1);
    const char *body = text + length;
    while (*body == '\n')
        body++;
    draw_card(c, r);
    fill_rounded(c, (struct rect){r.x, r.y, dp(4), r.h}, dp(2), app_color(&notes_screen));
    draw_press(c, ID_NOTE + index, r, dp(4), ALPHA(0, 18));
    int room = r.w - dp(32), x = r.x + dp(18);
    draw_text_within(c, FACE_MEDIUM, dp(15), x, r.y + dp(25), room, INK, title[0] ? title : "New note");
    draw_paragraph(c, FACE_REGULAR, dp(13), (struct rect){x, r.y + dp(33), room, dp(35)}, dp(18), INK_SOFT,
                   *body ? body : "No more text");
    hit(ID_NOTE + index, r, title[0] ? notes[index]->text : "New note");
}

static void notes_draw(struct canvas *c) {
    uint32_t color = app_color(&notes_screen);
    fill(c, panel_rect(), GROUND);
    list.view = (struct rect){0, bar_height(), panel_width(), panel_height() - bar_height()};
    list.content = note_count * row_height() + dp(90);
    struct rect clip = canvas_narrow(c, list.view);
    hits_within(list.view);
    for (int i = 0; i < note_count; i++) {
        int y = scroller_y(&list) + dp(5) + i * row_height();
        if (y + row_height() > list.view.y && y < list.view.y + list.view.h)
            draw_note(c, i, y);
    }
    draw_scroll_bar(c, &list);
    c->clip = clip;
    hits_within(panel_rect());
    draw_title_bar(c, color, "Notes", ICON_COUNT, ICON_COUNT);
    draw_round_button(c, ID_ADD, panel_width() - dp(44), panel_height() - dp(44), dp(27), RGB(dress.accent),
                      ICON_PLUS, "add");
}

static void notes_tap(int id) {
    if (id == ID_ADD && !note_add()) {
        toast("There is no room for more notes");
        return;
    }
    if (id >= ID_NOTE)
        note_touch(id - ID_NOTE);
    editor_edit();
    shell_show(&editor_screen, SHOW_PUSH, panel_rect());
}

const struct screen notes_screen = {.name = "notes", .draw = notes_draw, .tap = notes_tap, .scroller = &list};
