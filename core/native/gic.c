/* The GIC's state and its CPU interface (GICC, ARM IHI 0048B chapter 4.4); see gic.h for what is left out. */
#include "gic.h"

#include <string.h>

enum {
    GICC_CTLR = 0x000,
    GICC_PMR = 0x004,
    GICC_BPR = 0x008,
    GICC_IAR = 0x00c,
    GICC_EOIR = 0x010,
    GICC_RPR = 0x014,
    GICC_HPPIR = 0x018,
    GICC_ABPR = 0x01c,
    GICC_AIAR = 0x020,
    GICC_AEOIR = 0x024,
    GICC_AHPPIR = 0x028,
    GICC_APR = 0x0d0,
    GICC_NSAPR = 0x0e0,
    GICC_IIDR = 0x0fc,
    GICC_DIR = 0x1000,
};

enum {
    CTLR_ENABLE_GROUP0 = 1 << 0,
    CTLR_ENABLE_GROUP1 = 1 << 1,
    CTLR_ACK_CTL = 1 << 2,
    CTLR_FIQ_ENABLE = 1 << 3,
    CTLR_CBPR = 1 << 4,
    CTLR_EOI_MODE = 1 << 9,
    CTLR_WRITABLE = 0x21f,
};

enum {
    GROUP1_BUT_UNSEEN = 1022, /* a group 1 interrupt is pending, and AckCtl hides it */
    IDLE_PRIORITY = 0x100,
    LEAST_ABPR = 1,
};

static bool test(const uint32_t *bits, unsigned line) {
    return bits[line >> 5] >> (line & 31) & 1;
}

static void assign(uint32_t *bits, unsigned line, bool value) {
    uint32_t bit = 1u << (line & 31);
    bits[line >> 5] = value ? bits[line >> 5] | bit : bits[line >> 5] & ~bit;
}

/* Words of interrupts are mostly empty, so this costs a few nanoseconds. */
static unsigned highest_pending(const struct gic *gic, uint32_t *priority) {
    unsigned best = GIC_NONE;
    *priority = IDLE_PRIORITY;
    for (unsigned word = 0; word < GIC_WORDS; word++) {
        uint32_t candidates = (gic->pending[word] | (gic->level[word] & ~gic->edge[word])) &
                              gic->enabled[word] & ~gic->active[word];
        for (; candidates; candidates &= candidates - 1) {
            unsigned line = word * 32 + (unsigned)__builtin_ctz(candidates);
            if (gic->priority[line] < *priority) {
                *priority = gic->priority[line];
                best = line;
            }
        }
    }
    return best;
}

void gic_update(struct gic *gic) {
    bool irq = false, fiq = false;
    gic->best = GIC_NONE;
    if (gic->distributor_control && gic->control & (CTLR_ENABLE_GROUP0 | CTLR_ENABLE_GROUP1)) {
        uint32_t priority;
        unsigned line = highest_pending(gic, &priority);
        if (priority < gic->priority_mask) {
            gic->best = line;
            unsigned group1 = test(gic->group1, line);
            uint32_t enable = group1 ? CTLR_ENABLE_GROUP1 : CTLR_ENABLE_GROUP0;
            if (priority < gic->running_priority && gic->distributor_control & enable &&
                gic->control & enable) {
                fiq = !group1 && gic->control & CTLR_FIQ_ENABLE;
                irq = !fiq;
            }
        }
    }
    wire_set(&gic->irq, irq);
    wire_set(&gic->fiq, fiq);
}

void gic_set_line(void *device, unsigned line, bool level) {
    struct gic *gic = device;
    if (line < GIC_PPI || line >= GIC_LINES || test(gic->level, line) == level)
        return;
    assign(gic->level, line, level);
    if (level && test(gic->edge, line))
        assign(gic->pending, line, true);
    gic_update(gic);
}

/* The part of a priority that counts for preemption, by the binary point of the interrupt's group. */
static uint32_t group_priority(const struct gic *gic, unsigned line) {
    uint32_t point = gic->binary_point;
    if (test(gic->group1, line) && !(gic->control & CTLR_CBPR))
        point = gic->aliased_binary_point - LEAST_ABPR;
    return gic->priority[line] & ~0u << (point + 1);
}

