#include "shell.h"
#include "text.h"
#include "widgets.h"

/* No signal bars: the board has no radio. The battery is drawn charging: the board has no battery either. */
void draw_status_bar(struct canvas *c, bool with_time) {
    int middle = status_height() / 2, px = dp(12), base = middle + cap_height(FACE_MEDIUM, px) / 2;
    struct rect bar = {0, 0, panel_width(), status_height()};
    if (rect_empty(rect_both(bar, c->clip)))
        return;
    draw_icon(c, dress.badge, dp(15), middle, dp(13), ALPHA(0xffffff, 230));
    draw_text(c, FACE_MEDIUM, dp(11), dp(25), middle + cap_height(FACE_MEDIUM, dp(11)) / 2,
              ALPHA(0xffffff, 230), dress.name);
    int right = panel_width() - dp(8);
    if (with_time) {
        char text[8];
        struct date date = wall_date();
        format(text, sizeof text, "%02d:%02d", date.hour, date.minute);
        draw_text_right(c, FACE_MEDIUM, px, right, base, WHITE, text);
        right -= text_width(FACE_MEDIUM, px, "00:00") + dp(6);
    }
    draw_icon(c, ICON_BATTERY, right - dp(6), middle, dp(15), ALPHA(0xffffff, 230));
}
