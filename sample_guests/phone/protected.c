/* Its first picture stands for one that was bought: the phone has it protected once, and keeps that and a
 * licence for three looks; in the clear it is there only while it is shown. */
#include "protected.h"
#include "console.h"
#include "shell.h"
#include "text.h"
#include "virtio_vsock.h"
#include "widgets.h"

enum { PORT = 7000, LOOKS = 3, PRICE = 5, ANSWER_SECONDS = 6 };
enum { ABOUT = 1, PROTECT, LICENSE, PLAY };
enum { LENGTH = 4, HEAD = 8, ACCOUNT = 16, HEADER = 80, LICENCE = 96, TAG = 16 };
enum { CONTENT = sizeof(struct scene), PROTECTED = HEADER + CONTENT + TAG };
enum { ID_SHOW = 1, ID_HIDE = 2 };

static struct vsock *call;
static bool has_device, opened, has_licence, shown;
static unsigned waits_for; /* the operation whose answer is to come; 0: none */
static uint64_t until = NEVER;
static uint8_t content[PROTECTED], licence[LICENCE], account[ACCOUNT];
static uint32_t left = LOOKS, owed;
static struct surface picture;
static const char *problem = "";
static char said[96];

static void changed(void) {
    damage_all();
}

static void failed(const char *why) {
    problem = why;
    waits_for = 0;
    until = NEVER;
    changed();
}

static void put_away(void) {
    if (picture.pixels)
        memset(picture.pixels, 0, (size_t)(picture.stride * picture.height) * 4);
    shown = false;
    changed();
}

static void hang_up(void) {
    if (call)
        vsock_close(call);
    call = NULL;
    opened = false;
}

static void send(unsigned operation, const void *first, uint32_t first_bytes, const void *second,
                 uint32_t second_bytes) {
    static uint8_t message[LENGTH + HEAD + LICENCE + PROTECTED];
    uint32_t bytes = HEAD + first_bytes + second_bytes;
    memset(message, 0, LENGTH + HEAD);
    memcpy(message, &bytes, LENGTH);
    message[LENGTH] = (uint8_t)operation;
    memcpy(message + LENGTH + HEAD, first, first_bytes);
    memcpy(message + LENGTH + HEAD + first_bytes, second, second_bytes);
    if (vsock_write(call, message, LENGTH + bytes))
        waits_for = operation;
    else
        failed("The key service does not listen");
    memset(message, 0, sizeof message);
}

static void next(void) {
    struct {
        uint32_t plays, price;
        uint8_t player[ACCOUNT];
    } wanted = {LOOKS, PRICE, {0}};
    if (!has_licence && waits_for == 0) {
        send(ABOUT, NULL, 0, NULL, 0);
    } else if (waits_for == ABOUT) {
        send(PROTECT, &dress.photos[0].scene, CONTENT, NULL, 0);
    } else if (waits_for == PROTECT) {
        memcpy(wanted.player, account, ACCOUNT);
        send(LICENSE, &wanted, sizeof wanted, content, HEADER);
    } else {
        send(PLAY, licence, LICENCE, content, PROTECTED);
    }
}

static void show(const uint8_t *clear) {
    struct scene scene;
    memcpy(&scene, clear, sizeof scene);
    if (scene.kind > SCENE_CHART) {
        failed("What the service gave is no picture");
        return;
    }
    if (!picture.pixels)
        picture = surface_new(panel_width(), panel_height());
    draw_scene(&picture, &scene);
    memset(&scene, 0, sizeof scene);
    __asm__ volatile("" ::: "memory");
    shown = true;
    waits_for = 0;
    until = NEVER;
    changed();
}

static void answered(const uint8_t *body, uint32_t bytes) {
    unsigned operation = waits_for;
    if (operation == ABOUT && bytes == 32) {
        memcpy(account, body + 16, ACCOUNT);
        next();
    } else if (operation == PROTECT && bytes == PROTECTED) {
        memcpy(content, body, PROTECTED);
        next();
    } else if (operation == LICENSE && bytes == LICENCE) {
        memcpy(licence, body, LICENCE);
        has_licence = true;
        left = LOOKS;
        next();
    } else if (operation == PLAY && bytes == 8 + CONTENT) {
        memcpy(&left, body, 4);
        owed += PRICE;
        show(body + 8);
    } else {
        failed("The key service speaks another language");
    }
}

static void on_opened(struct vsock *socket) {
    (void)socket;
    opened = true;
    next();
}

