/* The smallest useful guest: it paints the panel, echoes the console and marks where it is touched.
 * README.md goes through it. It leaves out what ../lib has: MMU, abort reports, fonts, a timer. */
#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))
enum { TREE = 0x40000000, UART = 0x09000000, VIRTIO = 0x0a000000, GICD = 0x08000000, GICC = 0x08010000 };

/* The device tree: a value of the first node that has `beside` = `text` in it (`index` counts 32-bit cells).
 */
static uint32_t big(const void *at) {
    return __builtin_bswap32(*(const uint32_t *)at);
}

static int same(const char *a, const char *b) {
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

static uint32_t tree_value(const char *compatible, const char *name, int index) {
    const char *at = (const char *)TREE + big((void *)(TREE + 8)),
               *names = (const char *)TREE + big((void *)(TREE + 12));
    uint32_t value = 0, inside = 0, found = 0;
    for (;;) {
        uint32_t token = big(at);
        at += 4;
        if (token == 1) { /* a node begins */
            value = inside = found = 0;
            while (*at++)
                ;
            at = (const char *)(((uintptr_t)at + 3) & ~(uintptr_t)3);
        } else if (token == 3) { /* a property: length, name, value */
            const char *data = at + 8, *is = names + big(at + 4);
            inside |= same(is, "compatible") && same(data, compatible);
            if (same(is, name)) {
                value = big(data + 4 * index);
                found = 1;
            }
            at = data + ((big(at) + 3) & ~3u);
        } else if (token == 9) {
            return 0;
        }
        if (inside && found)
            return value;
    }
}

/* The console: a PL011. */
static void put(char character) {
    REGISTER(UART) = (uint8_t)character;
}

static void print(const char *text) {
    while (*text)
        put(*text++);
}

/* The panel: 32 bits a pixel. */
static uint32_t *pixels, width, height, stride;

static void paint(uint32_t x, uint32_t y, uint32_t w, uint32_t h, uint32_t color) {
    for (uint32_t row = y; row < y + h && row < height; row++)
        for (uint32_t column = x; column < x + w && column < width; column++)
            pixels[row * stride + column] = color;
}

/* The touch screen: virtio-input. The device fills `events` and says so in `used`. */
enum { QUEUE = 16 };
static struct {
    uint64_t address;
    uint32_t bytes;
    uint16_t flags, next;
} descriptors[QUEUE] __attribute__((aligned(16)));
static struct {
    uint16_t flags;
    volatile uint16_t index;
    uint16_t ring[QUEUE + 1];
} available;
static struct {
    uint16_t flags;
    volatile uint16_t index;
    struct {
        uint32_t id, bytes;
    } ring[QUEUE];
} used __attribute__((aligned(4)));
static struct {
    uint16_t type, code;
    uint32_t value;
} events[QUEUE];
static uint32_t touch_screen, touch_irq;

static void touch_start(void) {
    for (uint32_t slot = 0; slot < 32 && !touch_screen; slot++) {
        uint32_t base = VIRTIO + slot * 0x200;
        *(volatile uint8_t *)(base + 0x100) = 0x11; /* which events of ... */
        *(volatile uint8_t *)(base + 0x101) = 3;    /* ... the kind ABS: a keyboard has none */
        if (REGISTER(base + 8) == 18 && *(volatile uint8_t *)(base + 0x102)) {
            touch_screen = base;
            touch_irq = 48 + slot;
        }
    }
    if (!touch_screen)
        return;
    static const uint16_t steps[][2] = {{0x70, 0},  {0x70, 3}, {0x24, 1},    {0x20, 1},
                                        {0x70, 11}, {0x30, 0}, {0x38, QUEUE}};
    for (int i = 0; i < 7; i++) /* reset, here is a driver, features: version 1, agreed, queue 0, its size */
        REGISTER(touch_screen + steps[i][0]) = steps[i][1];
    for (uint16_t i = 0; i < QUEUE; i++) {
        descriptors[i].address = (uint32_t)&events[i];
        descriptors[i].bytes = 8;
        descriptors[i].flags = 2; /* the device writes */
        available.ring[i] = i;
    }
    available.index = QUEUE;
    REGISTER(touch_screen + 0x80) = (uint32_t)descriptors;
    REGISTER(touch_screen + 0x90) = (uint32_t)&available;
    REGISTER(touch_screen + 0xa0) = (uint32_t)&used;
    REGISTER(touch_screen + 0x44) = 1;  /* the queue is ready */
    REGISTER(touch_screen + 0x70) = 15; /* and so is the driver */
}

static void touch_take(void) {
    static uint16_t seen;
    static uint32_t x, y;
    REGISTER(touch_screen + 0x64) = REGISTER(touch_screen + 0x60); /* the interrupt is seen */
    for (; seen != used.index; seen++) {
        uint32_t id = used.ring[seen % QUEUE].id % QUEUE;
        if (events[id].type == 3 && events[id].code == 0x35) /* ABS_MT_POSITION_X, _Y */
            x = events[id].value;
        if (events[id].type == 3 && events[id].code == 0x36)
            y = events[id].value;
        if (events[id].type == 0 && x > 15 && y > 15) /* all of it is there */
            paint(x - 16, y - 16, 32, 32, 0xffb300);
        available.ring[available.index % QUEUE] = (uint16_t)id;
        available.index++;
    }
    REGISTER(touch_screen + 0x50) = 0; /* the buffers can be filled again */
}

int main(void) {
    pixels = (uint32_t *)tree_value("simple-framebuffer", "reg", 1);
    width = tree_value("simple-framebuffer", "width", 0);
    height = tree_value("simple-framebuffer", "height", 0);
    stride = tree_value("simple-framebuffer", "stride", 0) / 4;
    for (uint32_t y = 0; y < height; y++)
        paint(0, y, width, 1, (0x20 + y * 0x60 / height) << 8 | (0x40 + y * 0x80 / height));
    touch_start();
    REGISTER(UART + 0x30) = 0x301; /* on, to send and to receive */
    REGISTER(UART + 0x38) = 0x50;  /* an interrupt for what is received */
    REGISTER(GICD + 0x104) = 1 << 1;
    REGISTER(GICD + 0x100 + touch_irq / 32 * 4) = 1u << touch_irq % 32;
    REGISTER(GICC + 4) = 0xff;
    REGISTER(GICC) = REGISTER(GICD) = 1;
    print("template: type something, touch the panel; q powers off\r\n");
    for (;;) {
        __asm__ volatile("wfi"); /* until an interrupt is pending */
        uint32_t irq = REGISTER(GICC + 0x0c);
        if (irq == touch_irq && touch_screen)
            touch_take();
        while (!(REGISTER(UART + 0x18) & 0x10)) { /* not empty */
            char character = (char)REGISTER(UART);
            put(character);
            if (character == '\r')
                put('\n');
            if (character == 'q')
                return 0; /* start.S powers off */
        }
        REGISTER(GICC + 0x10) = irq;
    }
}
