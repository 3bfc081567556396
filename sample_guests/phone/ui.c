#include "ui.h"
#include "board.h"
#include "console.h"
#include "text.h"

static int scale; /* 16.16 */

void ui_start(void) {
    int w = board.panel.width, h = board.panel.height;
    scale = min(w * 65536 / 320, h * 65536 / 480);
    damage_all();
}

int dp(int units) {
    return (int)(((int64_t)units * scale + 32768) >> 16);
}
int panel_width(void) {
    return board.panel.width;
}
int panel_height(void) {
    return board.panel.height;
}
struct rect panel_rect(void) {
    return (struct rect){0, 0, board.panel.width, board.panel.height};
}

/* Damage */

static struct rect damaged[DAMAGE_MAX];
static int damage_count;

static int area(struct rect r) {
    return r.w * r.h;
}

void damage(struct rect r) {
    r = rect_both(r, panel_rect());
    if (rect_empty(r))
        return;
    /* Joined with one it overlaps, or that costs little to join. */
    for (int i = 0; i < damage_count; i++) {
        struct rect joined = rect_join(damaged[i], r);
        if (area(joined) > area(damaged[i]) + area(r) + 1024 && damage_count < DAMAGE_MAX)
            continue;
        damaged[i] = damaged[--damage_count];
        damage(joined);
        return;
    }
    damaged[damage_count++] = r;
}

void damage_all(void) {
    damage_count = 1;
    damaged[0] = panel_rect();
}

bool damage_any(void) {
    return damage_count > 0;
}

int damage_take(struct rect list[DAMAGE_MAX]) {
    int count = damage_count;
    for (int i = 0; i < count; i++)
        list[i] = damaged[i];
    damage_count = 0;
    return count;
}

/* Things to touch */

enum { HITS = 160 };

static struct {
    int id;
    struct rect r;
    const char *label;
} hits[HITS];
static int hit_count;
static struct rect reachable;

void hits_begin(void) {
    hit_count = 0;
    reachable = panel_rect();
}

void hits_within(struct rect r) {
    reachable = r;
}

void hit(int id, struct rect r, const char *label) {
    r = rect_both(r, reachable);
    if (rect_empty(r) || hit_count == HITS)
        return;
    hits[hit_count].id = id;
    hits[hit_count].r = r;
    hits[hit_count].label = label;
    hit_count++;
}

int hit_at(int x, int y) {
    for (int i = hit_count - 1; i >= 0; i--)
        if (rect_holds(hits[i].r, x, y))
            return hits[i].id;
    return 0;
}

bool hit_rect(int id, struct rect *r) {
    for (int i = hit_count - 1; i >= 0; i--)
        if (hits[i].id == id) {
            *r = hits[i].r;
            return true;
        }
    return false;
}

void print_hits(void) {
    for (int i = 0; i < hit_count; i++) {
        char label[40]; /* its first line */
        text_copy(label, hits[i].label, sizeof label);
        for (char *at = label; *at; at++)
            if (*at == '\n')
                at[0] = at[1] = 0;
        print("%d %d %d %d %s\n", hits[i].r.x, hits[i].r.y, hits[i].r.w, hits[i].r.h, label);
    }
}

/* The finger */

enum { SAMPLES = 8 };

struct pointer pointer;
static struct {
    uint64_t time;
    int x, y;
} samples[SAMPLES];
static int sample_count;

bool is_pressed(int id) {
    return id && pointer.pressed == id;
}

static void release_press(void) {
    struct rect r;
    if (pointer.pressed && hit_rect(pointer.pressed, &r))
        damage(r);
    pointer.pressed = 0;
}

void pointer_cancel(void) {
    release_press();
    pointer.down = pointer.dragging = false;
}

static void sample(int x, int y, uint64_t now) {
    if (sample_count == SAMPLES) {
        for (int i = 1; i < SAMPLES; i++)
            samples[i - 1] = samples[i];
        sample_count--;
    }
    samples[sample_count].time = now;
    samples[sample_count].x = x;
    samples[sample_count].y = y;
    sample_count++;
}

/* Over the last tenth of a second: a finger that rests before it lifts throws nothing. */
static void measure(uint64_t now) {
    int first = sample_count - 1;
    while (first > 0 && now - samples[first - 1].time < 100 * MILLISECONDS)
        first--;
    uint32_t micros = sample_count ? (uint32_t)(now - samples[first].time) / 1000 : 0;
    pointer.velocity_x = pointer.velocity_y = 0;
    if (micros < 1000 || micros > 200000)
        return;
    int limit = dp(90) * 256;
    pointer.velocity_x =
        clamp((pointer.x - samples[first].x) * 256 * 64 / (int)(micros * 64 / 16667 + 1), -limit, limit);
    pointer.velocity_y =
        clamp((pointer.y - samples[first].y) * 256 * 64 / (int)(micros * 64 / 16667 + 1), -limit, limit);
}

