/* Damage of the framebuffer, and its way through the status page. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "framebuffer.h"
#include "status.h"

enum { WIDTH = 480, HEIGHT = 800, STRIDE = 1920, SIZE = WIDTH * HEIGHT * 4 };

static _Alignas(4096) uint32_t pixels[WIDTH * HEIGHT];
static struct framebuffer framebuffer;
static uint16_t found[FRAMEBUFFER_RECTANGLES][4];

static void fresh(void) {
    framebuffer_free(&framebuffer);
    memset(pixels, 0, sizeof pixels);
    CHECK(framebuffer_init(&framebuffer, (uint8_t *)pixels, SIZE, WIDTH, HEIGHT, STRIDE));
    CHECK_EQUAL(framebuffer_damage(&framebuffer, found), 0);
}

/* A guest draws, and the vCPU marks the pages. */
static void draw(unsigned x0, unsigned y0, unsigned x1, unsigned y1, uint32_t colour) {
    for (unsigned y = y0; y < y1; y++)
        for (unsigned x = x0; x < x1; x++) {
            size_t page = (y * WIDTH + x) * 4 / FRAMEBUFFER_PAGE;
            pixels[y * WIDTH + x] = colour;
            framebuffer.dirty[page >> 3] |= (uint8_t)(1u << (page & 7));
        }
}

static bool is(unsigned index, unsigned x0, unsigned y0, unsigned x1, unsigned y1) {
    const uint16_t *rectangle = found[index];
    if (rectangle[0] == x0 && rectangle[1] == y0 && rectangle[2] == x1 && rectangle[3] == y1)
        return true;
    fprintf(stderr, "rectangle %u is %u,%u %u,%u\n", index, rectangle[0], rectangle[1], rectangle[2],
            rectangle[3]);
    return false;
}

static void test_a_rectangle_is_exact(void) {
    fresh();
    draw(100, 200, 164, 264, 0xff00ff);
    CHECK_EQUAL(framebuffer_damage(&framebuffer, found), 1);
    CHECK(is(0, 100, 200, 164, 264));
    CHECK_EQUAL(framebuffer_damage(&framebuffer, found), 0); /* once */
    draw(0, 0, WIDTH, HEIGHT, 0x123456);
    CHECK_EQUAL(framebuffer_damage(&framebuffer, found), 1);
    CHECK(is(0, 0, 0, WIDTH, HEIGHT));
    draw(479, 799, 480, 800, 1);
    CHECK_EQUAL(framebuffer_damage(&framebuffer, found), 1);
    CHECK(is(0, 479, 799, 480, 800));
}

static void test_drawing_the_same_is_no_damage(void) {
    fresh();
    draw(10, 10, 20, 20, 7);
    framebuffer_damage(&framebuffer, found);
    draw(0, 0, 200, 100, 0);
    draw(10, 10, 20, 20, 7);
    CHECK_EQUAL(framebuffer_damage(&framebuffer, found), 0);
    draw(12, 12, 13, 13, 8); /* one pixel of a whole page */
    CHECK_EQUAL(framebuffer_damage(&framebuffer, found), 1);
    CHECK(is(0, 12, 12, 13, 13));
}

static void test_far_apart_stays_apart(void) {
    fresh();
    draw(0, 0, 40, 40, 1);
    draw(400, 700, 480, 720, 2);
    CHECK_EQUAL(framebuffer_damage(&framebuffer, found), 2);
    CHECK(is(0, 0, 0, 40, 40));
    CHECK(is(1, 400, 700, 480, 720));
    for (unsigned index = 0; index < 10; index++) /* more than there is room for */
        draw(10, index * 50, 30, index * 50 + 5, 3);
    CHECK_EQUAL(framebuffer_damage(&framebuffer, found), FRAMEBUFFER_RECTANGLES);
    CHECK(is(0, 10, 0, 30, 5));
    CHECK(is(3, 10, 150, 30, 455));
}

