/* gpu_draw SECONDS: draws the whole panel sixty times a second through a dumb buffer of /dev/dri/card0, tells
 * the driver each time that all of it is dirty, and says how often it came to that and what CPU it cost.
 *
 *     GPU frames=600 nanoseconds=10000000000 self_us=900000 idle_ms=8800
 *
 * `idle_ms` is what the whole guest waited meanwhile (/proc/stat). Once in a while it looks whether the
 * display has got another size, follows it and says so: `GPU size=480x800`. For Linux on ARM, with no library
 * but the compiler's; `make gpu_draw.elf` builds it.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

enum { EXIT = 1, READ = 3, WRITE = 4, OPEN = 5, CLOSE = 6, IOCTL = 54, GETRUSAGE = 77, MUNMAP = 91 };
enum { MMAP2 = 192, CLOCK_GETTIME64 = 403, CLOCK_NANOSLEEP64 = 407 };
enum { O_RDWR = 2, PROT_READ_WRITE = 3, MAP_SHARED = 1, CLOCK_MONOTONIC = 1, TIMER_ABSTIME = 1 };
enum { GET_RESOURCES = 0xa0, SET_CRTC = 0xa2, GET_CONNECTOR = 0xa7, ADD_FB = 0xae, REMOVE_FB = 0xaf };
enum { DIRTY_FB = 0xb1, CREATE_DUMB = 0xb2, MAP_DUMB = 0xb3, DESTROY_DUMB = 0xb4 };
enum { HERTZ = 60, MODES = 32, LOOK_EVERY = 30 };

struct mode {
    u32 clock;
    u16 width, h[4], height, v[4];
    u32 refresh, flags, type;
    char name[32];
};

struct resources {
    u64 fbs, crtcs, connectors, encoders;
    u32 fb_count, crtc_count, connector_count, encoder_count, least_width, most_width, least_height,
        most_height;
};

struct connector {
    u64 encoders, modes, properties, values;
    u32 mode_count, property_count, encoder_count, encoder, id, type, type_id, connection, mm_width,
        mm_height, subpixel, padding;
};

struct crtc {
    u64 connectors;
    u32 connector_count, id, fb, x, y, gamma, mode_valid;
    struct mode mode;
};

struct fb {
    u32 id, width, height, pitch, bits, depth, handle;
};

struct dumb {
    u32 height, width, bits, flags, handle, pitch;
    u64 size;
};

struct map {
    u32 handle, padding;
    u64 offset;
};

struct dirty {
    u32 fb, flags, colour, clip_count;
    u64 clips;
};

static int card;
static u32 crtc_id, connector_id;
static struct mode modes[MODES];
static struct fb fb;
static struct dumb dumb;
static u32 *pixels;

/* The compiler calls them for initialisations. */
void *memset(void *to, int value, u32 size) {
    for (u8 *at = to; size--;)
        *at++ = (u8)value;
    return to;
}

void *memcpy(void *to, const void *from, u32 size) {
    const u8 *source = from;
    for (u8 *at = to; size--;)
        *at++ = *source++;
    return to;
}