void pointer_track(const struct input_event *event, uint64_t now) {
    if (event->kind == INPUT_DOWN) {
        pointer.down = true;
        pointer.dragging = false;
        pointer.start_x = event->x;
        pointer.start_y = event->y;
        sample_count = 0;
    }
    pointer.x = event->x;
    pointer.y = event->y;
    if (event->kind != INPUT_UP)
        sample(event->x, event->y, now);
    else
        measure(now);
    if (event->kind == INPUT_UP)
        pointer.down = false;
}

static void drag(struct scroller *s, int dy) {
    int end = max(0, s->content - s->view.h) * 256;
    bool beyond = s->offset < 0 || s->offset > end;
    s->offset -= beyond ? dy * 96 : dy * 256;
    s->shown = 40;
    damage(s->view);
}

int pointer_follow(const struct input_event *event, struct scroller *scroller, uint64_t now) {
    int dy = event->y - pointer.y;
    bool inside = scroller && rect_holds(scroller->view, pointer.start_x, pointer.start_y);
    if (event->kind == INPUT_DOWN) {
        struct rect r;
        pointer_track(event, now);
        bool flying = scroller && scroller->velocity && rect_holds(scroller->view, event->x, event->y);
        pointer.pressed = flying ? 0 : hit_at(event->x, event->y);
        if (pointer.pressed && hit_rect(pointer.pressed, &r))
            damage(r);
        if (scroller) {
            scroller->velocity = 0;
            scroller->held = rect_holds(scroller->view, event->x, event->y);
        }
        return 0;
    }
    if (!pointer.down)
        return 0;
    int moved_x = event->x - pointer.start_x, moved_y = event->y - pointer.start_y;
    pointer_track(event, now);
    if (event->kind == INPUT_MOVE) {
        if (!pointer.dragging && moved_x * moved_x + moved_y * moved_y > dp(9) * dp(9)) {
            release_press();
            pointer.dragging = true;
            dy = 0;
        }
        if (pointer.dragging && inside)
            drag(scroller, dy);
        return 0;
    }
    int tapped = pointer.pressed;
    release_press();
    if (scroller) {
        scroller->held = false;
        if (pointer.dragging && inside)
            scroller->velocity = -pointer.velocity_y;
        damage(scroller->view);
    }
    pointer.dragging = false;
    return tapped;
}

/* Scrolling */

int scroller_y(const struct scroller *s) {
    return s->view.y - ((s->offset + 128) >> 8);
}

void scroller_to(struct scroller *s, int pixels) {
    s->offset = clamp(pixels, 0, max(0, s->content - s->view.h)) * 256;
    s->velocity = 0;
}

bool scroller_tick(struct scroller *s, int frames) {
    int end = max(0, s->content - s->view.h) * 256;
    if (s->held)
        return false;
    bool beyond = s->offset < 0 || s->offset > end;
    if (!s->velocity && !beyond) {
        if (s->shown <= 0)
            return false;
        s->shown -= frames;
        if (s->shown < 12)
            damage((struct rect){s->view.x + s->view.w - dp(8), s->view.y, dp(8), s->view.h});
        return true;
    }
    for (; frames > 0; frames--) {
        beyond = s->offset < 0 || s->offset > end;
        s->offset += s->velocity;
        s->velocity = s->velocity * (beyond ? 150 : 247) / 256;
        if (s->velocity > -48 && s->velocity < 48)
            s->velocity = 0;
        if (beyond) {
            int away = s->offset - (s->offset < 0 ? 0 : end);
            s->offset -= away / 6 + (away > 0 ? 64 : -64);
            if (away > -256 && away < 256)
                s->offset -= away, s->velocity = 0;
        }
    }
    s->shown = 40;
    damage(s->view);
    return true;
}

void draw_scroll_bar(struct canvas *c, const struct scroller *s) {
    if (s->content <= s->view.h || s->shown <= 0)
        return;
    int length = max(dp(24), s->view.h * s->view.h / s->content), room = s->view.h - length - dp(6);
    int end = s->content - s->view.h;
    int at = clamp((int)((int64_t)(s->offset >> 8) * room / max(end, 1)), 0, room);
    fill_rounded(c, (struct rect){s->view.x + s->view.w - dp(6), s->view.y + dp(3) + at, dp(3), length},
                 dp(2), ALPHA(0x30343c, min(s->shown, 12) * 9));
}

int ease_out(int t) {
    int rest = 1024 - clamp(t, 0, 1024);
    return 1024 - (int)((int64_t)rest * rest * rest >> 20);
}

int ease_both(int t) {
    t = clamp(t, 0, 1024);
    return (int)((int64_t)t * t * (3072 - 2 * t) >> 20);
}