static void test_padding_at_the_end_of_a_row_is_not_seen(void) {
    framebuffer_free(&framebuffer);
    memset(pixels, 0, sizeof pixels);
    CHECK(framebuffer_init(&framebuffer, (uint8_t *)pixels, SIZE, 100, 100, STRIDE));
    framebuffer_damage(&framebuffer, found);
    draw(100, 5, 200, 6, 9);
    CHECK_EQUAL(framebuffer_damage(&framebuffer, found), 0);
    draw(0, 300, 10, 301, 9); /* below the last row */
    CHECK_EQUAL(framebuffer_damage(&framebuffer, found), 0);
    draw(99, 5, 101, 6, 10);
    CHECK_EQUAL(framebuffer_damage(&framebuffer, found), 1);
    CHECK(is(0, 99, 5, 100, 6));
}

static void test_all_is_damage_when_it_was_restored(void) {
    fresh();
    draw(5, 5, 6, 6, 1);
    framebuffer_damage(&framebuffer, found);
    pixels[WIDTH * 10 + 3] = 5; /* restored, say */
    CHECK_EQUAL(framebuffer_damage(&framebuffer, found), 0);
    framebuffer_show_all(&framebuffer);
    CHECK_EQUAL(framebuffer_damage(&framebuffer, found), 1);
    CHECK(is(0, 0, 0, WIDTH, HEIGHT));
    CHECK_EQUAL(framebuffer_damage(&framebuffer, found), 0);
    /* What changes after it is known by the page at first, then exactly. */
    draw(3, 10, 4, 11, 6);
    CHECK_EQUAL(framebuffer_damage(&framebuffer, found), 1);
    CHECK(is(0, 0, 8, WIDTH, 11));
    draw(3, 10, 4, 11, 7);
    CHECK_EQUAL(framebuffer_damage(&framebuffer, found), 1);
    CHECK(is(0, 3, 10, 4, 11));
}

static void test_impossible_measures(void) {
    struct framebuffer other;
    const uint8_t *memory = (const uint8_t *)pixels;
    CHECK(!framebuffer_init(&other, memory, SIZE, 0, HEIGHT, STRIDE));
    CHECK(!framebuffer_init(&other, memory, SIZE, WIDTH, 0, STRIDE));
    CHECK(!framebuffer_init(&other, memory, SIZE, WIDTH, HEIGHT, STRIDE - 4));
    CHECK(!framebuffer_init(&other, memory, SIZE, WIDTH, HEIGHT + 1, STRIDE));
    CHECK(!framebuffer_init(&other, memory, SIZE, FRAMEBUFFER_SIDE_MAX + 1, 1, 65536));
}

static void test_the_status_page_carries_it(void) {
    int fd = memfd_create("status", 0);
    CHECK(!status_open(fd)); /* too small */
    CHECK(ftruncate(fd, STATUS_SIZE) == 0);
    struct status_page *page = status_open(fd);
    CHECK(page);
    CHECK_EQUAL(page->magic, STATUS_MAGIC);
    static const uint16_t rectangles[2][4] = {{1, 2, 3, 4}, {5, 6, 7, 8}};
    for (unsigned count = 0; count < 40; count++)
        status_publish(page, rectangles, 2, 1000 + count);
    CHECK_EQUAL(page->damage_sequence, 80);
    CHECK_EQUAL(page->published_ns, 1039);
    CHECK_EQUAL(page->damage[80 % STATUS_DAMAGE].sequence, 80);
    CHECK_EQUAL(page->damage[80 % STATUS_DAMAGE].x0, 5);
    CHECK_EQUAL(page->damage[79 % STATUS_DAMAGE].y1, 4);
    CHECK_EQUAL(page->damage[17 % STATUS_DAMAGE].sequence, 17); /* the oldest that is left */
    status_close(page);
    close(fd);
}

int main(void) {
    test_a_rectangle_is_exact();
    test_drawing_the_same_is_no_damage();
    test_far_apart_stays_apart();
    test_padding_at_the_end_of_a_row_is_not_seen();
    test_all_is_damage_when_it_was_restored();
    test_impossible_measures();
    test_the_status_page_carries_it();
    framebuffer_free(&framebuffer);
    return 0;
}