/* An active priority register has one bit for each of the 128 group priorities. */
static void find_running_priority(struct gic *gic) {
    gic->running_priority = IDLE_PRIORITY;
    for (unsigned word = 0; word < 4; word++) {
        uint32_t bits = gic->active_priority[word] | gic->active_priority_group1[word];
        if (bits) {
            gic->running_priority = (word * 32 + (unsigned)__builtin_ctz(bits)) << 1;
            return;
        }
    }
}

/* What a read of GICC_HPPIR shows, or with `aliased` of GICC_AHPPIR, which sees group 1 alone. */
static unsigned visible(const struct gic *gic, bool aliased) {
    if (gic->best == GIC_NONE)
        return GIC_NONE;
    bool group1 = test(gic->group1, gic->best);
    if (aliased)
        return group1 ? gic->best : GIC_NONE;
    return group1 && !(gic->control & CTLR_ACK_CTL) ? GROUP1_BUT_UNSEEN : gic->best;
}

static uint32_t with_source(const struct gic *gic, unsigned line) {
    if (line >= GIC_SGIS || !gic->sgi_sources[line])
        return line;
    return line | (uint32_t)__builtin_ctz(gic->sgi_sources[line]) << 10;
}

static uint32_t acknowledge(struct gic *gic, bool aliased) {
    unsigned line = visible(gic, aliased);
    if (line >= GIC_LINES)
        return line;
    if (gic->priority[line] >= gic->running_priority)
        return GIC_NONE;
    uint32_t group = group_priority(gic, line);
    uint32_t *active = test(gic->group1, line) ? gic->active_priority_group1 : gic->active_priority;
    active[group >> 6] |= 1u << (group >> 1 & 31);
    gic->running_priority = group;
    assign(gic->active, line, true);
    uint32_t answer = with_source(gic, line);
    if (line < GIC_SGIS) /* stays pending while there are other sources */
        gic->sgi_sources[line] &= gic->sgi_sources[line] - 1;
    if (line >= GIC_SGIS || !gic->sgi_sources[line])
        assign(gic->pending, line, false);
    gic_update(gic);
    return answer;
}

/* GICC_EOIR: drops the running priority and, unless the two are split, deactivates. */
static void end_of_interrupt(struct gic *gic, uint32_t line) {
    if (line >= GIC_LINES || gic->running_priority == IDLE_PRIORITY)
        return;
    uint32_t *active = test(gic->group1, line) ? gic->active_priority_group1 : gic->active_priority;
    for (unsigned word = 0; word < 4; word++)
        if (active[word]) {
            active[word] &= active[word] - 1;
            break;
        }
    find_running_priority(gic);
    if (!(gic->control & CTLR_EOI_MODE))
        assign(gic->active, line, false);
    gic_update(gic);
}

static uint64_t cpu_interface_read(void *device, uint32_t offset, unsigned size) {
    struct gic *gic = device;
    (void)size;
    switch (offset) {
    case GICC_CTLR:
        return gic->control;
    case GICC_PMR:
        return gic->priority_mask;
    case GICC_BPR:
        return gic->binary_point;
    case GICC_IAR:
        return acknowledge(gic, false);
    case GICC_RPR:
        return gic->running_priority == IDLE_PRIORITY ? 0xff : gic->running_priority;
    case GICC_HPPIR:
        return with_source(gic, visible(gic, false));
    case GICC_ABPR:
        return gic->aliased_binary_point;
    case GICC_AIAR:
        return acknowledge(gic, true);
    case GICC_AHPPIR:
        return with_source(gic, visible(gic, true));
    case GICC_APR:
    case GICC_APR + 4:
    case GICC_APR + 8:
    case GICC_APR + 12:
        return gic->active_priority[(offset - GICC_APR) / 4];
    case GICC_NSAPR:
    case GICC_NSAPR + 4:
    case GICC_NSAPR + 8:
    case GICC_NSAPR + 12:
        return gic->active_priority_group1[(offset - GICC_NSAPR) / 4];
    case GICC_IIDR:
        return 0x0002043b; /* GICv2, ARM */
    }
    return 0;
}