static void on_readable(struct vsock *socket) {
    uint32_t bytes;
    if (socket->in_bytes < LENGTH)
        return;
    memcpy(&bytes, socket->in, LENGTH);
    if (bytes < HEAD || bytes > sizeof socket->in - LENGTH) {
        failed("The key service speaks another language");
        hang_up();
        return;
    }
    if (socket->in_bytes < LENGTH + bytes)
        return;
    const uint8_t *message = socket->in + LENGTH;
    uint8_t status = message[0];
    if (!waits_for) {
        vsock_consume(socket, LENGTH + bytes);
    } else if (status) {
        uint32_t length = bytes - HEAD < sizeof said - 1 ? bytes - HEAD : sizeof said - 1;
        memcpy(said, message + HEAD, length);
        said[length] = 0;
        if (said[0] >= 'a' && said[0] <= 'z')
            said[0] = (char)(said[0] - 'a' + 'A');
        vsock_consume(socket, LENGTH + bytes);
        has_licence &= status != 3; /* another key: what was made with the old one is of no use */
        failed(said);
    } else {
        static uint8_t body[8 + PROTECTED];
        uint32_t size = bytes - HEAD < sizeof body ? bytes - HEAD : sizeof body;
        memcpy(body, message + HEAD, size);
        memset(socket->in, 0, LENGTH + bytes);
        vsock_consume(socket, LENGTH + bytes);
        answered(body, bytes - HEAD);
        memset(body, 0, sizeof body);
    }
}

static void on_closed(struct vsock *socket) {
    (void)socket;
    bool was_open = opened;
    call = NULL;
    opened = false;
    if (waits_for || !was_open)
        failed(was_open ? "The key service has hung up" : "No key service answers on this phone");
}

static const struct vsock_events events = {on_opened, on_readable, on_closed};

void protected_start(void) {
    has_device = vsock_start(0, &events);
}

void protected_poll(uint64_t now) {
    vsock_poll();
    if (now >= until) {
        failed("The key service does not answer");
        hang_up();
    }
}

uint64_t protected_wake(void) {
    return until;
}

void protected_ask(void) {
    if (waits_for || until != NEVER || shown)
        return;
    problem = "";
    if (!has_device) {
        failed("This phone has no socket to call others");
        return;
    }
    until = timer_now() + ANSWER_SECONDS * SECONDS;
    if (call)
        next();
    else if (!(call = vsock_connect(PORT)))
        failed("This phone makes too many calls");
    changed();
}

void protected_hide(void) {
    if (shown)
        put_away();
}

void protected_print(void) {
    print("protected %s, %u left, owes %u%s%s\n",
          shown            ? "shown"
          : until != NEVER ? "asks"
                           : "hidden",
          left, owed, problem[0] ? ": " : "", problem);
}

static void draw_shown(struct canvas *c) {
    char text[48];
    int h = panel_height(), w = panel_width();
    hit(ID_HIDE, panel_rect(), "hide");
    draw_surface(c, &picture, panel_rect(), 0, 0, 256);
    fill_gradient(c, (struct rect){0, h - dp(80), w, dp(80)}, ALPHA(0, 0), ALPHA(0, 170));
    draw_text(c, FACE_MEDIUM, dp(16), dp(16), h - dp(30), WHITE, "Opened by the key service");
    format(text, sizeof text, "%u of %u looks left. Touch to put it away", left, LOOKS);
    draw_text(c, FACE_REGULAR, dp(12), dp(16), h - dp(13), ALPHA(0xffffff, 210), text);
}

static void protected_draw(struct canvas *c) {
    char text[64];
    int w = panel_width(), middle = bar_height() + (panel_height() - bar_height()) / 2;
    if (shown) {
        draw_shown(c);
        return;
    }
    fill(c, panel_rect(), RGB(0x16181c));
    fill_circle(c, w / 2, middle - dp(86), dp(44), RGB(0x2a2f38));
    draw_icon(c, ICON_LOCK, w / 2, middle - dp(86), dp(44), WHITE);
    draw_text_centred(c, FACE_MEDIUM, dp(18), w / 2, middle - dp(14), WHITE, "A protected photograph");
    format(text, sizeof text, "%u of %u looks left, %u to pay so far", left, LOOKS, owed);
    draw_text_centred(c, FACE_REGULAR, dp(13), w / 2, middle + dp(10), RGB(0xa9afb8), text);
    bool asks = until != NEVER;
    const char *line = asks ? "Asks the key service in another guest" : problem;
    uint32_t color = asks ? RGB(0xa9afb8) : RGB(0xffb4a8);
    struct rect lines = {dp(24), middle + dp(34), w - dp(48), dp(40)};
    if (text_width(FACE_REGULAR, dp(13), line) <= lines.w)
        draw_text_centred(c, FACE_REGULAR, dp(13), w / 2, lines.y + dp(14), color, line);
    else
        draw_paragraph(c, FACE_REGULAR, dp(13), lines, dp(18), color, line);
    draw_button(c, ID_SHOW, (struct rect){w / 2 - dp(70), middle + dp(92), dp(140), dp(44)},
                app_color(&photos_screen), WHITE, "Show");
    draw_title_bar(c, app_color(&photos_screen), "Protected", ICON_COUNT, ICON_COUNT);
}

static void protected_tap(int id) {
    if (id == ID_SHOW)
        protected_ask();
    else if (id == ID_HIDE)
        protected_hide();
}

static bool protected_back(void) {
    protected_hide();
    shell_show(&photos_screen, SHOW_POP, panel_rect());
    return true;
}

const struct screen protected_screen = {
    .name = "protected", .draw = protected_draw, .tap = protected_tap, .back = protected_back};
