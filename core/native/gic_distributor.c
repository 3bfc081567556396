/* The GIC's distributor (GICD, ARM IHI 0048B chapter 4.3); see gic.h for what is left out.
 * All registers may be accessed as words, halfwords or bytes, like QEMU's; GICD_SGIR as a word alone. */
#include "gic.h"

enum {
    GICD_CTLR = 0x000,
    GICD_TYPER = 0x004,
    GICD_IIDR = 0x008,
    GICD_IGROUPR = 0x080,
    GICD_ISENABLER = 0x100,
    GICD_ICENABLER = 0x180,
    GICD_ISPENDR = 0x200,
    GICD_ICPENDR = 0x280,
    GICD_ISACTIVER = 0x300,
    GICD_ICACTIVER = 0x380,
    GICD_IPRIORITYR = 0x400,
    GICD_ITARGETSR = 0x800,
    GICD_ICFGR = 0xc00,
    GICD_SGIR = 0xf00,
    GICD_CPENDSGIR = 0xf10,
    GICD_SPENDSGIR = 0xf20,
    GICD_ID = 0xfd0, /* peripheral and component identification */
};

static const uint8_t identification[12] = {0x04, 0, 0, 0, 0x90, 0xb4, 0x2b, 0, 0x0d, 0xf0, 0x05, 0xb1};

/* The word of a register with one bit for each interrupt that holds `offset`; GIC_WORDS where there is none.
 */
static unsigned bit_word(uint32_t offset) {
    unsigned word = (offset & 0x7f) >> 2;
    return word < GIC_WORDS ? word : GIC_WORDS;
}

/* Bits 2n+1 of GICD_ICFGR say edge; bits 2n read as zero. */
static uint32_t configuration(const struct gic *gic, unsigned word) {
    uint32_t edges = gic->edge[word / 2] >> (word & 1) * 16 & 0xffff, value = 0;
    for (unsigned line = 0; line < 16; line++)
        value |= (edges >> line & 1) << (line * 2 + 1);
    return value;
}

static void configure(struct gic *gic, unsigned word, uint32_t value) {
    uint32_t edges = 0;
    for (unsigned line = 0; line < 16; line++)
        edges |= (value >> (line * 2 + 1) & 1) << line;
    unsigned shift = (word & 1) * 16;
    if (word) /* those of the SGIs are fixed */
        gic->edge[word / 2] = (gic->edge[word / 2] & ~(0xffffu << shift)) | edges << shift;
}

static uint32_t bytes_at(const uint8_t *bytes, uint32_t index) {
    return bytes[index] | (uint32_t)bytes[index + 1] << 8 | (uint32_t)bytes[index + 2] << 16 |
           (uint32_t)bytes[index + 3] << 24;
}

/* The whole register at an aligned offset. */
static uint32_t read_word(const struct gic *gic, uint32_t offset) {
    unsigned word = bit_word(offset);
    if (offset < GICD_IGROUPR) {
        switch (offset) {
        case GICD_CTLR:
            return gic->distributor_control;
        case GICD_TYPER:
            return GIC_LINES / 32 - 1;
        case GICD_IIDR:
            return 0x43b; /* ARM */
        }
        return 0;
    }
    if (offset < GICD_IPRIORITYR) {
        if (word == GIC_WORDS)
            return 0;
        switch (offset & ~0x7fu) {
        case GICD_IGROUPR:
            return gic->group1[word];
        case GICD_ISENABLER:
        case GICD_ICENABLER:
            return gic->enabled[word];
        case GICD_ISPENDR:
        case GICD_ICPENDR:
            return gic->pending[word] | (gic->level[word] & ~gic->edge[word]);
        default:
            return gic->active[word];
        }
    }
    if (offset < GICD_IPRIORITYR + GIC_LINES)
        return bytes_at(gic->priority, offset - GICD_IPRIORITYR);
    /* GICD_ITARGETSR reads as zero where there is one CPU. */
    if (offset >= GICD_ICFGR && offset < GICD_ICFGR + GIC_LINES / 4)
        return configuration(gic, (offset - GICD_ICFGR) / 4);
    if (offset >= GICD_CPENDSGIR && offset < GICD_SPENDSGIR + GIC_SGIS)
        return bytes_at(gic->sgi_sources, offset & 0xf);
    if (offset >= GICD_ID) {
        return identification[(offset - GICD_ID) / 4];
    }
    return 0;
}