static long call(long number, long a, long b, long c, long d, long e, long f) {
    register long r7 __asm__("r7") = number, r0 __asm__("r0") = a, r1 __asm__("r1") = b;
    register long r2 __asm__("r2") = c, r3 __asm__("r3") = d, r4 __asm__("r4") = e, r5 __asm__("r5") = f;
    __asm__ volatile("svc 0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5) : "memory");
    return r0;
}

static void print(const char *text) {
    u32 length = 0;
    while (text[length])
        length++;
    call(WRITE, 1, (long)text, (long)length, 0, 0, 0);
}

static void print_number(u64 value) {
    char digits[21];
    u32 at = sizeof digits - 1;
    digits[at] = 0;
    do {
        digits[--at] = (char)('0' + (u32)(value % 10));
        value /= 10;
    } while (value);
    print(digits + at);
}

static void leave(const char *text) {
    print("GPU failed: ");
    print(text);
    print("\n");
    call(EXIT, 1, 0, 0, 0, 0, 0);
}

static long drm(u32 number, void *argument, u32 size) {
    return call(IOCTL, card, (long)(3u << 30 | size << 16 | 'd' << 8 | number), (long)argument, 0, 0, 0);
}

#define DRM(number, argument) drm(number, &(argument), sizeof(argument))

static u64 nanoseconds(void) {
    struct {
        u64 seconds, nanoseconds;
    } now = {0, 0};
    call(CLOCK_GETTIME64, CLOCK_MONOTONIC, (long)&now, 0, 0, 0, 0);
    return now.seconds * 1000000000ull + now.nanoseconds;
}

static void sleep_until(u64 when) {
    struct {
        u64 seconds, nanoseconds;
    } then = {when / 1000000000ull, when % 1000000000ull};
    call(CLOCK_NANOSLEEP64, CLOCK_MONOTONIC, TIMER_ABSTIME, (long)&then, 0, 0, 0);
}

static u64 own_microseconds(void) {
    long usage[18] = {0}; /* struct rusage begins with user and system time */
    call(GETRUSAGE, 0, (long)usage, 0, 0, 0, 0);
    return (u64)(usage[0] + usage[2]) * 1000000u + (u64)(usage[1] + usage[3]);
}

/* /proc/stat: "cpu  user nice system idle ...", in hundredths of a second. */
static u64 idle_milliseconds(void) {
    static char text[256];
    long file = call(OPEN, (long)"/proc/stat", 0, 0, 0, 0, 0);
    long length = call(READ, file, (long)text, sizeof text - 1, 0, 0, 0);
    call(CLOSE, file, 0, 0, 0, 0, 0);
    u64 value = 0;
    u32 field = 0;
    for (long at = 3; at < length && field <= 4; at++) {
        if (text[at] >= '0' && text[at] <= '9') {
            if (text[at - 1] == ' ') {
                field++;
                value = 0;
            }
            value = value * 10 + (u32)(text[at] - '0');
        } else if (field == 4) {
            break;
        }
    }
    return value * 10;
}

/* The display's preferred mode, as it is now. */
static const struct mode *look(void) {
    struct connector connector = {.id = connector_id};
    DRM(GET_CONNECTOR, connector); /* asks the driver anew */
    connector.modes = (u64)(u32)modes;
    connector.mode_count = connector.mode_count < MODES ? connector.mode_count : MODES;
    connector.property_count = connector.encoder_count = 0;
    if (DRM(GET_CONNECTOR, connector) < 0 || !connector.mode_count)
        return 0;
    return modes;
}

static void show(const struct mode *mode) {
    if (pixels) {
        call(MUNMAP, (long)pixels, (long)dumb.size, 0, 0, 0, 0);
        DRM(REMOVE_FB, fb.id);
        DRM(DESTROY_DUMB, dumb.handle);
    }
    dumb = (struct dumb){.width = mode->width, .height = mode->height, .bits = 32};
    if (DRM(CREATE_DUMB, dumb) < 0)
        leave("no dumb buffer");
    fb = (struct fb){.width = dumb.width,
                     .height = dumb.height,
                     .pitch = dumb.pitch,
                     .bits = 32,
                     .depth = 24,
                     .handle = dumb.handle};
    struct map map = {.handle = dumb.handle};
    if (DRM(ADD_FB, fb) < 0 || DRM(MAP_DUMB, map) < 0)
        leave("no framebuffer");
    long at = call(MMAP2, 0, (long)dumb.size, PROT_READ_WRITE, MAP_SHARED, card, (long)(map.offset >> 12));
    if (at < 0 && at > -4096)
        leave("no mapping");
    pixels = (u32 *)at;
    struct crtc crtc = {.connectors = (u64)(u32)&connector_id,
                        .connector_count = 1,
                        .id = crtc_id,
                        .fb = fb.id,
                        .mode_valid = 1,
                        .mode = *mode};
    if (DRM(SET_CRTC, crtc) < 0)
        leave("the mode was not set");
    print("GPU size=");
    print_number(mode->width);
    print("x");
    print_number(mode->height);
    print("\n");
}

static void open_card(void) {
    struct resources resources = {0};
    card = (int)call(OPEN, (long)"/dev/dri/card0", O_RDWR, 0, 0, 0, 0);
    if (card < 0)
        leave("no /dev/dri/card0");
    resources.crtcs = (u64)(u32)&crtc_id;
    resources.connectors = (u64)(u32)&connector_id;
    resources.crtc_count = resources.connector_count = 1;
    if (DRM(GET_RESOURCES, resources) < 0)
        leave("no resources");
}

/* A band of white that moves over a slow change of colour; the upper left corner stays red. */
static void draw(u32 number) {
    u32 words = dumb.pitch / 4, band = number * 4 % fb.height;
    for (u32 y = 0; y < fb.height; y++) {
        u32 colour = y - band < 16 ? 0xffffff : (number << 8 & 0xff00) + y / 4;
        u32 *row = pixels + y * words;
        for (u32 x = 0; x < fb.width; x++)
            row[x] = colour;
    }
    for (u32 y = 0; y < 16; y++)
        for (u32 x = 0; x < 16; x++)
            pixels[y * words + x] = 0xff0000;
}

static void run(u32 seconds) {
    u64 started = nanoseconds(), own = own_microseconds(), idle = idle_milliseconds(), due = started;
    u64 end = started + seconds * 1000000000ull;
    u32 frames = 0, slot = 0;
    for (u32 number = 0; due < end; number++) {
        draw(number);
        struct dirty dirty = {.fb = fb.id};
        if (DRM(DIRTY_FB, dirty) < 0)
            leave("the panel was not updated");
        frames++;
        if (number % LOOK_EVERY == LOOK_EVERY - 1) {
            const struct mode *mode = look();
            if (mode && (mode->width != fb.width || mode->height != fb.height))
                show(mode);
        }
        for (slot++; started + (u64)slot * 1000000000ull / HERTZ <= nanoseconds(); slot++)
            ; /* a frame that would come too late is left out */
        due = started + (u64)slot * 1000000000ull / HERTZ;
        sleep_until(due);
    }
    u64 took = nanoseconds() - started;
    print("GPU frames=");
    print_number(frames);
    print(" nanoseconds=");
    print_number(took);
    print(" self_us=");
    print_number(own_microseconds() - own);
    print(" idle_ms=");
    print_number(idle_milliseconds() - idle);
    print("\n");
}

void start(long *stack) {
    u32 seconds = 0;
    for (const char *text = stack[0] > 1 ? (const char *)stack[2] : "10"; *text; text++)
        seconds = seconds * 10 + (u32)(*text - '0');
    open_card();
    const struct mode *mode = look();
    if (!mode)
        leave("no mode");
    show(mode);
    run(seconds);
    call(EXIT, 0, 0, 0, 0, 0, 0);
}

__asm__(".globl _start\n_start: mov r0, sp\n bic sp, sp, #7\n b start\n");
