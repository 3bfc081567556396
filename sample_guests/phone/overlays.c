/* The volume's slider, a dialog with two answers (the power menu is one with three), and toasts. */
#include "frame.h"
#include "psci.h"
#include "shell.h"
#include "text.h"
#include "widgets.h"

enum { ID_CANCEL = 1001, ID_ACCEPT = 1002, ID_RESTART = 1003, ID_VOLUME = 1004, ID_OUTSIDE = 1005 };
enum { VOLUME_MAX = 15 };

static int level = 9, volume_open; /* 0 to 1024 */
static uint64_t volume_until, toast_until;
static char toast_text[48];
static int toast_open;

static struct {
    bool wanted, menu;
    int open;
    const char *title, *text, *accept;
    uint32_t color;
    void (*accepted)(void);
} dialog;

int volume(void) {
    return level;
}

static struct rect volume_rect(void) {
    return (struct rect){dp(12), status_height() + dp(6) - (1024 - volume_open) * dp(70) / 1024,
                         panel_width() - dp(24), dp(48)};
}

static struct rect dialog_rect(void) {
    int w = min(panel_width() - dp(40), dp(280)), h = dialog.menu ? dp(156) : dp(150);
    return (struct rect){(panel_width() - w) / 2, (panel_height() - h) / 2, w, h};
}

static struct rect toast_rect(void) {
    int w = text_width(FACE_REGULAR, dp(13), toast_text) + dp(32);
    return (struct rect){(panel_width() - w) / 2, panel_height() - dp(84), w, dp(34)};
}

void volume_step(int by) {
    level = clamp(level + by, 0, VOLUME_MAX);
    volume_until = timer_now() + 1500 * MILLISECONDS;
    damage(rect_inset(volume_rect(), -dp(10)));
}

void volume_mute(void) {
    static int before;
    if (level)
        before = level;
    volume_step(level ? -level : before);
}

void dialog_show(const char *title, const char *text, const char *accept, uint32_t color,
                 void (*accepted)(void)) {
    dialog.wanted = true;
    dialog.menu = false;
    dialog.title = title;
    dialog.text = text;
    dialog.accept = accept;
    dialog.color = color;
    dialog.accepted = accepted;
}

void power_menu_show(void) {
    dialog_show("Phone options", "", "Power off", DANGER, power_off);
    dialog.menu = true;
}

void toast(const char *text) {
    text_copy(toast_text, text, sizeof toast_text);
    toast_until = timer_now() + 2 * SECONDS;
    damage(toast_rect());
}

bool overlays_back(void) {
    bool was = dialog.wanted;
    dialog.wanted = false;
    return was;
}

static void draw_volume(struct canvas *c) {
    struct rect r = volume_rect();
    draw_shadow(c, (struct rect){r.x, r.y + dp(2), r.w, r.h}, dp(4), dp(8), 80);
    fill_rounded(c, r, dp(4), RGB(0x2b2f36));
    draw_icon(c, level ? ICON_VOLUME : ICON_MUTE, r.x + dp(26), r.y + r.h / 2, dp(22), WHITE);
    struct rect slider = {r.x + dp(44), r.y, r.w - dp(56), r.h};
    draw_slider(c, slider, level * 256 / VOLUME_MAX, RGB(mix(dress.accent, 0xffffff, 40)),
                ALPHA(0xffffff, 70));
    hit(ID_VOLUME, r, "volume");
}

static void menu_row(struct canvas *c, int id, struct rect r, enum icon icon, const char *label) {
    draw_press(c, id, r, 0, ALPHA(0, 18));
    draw_icon(c, icon, r.x + dp(34), r.y + r.h / 2, dp(22), INK_SOFT);
    draw_text(c, FACE_REGULAR, dp(16), r.x + dp(64), r.y + (r.h + cap_height(FACE_REGULAR, dp(16))) / 2, INK,
              label);
    hit(id, r, label);
}