uint64_t gic_distributor_read(void *device, uint32_t offset, unsigned size) {
    uint32_t value = read_word(device, offset & ~3u) >> (offset & 3) * 8;
    return size >= 4 ? value : value & ((1u << size * 8) - 1);
}

/* GICD_SGIR: the one CPU may be named in the list, or mean itself. */
static void send_sgi(struct gic *gic, uint32_t value) {
    unsigned filter = value >> 24 & 3, line = value & 0xf;
    bool here = filter == 2 || filter == 3 || (filter == 0 && value >> 16 & 1);
    if (!here)
        return;
    gic->pending[0] |= 1u << line;
    gic->sgi_sources[line] |= 1;
}

static void write_sgi_pending(struct gic *gic, uint32_t offset, uint8_t sources) {
    unsigned line = offset & 0xf;
    if (offset >= GICD_SPENDSGIR)
        gic->sgi_sources[line] |= sources;
    else
        gic->sgi_sources[line] &= (uint8_t)~sources;
    gic->pending[0] &= ~(1u << line);
    gic->pending[0] |= (uint32_t)(gic->sgi_sources[line] != 0) << line;
}

/* A register in which a set bit acts and a clear one does not: bytes that are not written are zeros. */
static void write_bits(struct gic *gic, uint32_t offset, uint32_t bits) {
    unsigned word = bit_word(offset);
    if (word == GIC_WORDS)
        return;
    uint32_t but_sgis = word ? bits : bits & ~0xffffu;
    switch (offset & ~0x7fu) {
    case GICD_ISENABLER:
        gic->enabled[word] |= bits;
        break;
    case GICD_ICENABLER:
        gic->enabled[word] &= ~but_sgis;
        break;
    case GICD_ISPENDR:
        gic->pending[word] |= but_sgis;
        break;
    case GICD_ICPENDR:
        gic->pending[word] &= ~but_sgis;
        break;
    case GICD_ISACTIVER:
        gic->active[word] |= bits;
        break;
    case GICD_ICACTIVER:
        gic->active[word] &= ~bits;
        break;
    }
}

void gic_distributor_write(void *device, uint32_t offset, unsigned size, uint64_t value) {
    struct gic *gic = device;
    uint32_t word = offset & ~3u, shift = (offset & 3) * 8;
    uint32_t mask = (size >= 4 ? ~0u : (1u << size * 8) - 1) << shift;
    uint32_t bits = (uint32_t)value << shift & mask;
    if (word >= GICD_ISENABLER && word < GICD_IPRIORITYR) {
        write_bits(gic, word, bits);
    } else if (word == GICD_CTLR) {
        gic->distributor_control = (gic->distributor_control & ~mask) | (bits & 3);
        gic->distributor_control &= 3;
    } else if (word >= GICD_IGROUPR && word < GICD_ISENABLER) {
        if (bit_word(word) < GIC_WORDS)
            gic->group1[bit_word(word)] = (gic->group1[bit_word(word)] & ~mask) | bits;
    } else if (word >= GICD_IPRIORITYR && word < GICD_IPRIORITYR + GIC_LINES) {
        for (unsigned byte = 0; byte < 4; byte++)
            if (mask >> byte * 8 & 1)
                gic->priority[word - GICD_IPRIORITYR + byte] = (uint8_t)(bits >> byte * 8);
    } else if (word >= GICD_ICFGR && word < GICD_ICFGR + GIC_LINES / 4) {
        unsigned index = (word - GICD_ICFGR) / 4;
        configure(gic, index, (configuration(gic, index) & ~mask) | bits);
    } else if (offset == GICD_SGIR && size == 4) {
        send_sgi(gic, bits);
    } else if (word >= GICD_CPENDSGIR && word < GICD_SPENDSGIR + GIC_SGIS) {
        for (unsigned byte = 0; byte < 4; byte++)
            if (mask >> byte * 8 & 1)
                write_sgi_pending(gic, word + byte, (uint8_t)(bits >> byte * 8));
    } else {
        return;
    }
    gic_update(gic);
}
