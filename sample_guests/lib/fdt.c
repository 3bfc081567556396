/* Leaves out: phandles, ranges (the board's are all one to one), more than the first entry of `reg`. */
#include "fdt.h"
#include "text.h"

enum { MAGIC = 0xd00dfeed, BEGIN_NODE = 1, END_NODE = 2, PROPERTY = 3, NOP = 4, END = 9 };

static const uint8_t *tree;

static uint32_t big32(const void *at) {
    const uint8_t *byte = at;
    return (uint32_t)byte[0] << 24 | byte[1] << 16 | byte[2] << 8 | byte[3];
}

static uint32_t header(unsigned word) {
    return big32(tree + 4 * word);
}
static const uint8_t *structure(void) {
    return tree + header(2);
}
static const char *strings(void) {
    return (const char *)tree + header(3);
}
static const char *node_name(int node) {
    return (const char *)structure() + node;
}

bool fdt_open(const void *at) {
    if (!at || (uintptr_t)at & 3 || big32(at) != MAGIC)
        return false;
    tree = at;
    return true;
}

uint32_t fdt_bytes(void) {
    return header(1);
}

/* The offset behind the token at `at`. */
static int skip(int at) {
    const uint8_t *token = structure() + at;
    switch (big32(token)) {
    case BEGIN_NODE:
        return at + 4 + (int)((text_length((const char *)token + 4) + 4) & ~3u);
    case PROPERTY:
        return at + 12 + (int)((big32(token + 4) + 3) & ~3u);
    default:
        return at + 4;
    }
}

int fdt_next(int node, int *depth) {
    int at = node < 0 ? 0 : skip(node - 4);
    for (;; at = skip(at)) {
        switch (big32(structure() + at)) {
        case BEGIN_NODE:
            *depth += 1;
            return at + 4;
        case END_NODE:
            *depth -= 1;
            break;
        case END:
            return -1;
        }
    }
}

const void *fdt_property(int node, const char *name, uint32_t *bytes) {
    for (int at = skip(node - 4);; at = skip(at)) {
        const uint8_t *token = structure() + at;
        uint32_t kind = big32(token);
        if (kind != PROPERTY && kind != NOP)
            return NULL;
        if (kind == PROPERTY && text_equal(strings() + big32(token + 8), name)) {
            if (bytes)
                *bytes = big32(token + 4);
            return token + 12;
        }
    }
}

uint32_t fdt_cell(int node, const char *name, unsigned index, uint32_t otherwise) {
    uint32_t bytes = 0;
    const uint8_t *value = fdt_property(node, name, &bytes);
    return value && bytes >= 4 * index + 4 ? big32(value + 4 * index) : otherwise;
}

uint32_t fdt_u32(int node, const char *name, uint32_t otherwise) {
    return fdt_cell(node, name, 0, otherwise);
}

static bool property_lists(int node, const char *property, const char *wanted) {
    uint32_t bytes = 0;
    const char *value = fdt_property(node, property, &bytes);
    for (uint32_t at = 0; value && at < bytes; at += text_length(value + at) + 1)
        if (text_equal(value + at, wanted))
            return true;
    return false;
}

int fdt_compatible(int after, const char *compatible) {
    int depth = 0, node = after;
    while ((node = fdt_next(node, &depth)) >= 0 && !property_lists(node, "compatible", compatible))
        ;
    return node;
}

int fdt_typed(int after, const char *device_type) {
    int depth = 0, node = after;
    while ((node = fdt_next(node, &depth)) >= 0 && !property_lists(node, "device_type", device_type))
        ;
    return node;
}

int fdt_named(int after, const char *name) {
    int depth = 0, node = after;
    uint32_t length = text_length(name);
    while ((node = fdt_next(node, &depth)) >= 0) {
        const char *found = node_name(node);
        if (text_starts(found, name) && (found[length] == 0 || found[length] == '@'))
            break;
    }
    return node;
}

static int parent(int wanted) {
    int path[16] = {-1}, depth = 0, node = -1;
    while ((node = fdt_next(node, &depth)) >= 0 && depth < 16) {
        path[depth] = node;
        if (node == wanted)
            return depth > 1 ? path[depth - 1] : -1;
    }
    return -1;
}

bool fdt_region(int node, uint64_t *base, uint64_t *bytes) {
    int above = parent(node);
    unsigned address_cells = above < 0 ? 2 : fdt_u32(above, "#address-cells", 2);
    unsigned size_cells = above < 0 ? 1 : fdt_u32(above, "#size-cells", 1);
    uint32_t length = 0;
    const uint8_t *value = fdt_property(node, "reg", &length);
    if (!value || length < 4 * (address_cells + size_cells))
        return false;
    uint64_t number[2] = {0, 0};
    for (unsigned i = 0; i < address_cells + size_cells; i++) {
        uint64_t *into = &number[i >= address_cells];
        *into = *into << 32 | big32(value + 4 * i);
    }
    *base = number[0];
    *bytes = number[1];
    return true;
}
