/* People: a long list that flies, and a page for each. */
#include "shell.h"
#include "text.h"
#include "widgets.h"

enum { ID_CONTACT = 10, ID_ROW = 1, STARS_MAX = 128 };

static struct scroller list, page;
static bool starred[STARS_MAX];
static int chosen;

static int row_height(void) {
    return dp(58);
}

static void draw_row(struct canvas *c, int index, int y) {
    const struct contact *person = &dress.contacts[index];
    struct rect r = {0, y, panel_width(), row_height()};
    bool first = index == 0 || dress.contacts[index - 1].name[0] != person->name[0];
    char letter[2] = {person->name[0], 0};
    draw_press(c, ID_CONTACT + index, r, 0, ALPHA(0, 20));
    int middle = y + r.h / 2;
    if (first) {
        if (index)
            fill(c, (struct rect){dp(48), y, r.w - dp(48), 1}, LINE);
        draw_text_centred(c, FACE_MEDIUM, dp(15), dp(25), middle + cap_height(FACE_MEDIUM, dp(15)) / 2,
                          app_color(&contacts_screen), letter);
    }
    draw_avatar(c, dp(70), middle, dp(20), person->name);
    int room = r.w - dp(104) - dp(starred[index] ? 40 : 14);
    draw_text_within(c, FACE_REGULAR, dp(16), dp(104), middle - dp(3), room, INK, person->name);
    draw_text_within(c, FACE_REGULAR, dp(12), dp(104), middle + dp(14), room, INK_SOFT, person->detail);
    if (starred[index])
        draw_icon(c, ICON_STAR, r.w - dp(26), middle, dp(16), RGB(0xf2a93b));
    hit(ID_CONTACT + index, r, person->name);
}

static void contacts_draw(struct canvas *c) {
    fill(c, panel_rect(), CARD);
    list.view = (struct rect){0, bar_height(), panel_width(), panel_height() - bar_height()};
    list.content = dress.contact_count * row_height() + dp(12);
    struct rect clip = canvas_narrow(c, list.view);
    hits_within(list.view);
    for (int i = 0; i < dress.contact_count; i++) {
        int y = scroller_y(&list) + dp(6) + i * row_height();
        if (y + row_height() > list.view.y && y < list.view.y + list.view.h)
            draw_row(c, i, y);
    }
    draw_scroll_bar(c, &list);
    c->clip = clip;
    hits_within(panel_rect());
    draw_title_bar(c, app_color(&contacts_screen), "Contacts", ICON_COUNT, ICON_COUNT);
}

static void contacts_tap(int id) {
    chosen = id - ID_CONTACT;
    page.offset = page.velocity = 0;
    shell_show(&contact_screen, SHOW_PUSH, panel_rect());
}

const struct screen contacts_screen = {
    .name = "contacts", .draw = contacts_draw, .tap = contacts_tap, .scroller = &list};

/* One person */

static void draw_field(struct canvas *c, int index, int y, enum icon icon, const char *value,
                       const char *label) {
    struct rect r = {0, y, panel_width(), dp(62)};
    draw_press(c, ID_ROW + index, r, 0, ALPHA(0, 18));
    draw_icon(c, icon, dp(32), y + r.h / 2, dp(21), app_color(&contacts_screen));
    draw_text_within(c, FACE_REGULAR, dp(16), dp(68), y + dp(28), r.w - dp(80), INK, value);
    draw_text(c, FACE_REGULAR, dp(12), dp(68), y + dp(46), INK_SOFT, label);
    fill(c, (struct rect){dp(68), y + r.h - 1, r.w - dp(68), 1}, LINE);
    hit(ID_ROW + index, r, label);
}

static void contact_draw(struct canvas *c) {
    const struct contact *person = &dress.contacts[chosen];
    uint32_t color = avatar_color(person->name);
    int head = bar_height() + dp(130);
    fill(c, panel_rect(), CARD);
    page.view = (struct rect){0, bar_height(), panel_width(), panel_height() - bar_height()};
    page.content = dp(132) + 3 * dp(62) + dp(12);
    struct rect clip = canvas_narrow(c, page.view);
    hits_within(page.view);
    int y = scroller_y(&page);
    fill_gradient(c, (struct rect){0, y - dp(200), panel_width(), dp(200)}, color, color);
    fill_gradient(c, (struct rect){0, y, panel_width(), head - bar_height()}, color, RGB(mix(color, 0, 70)));
    fill_circle(c, panel_width() / 2, y + dp(40), dp(40), ALPHA(0xffffff, 40));
    draw_avatar(c, panel_width() / 2, y + dp(40), dp(36), person->name);
    draw_text_centred(c, FACE_MEDIUM, dp(19), panel_width() / 2, y + dp(100), WHITE, person->name);
    draw_text_centred(c, FACE_REGULAR, dp(13), panel_width() / 2, y + dp(118), ALPHA(0xffffff, 215),
                      person->detail);
    y += dp(132);
    draw_field(c, 0, y, ICON_PHONE, person->phone, "Mobile");
    draw_field(c, 1, y + dp(62), ICON_MAIL, person->mail, "Mail");
    draw_field(c, 2, y + dp(124), ICON_PLACE, person->place, "Address");
    draw_scroll_bar(c, &page);
    c->clip = clip;
    hits_within(panel_rect());
    draw_title_bar(c, color, "", starred[chosen] ? ICON_STAR : ICON_STAR_OUTLINE, ICON_COUNT);
    fill(c, (struct rect){0, bar_height(), panel_width(), max(0, y - dp(132) - bar_height())}, color);
}

static void contact_tap(int id) {
    const struct contact *person = &dress.contacts[chosen];
    if (id == ID_ACTION) {
        starred[chosen] = !starred[chosen];
        toast(starred[chosen] ? "Added to favourites" : "No longer a favourite");
        damage_all();
    } else {
        const char *const values[] = {person->phone, person->mail, person->place};
        toast(values[id - ID_ROW]);
    }
}

static bool contact_back(void) {
    shell_show(&contacts_screen, SHOW_POP, panel_rect());
    return true;
}

const struct screen contact_screen = {
    .name = "contact", .draw = contact_draw, .tap = contact_tap, .back = contact_back, .scroller = &page};