static void draw_dialog(struct canvas *c) {
    hit(ID_OUTSIDE, panel_rect(), "outside");
    fill(c, panel_rect(), ALPHA(0, dialog.open * 130 / 1024));
    c->opacity = (uint32_t)dialog.open / 4;
    struct rect r = dialog_rect();
    r.y += (1024 - dialog.open) * dp(16) / 1024;
    draw_shadow(c, (struct rect){r.x, r.y + dp(4), r.w, r.h}, dp(4), dp(16), 110);
    fill_rounded(c, r, dp(4), CARD);
    draw_text(c, FACE_MEDIUM, dp(18), r.x + dp(22), r.y + dp(36), INK, dialog.title);
    if (dialog.menu) {
        menu_row(c, ID_ACCEPT, (struct rect){r.x, r.y + dp(52), r.w, dp(48)}, ICON_POWER, "Power off");
        menu_row(c, ID_RESTART, (struct rect){r.x, r.y + dp(100), r.w, dp(48)}, ICON_RESTART, "Restart");
    } else {
        draw_paragraph(c, FACE_REGULAR, dp(14),
                       (struct rect){r.x + dp(22), r.y + dp(48), r.w - dp(44), dp(50)}, dp(20), INK_SOFT,
                       dialog.text);
        int y = r.y + r.h - dp(46);
        draw_button(c, ID_CANCEL, (struct rect){r.x + r.w - dp(206), y, dp(90), dp(36)}, 0, INK_SOFT,
                    "Cancel");
        draw_button(c, ID_ACCEPT, (struct rect){r.x + r.w - dp(112), y, dp(100), dp(36)}, 0, dialog.color,
                    dialog.accept);
    }
    c->opacity = 256;
}

void overlays_draw(struct canvas *c) {
    if (volume_open)
        draw_volume(c);
    if (toast_open) {
        struct rect r = toast_rect();
        c->opacity = (uint32_t)toast_open / 4;
        fill_rounded(c, r, dp(17), ALPHA(0x23262c, 235));
        draw_text_centred(c, FACE_REGULAR, dp(13), r.x + r.w / 2,
                          r.y + (r.h + cap_height(FACE_REGULAR, dp(13))) / 2, WHITE, toast_text);
        c->opacity = 256;
    }
    if (dialog.open)
        draw_dialog(c);
}

bool overlays_touch(const struct input_event *event, uint64_t now) {
    if (dialog.wanted) {
        int id = pointer_follow(event, NULL, now);
        if (!id)
            return true;
        struct rect r = dialog_rect();
        if (id == ID_OUTSIDE && rect_holds(r, event->x, event->y))
            return true;
        dialog.wanted = false;
        if (id == ID_ACCEPT && dialog.accepted)
            dialog.accepted();
        else if (id == ID_RESTART)
            restart();
        return true;
    }
    static bool sliding;
    if (event->kind == INPUT_DOWN)
        sliding = volume_open && rect_holds(volume_rect(), event->x, event->y);
    if (!sliding)
        return false;
    struct rect r = volume_rect();
    level = (slider_value((struct rect){r.x + dp(44), r.y, r.w - dp(56), r.h}, event->x) * VOLUME_MAX + 128) /
            256;
    volume_step(0);
    return true;
}

static bool slide(int *value, bool wanted, int step, struct rect changed) {
    int to = wanted ? 1024 : 0;
    if (*value == to)
        return false;
    damage(changed);
    *value = wanted ? min(*value + step, 1024) : max(*value - step, 0);
    return true;
}

bool overlays_tick(int frames, uint64_t now) {
    struct rect shown = {0, 0, panel_width(), status_height() + dp(80)};
    bool still = slide(&volume_open, now < volume_until, frames * 140, shown);
    still |= slide(&toast_open, now < toast_until, frames * 128, toast_rect());
    still |= slide(&dialog.open, dialog.wanted, frames * 128, panel_rect());
    return still;
}

uint64_t overlays_wake(void) {
    uint64_t now = timer_now(), wake = NEVER;
    if (volume_open && volume_until > now)
        wake = volume_until;
    if (toast_open && toast_until > now && toast_until < wake)
        wake = toast_until;
    return wake;
}
