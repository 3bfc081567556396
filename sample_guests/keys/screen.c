#include "screen.h"
#include "accounts.h"
#include "board.h"
#include "canvas.h"
#include "font.h"
#include "keystore.h"
#include "shape.h"
#include "text.h"
#include "timer.h"

enum { SHOWN = 6, BETWEEN_MS = 200 };

static struct surface panel, picture;
static int scale;
static uint32_t shown_answered = UINT32_MAX, shown_callers;
static uint64_t next_ns;

static int dp(int units) {
    return units * scale / 320;
}

static void draw_account(struct canvas *c, const struct account *account, int y) {
    char line[64];
    struct rect card = {dp(12), y, panel.width - dp(24), dp(54)};
    fill_rounded(c, card, dp(10), RGB(0x1d3144));
    fill_circle(c, dp(32), y + dp(27), dp(5), account->calling ? RGB(0x5fd38d) : RGB(0x4b6075));
    draw_text_within(c, FACE_MEDIUM, dp(14), dp(48), y + dp(24), panel.width - dp(150), RGB(0xffffff),
                     account->name);
    format(line, sizeof line, "%u played, %u refused", account->plays, account->refused);
    draw_text(c, FACE_REGULAR, dp(11), dp(48), y + dp(42), RGB(0x9db4c8), line);
    format(line, sizeof line, "%llu", account->owed);
    draw_text_right(c, FACE_MEDIUM, dp(18), panel.width - dp(24), y + dp(26), RGB(0xffd479), line);
    draw_text_right(c, FACE_REGULAR, dp(10), panel.width - dp(24), y + dp(42), RGB(0x9db4c8), "owes");
}

static void draw(uint32_t answered) {
    const uint8_t *id = keystore_id();
    char line[64];
    int y = dp(96), rows = 0, callers = 0;
    struct canvas c = canvas_on(&picture);
    fill_gradient(&c, (struct rect){0, 0, panel.width, panel.height}, RGB(0x14222f), RGB(0x0a1118));
    draw_text(&c, FACE_MEDIUM, dp(24), dp(16), dp(42), RGB(0xffffff), "Keys");
    format(line, sizeof line, "Key %02x%02x%02x%02x%02x%02x%02x%02x", id[0], id[1], id[2], id[3], id[4],
           id[5], id[6], id[7]);
    draw_text(&c, FACE_REGULAR, dp(12), dp(16), dp(64), RGB(0x9db4c8), line);
    format(line, sizeof line, "%u answers", answered);
    draw_text_right(&c, FACE_REGULAR, dp(12), panel.width - dp(16), dp(64), RGB(0x9db4c8), line);
    for (const struct account *account = accounts; account < accounts + ACCOUNTS; account++) {
        callers += account->used;
        if (account->used && rows++ < SHOWN && y + dp(54) <= panel.height) {
            draw_account(&c, account, y);
            y += dp(62);
        }
    }
    if (!callers)
        draw_text_centred(&c, FACE_REGULAR, dp(14), panel.width / 2, panel.height / 2, RGB(0x9db4c8),
                          "Nobody has called yet");
    for (int row = 0; row < panel.height; row++)
        copy_block(panel.pixels + row * panel.stride, picture.pixels + row * picture.stride,
                   (uint32_t)panel.width);
}

void screen_start(void) {
    if (!board.panel.pixels)
        return;
    panel = (struct surface){board.panel.pixels, board.panel.width, board.panel.height, board.panel.stride};
    picture = surface_new(panel.width, panel.height);
    scale = min(panel.width, panel.height * 2 / 3);
}

uint64_t screen_show(uint32_t answered, uint32_t callers) {
    if (!panel.pixels || (answered == shown_answered && callers == shown_callers))
        return NEVER;
    uint64_t now = timer_now();
    if (now < next_ns)
        return next_ns;
    shown_answered = answered;
    shown_callers = callers;
    next_ns = now + BETWEEN_MS * MILLISECONDS;
    draw(answered);
    return NEVER;
}