static void cpu_interface_write(void *device, uint32_t offset, unsigned size, uint64_t value) {
    struct gic *gic = device;
    (void)size;
    switch (offset) {
    case GICC_CTLR:
        gic->control = value & CTLR_WRITABLE;
        break;
    case GICC_PMR:
        gic->priority_mask = value & 0xff;
        break;
    case GICC_BPR:
        gic->binary_point = value & 7;
        break;
    case GICC_EOIR:
    case GICC_AEOIR:
        end_of_interrupt(gic, value & 0x3ff);
        return;
    case GICC_ABPR:
        gic->aliased_binary_point = (value & 7) < LEAST_ABPR ? LEAST_ABPR : value & 7;
        break;
    case GICC_APR:
    case GICC_APR + 4:
    case GICC_APR + 8:
    case GICC_APR + 12:
        gic->active_priority[(offset - GICC_APR) / 4] = (uint32_t)value;
        find_running_priority(gic);
        break;
    case GICC_NSAPR:
    case GICC_NSAPR + 4:
    case GICC_NSAPR + 8:
    case GICC_NSAPR + 12:
        gic->active_priority_group1[(offset - GICC_NSAPR) / 4] = (uint32_t)value;
        find_running_priority(gic);
        break;
    case GICC_DIR:
        if ((value & 0x3ff) < GIC_LINES && gic->control & CTLR_EOI_MODE)
            assign(gic->active, value & 0x3ff, false);
        break;
    default:
        return;
    }
    gic_update(gic);
}

void gic_init(struct gic *gic, struct wire irq) {
    memset(gic, 0, sizeof *gic);
    gic->irq = irq;
    gic->enabled[0] = gic->edge[0] = 0xffff; /* SGIs are always enabled, and edges */
    gic->aliased_binary_point = LEAST_ABPR;
    gic->running_priority = IDLE_PRIORITY;
    gic->best = GIC_NONE;
}

static void gic_reset(void *device) {
    struct gic *gic = device;
    struct gic before = *gic;
    gic_init(gic, before.irq);
    gic->fiq = before.fiq;
    memcpy(gic->level, before.level, sizeof gic->level); /* the lines belong to the devices */
    gic_update(gic);
}

static bool gic_restored(void *device) {
    struct gic *gic = device;
    if (gic->distributor_control & ~3u || gic->control & ~(uint32_t)CTLR_WRITABLE ||
        gic->priority_mask > 0xff || gic->binary_point > 7 || gic->aliased_binary_point > 7 ||
        gic->aliased_binary_point < LEAST_ABPR)
        return false;
    find_running_priority(gic);
    gic_update(gic);
    return true;
}

static const struct state_field fields[] = {
    STATE_ARRAY(struct gic, enabled),
    STATE_ARRAY(struct gic, pending),
    STATE_ARRAY(struct gic, active),
    STATE_ARRAY(struct gic, level),
    STATE_ARRAY(struct gic, edge),
    STATE_ARRAY(struct gic, group1),
    STATE_ARRAY(struct gic, priority),
    STATE_ARRAY(struct gic, sgi_sources),
    STATE_FIELD(struct gic, distributor_control),
    STATE_FIELD(struct gic, control),
    STATE_FIELD(struct gic, priority_mask),
    STATE_FIELD(struct gic, binary_point),
    STATE_FIELD(struct gic, aliased_binary_point),
    STATE_ARRAY(struct gic, active_priority),
    STATE_ARRAY(struct gic, active_priority_group1),
    STATE_END,
};

const struct device_ops gic_distributor_ops = {
    .name = "gic",
    .read = gic_distributor_read,
    .write = gic_distributor_write,
    .reset = gic_reset,
    .fields = fields,
    .restored = gic_restored,
};
const struct device_ops gic_cpu_interface_ops = {
    .name = "gic-cpu",
    .read = cpu_interface_read,
    .write = cpu_interface_write,
};
