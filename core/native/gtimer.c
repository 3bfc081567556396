/* The ARM generic timer; see gtimer.h for what is left out. */
#include "gtimer.h"

#include <string.h>

enum { CTL_ENABLE = 1 << 0, CTL_IMASK = 1 << 1, CTL_ISTATUS = 1 << 2 };
enum { /* CNTKCTL: what user mode may touch */
       PL0PCTEN = 1 << 0,
       PL0VCTEN = 1 << 1,
       PL0VTEN = 1 << 8,
       PL0PTEN = 1 << 9,
};

/* CRm of the 32-bit registers under CRn 14. */
enum { CRM_CNTFRQ = 0, CRM_CNTKCTL = 1, CRM_CNTP = 2, CRM_CNTV = 3 };
/* opc1 of the 64-bit registers under CRm 14. */
enum { OPC1_CNTPCT = 0, OPC1_CNTVCT = 1, OPC1_CNTP_CVAL = 2, OPC1_CNTV_CVAL = 3 };

static bool met(const struct gtimer *timer, unsigned which, uint64_t now_ns) {
    return timer->control[which] & CTL_ENABLE && now_ns / GTIMER_TICK_NS >= timer->compare[which];
}

void gtimer_update(struct gtimer *timer, uint64_t now_ns) {
    for (unsigned which = 0; which < 2; which++)
        wire_set(&timer->lines[which], met(timer, which, now_ns) && !(timer->control[which] & CTL_IMASK));
}

uint64_t gtimer_deadline(const struct gtimer *timer, uint64_t now_ns) {
    uint64_t first = UINT64_MAX;
    for (unsigned which = 0; which < 2; which++) {
        if ((timer->control[which] & (CTL_ENABLE | CTL_IMASK)) != CTL_ENABLE || met(timer, which, now_ns) ||
            timer->compare[which] > UINT64_MAX / GTIMER_TICK_NS)
            continue;
        uint64_t at = timer->compare[which] * GTIMER_TICK_NS;
        first = at < first ? at : first;
    }
    return first;
}

static bool allowed(const struct gtimer *timer, bool privileged, uint32_t user_bits) {
    return privileged || timer->kernel_control & user_bits;
}

static bool read64(const struct gtimer *timer, uint64_t count, unsigned opc1, bool privileged,
                   uint64_t *value) {
    static const uint32_t user_bits[] = {PL0PCTEN, PL0VCTEN, PL0PTEN, PL0VTEN};
    if (opc1 > OPC1_CNTV_CVAL || !allowed(timer, privileged, user_bits[opc1]))
        return false;
    *value = opc1 <= OPC1_CNTVCT ? count : timer->compare[opc1 - OPC1_CNTP_CVAL];
    return true;
}

bool gtimer_read(struct gtimer *timer, uint64_t now_ns, const struct cp_register *reg, bool privileged,
                 uint64_t *value) {
    uint64_t count = now_ns / GTIMER_TICK_NS;
    if (reg->coprocessor != 15)
        return false;
    if (reg->is64)
        return reg->crm == 14 && read64(timer, count, reg->opc1, privileged, value);
    if (reg->crn != 14 || reg->opc1 != 0)
        return false;
    if (reg->crm == CRM_CNTFRQ && reg->opc2 == 0) {
        *value = timer->frequency;
        return allowed(timer, privileged, PL0PCTEN | PL0VCTEN);
    }
    if (reg->crm == CRM_CNTKCTL && reg->opc2 == 0) {
        *value = timer->kernel_control;
        return privileged;
    }
    if ((reg->crm != CRM_CNTP && reg->crm != CRM_CNTV) || reg->opc2 > 1)
        return false;
    unsigned which = reg->crm == CRM_CNTP ? GTIMER_PHYSICAL : GTIMER_VIRTUAL;
    if (reg->opc2 == 0) /* TVAL */
        *value = (uint32_t)(timer->compare[which] - count);
    else
        *value = timer->control[which] | (met(timer, which, now_ns) ? CTL_ISTATUS : 0);
    return allowed(timer, privileged, which == GTIMER_PHYSICAL ? PL0PTEN : PL0VTEN);
}

bool gtimer_write(struct gtimer *timer, uint64_t now_ns, const struct cp_register *reg, bool privileged,
                  uint64_t value) {
    uint64_t count = now_ns / GTIMER_TICK_NS;
    if (reg->coprocessor != 15)
        return false;
    unsigned which;
    if (reg->is64) {
        if (reg->crm != 14 || (reg->opc1 != OPC1_CNTP_CVAL && reg->opc1 != OPC1_CNTV_CVAL))
            return false;
        which = reg->opc1 == OPC1_CNTP_CVAL ? GTIMER_PHYSICAL : GTIMER_VIRTUAL;
    } else {
        if (reg->crn != 14 || reg->opc1 != 0)
            return false;
        if (reg->crm <= CRM_CNTKCTL && reg->opc2 == 0) {
            if (privileged)
                *(reg->crm == CRM_CNTFRQ ? &timer->frequency : &timer->kernel_control) = (uint32_t)value;
            return privileged;
        }
        if ((reg->crm != CRM_CNTP && reg->crm != CRM_CNTV) || reg->opc2 > 1)
            return false;
        which = reg->crm == CRM_CNTP ? GTIMER_PHYSICAL : GTIMER_VIRTUAL;
    }
    if (!allowed(timer, privileged, which == GTIMER_PHYSICAL ? PL0PTEN : PL0VTEN))
        return false;
    if (reg->is64)
        timer->compare[which] = value;
    else if (reg->opc2 == 0) /* TVAL is signed */
        timer->compare[which] = count + (uint64_t)(int64_t)(int32_t)value;
    else
        timer->control[which] = value & (CTL_ENABLE | CTL_IMASK);
    gtimer_update(timer, now_ns);
    return true;
}

void gtimer_init(struct gtimer *timer, struct wire physical, struct wire virtual_line) {
    memset(timer, 0, sizeof *timer);
    timer->frequency = GTIMER_HZ;
    timer->lines[GTIMER_PHYSICAL] = physical;
    timer->lines[GTIMER_VIRTUAL] = virtual_line;
}

static void gtimer_reset(void *device) {
    struct gtimer *timer = device;
    gtimer_init(timer, timer->lines[GTIMER_PHYSICAL], timer->lines[GTIMER_VIRTUAL]);
    gtimer_update(timer, 0);
}

static bool gtimer_restored(void *device) {
    struct gtimer *timer = device;
    return ((timer->control[0] | timer->control[1]) & ~(uint32_t)(CTL_ENABLE | CTL_IMASK)) == 0;
}

static const struct state_field fields[] = {
    STATE_ARRAY(struct gtimer, compare),
    STATE_ARRAY(struct gtimer, control),
    STATE_FIELD(struct gtimer, frequency),
    STATE_FIELD(struct gtimer, kernel_control),
    STATE_END,
};

const struct device_ops gtimer_ops = {
    .name = "gtimer",
    .reset = gtimer_reset,
    .fields = fields,
    .restored = gtimer_restored,
};
