/* PSCI 1.1 (ARM DEN 0022D) for one CPU, by HVC or SMC, as QEMU's virt answers it.
 *
 * Left out: SYSTEM_SUSPEND and the other optional functions but SYSTEM_RESET2, those of 64-bit callers, SMCCC
 * beyond saying that it is not there. A suspended CPU keeps its state, whatever power state was asked for.
 */
#include "machine_private.h"

enum {
    PSCI_VERSION = 0x84000000,
    CPU_SUSPEND = 0x84000001,
    CPU_OFF = 0x84000002,
    CPU_ON = 0x84000003,
    AFFINITY_INFO = 0x84000004,
    MIGRATE_INFO_TYPE = 0x84000006,
    SYSTEM_OFF = 0x84000008,
    SYSTEM_RESET = 0x84000009,
    PSCI_FEATURES = 0x8400000a,
    SYSTEM_RESET2 = 0x84000012,
    /* PSCI 0.1, where the device tree names the numbers; these are QEMU's. */
    CPU_SUSPEND_0_1 = 0x95c1ba5e,
    CPU_OFF_0_1 = 0x95c1ba5f,
    CPU_ON_0_1 = 0x95c1ba60,
};

enum { VERSION_1_1 = 0x10001 };
enum { SUCCESS = 0, NOT_SUPPORTED = -1, INVALID_PARAMETERS = -2, DENIED = -3, ALREADY_ON = -4 };
enum { AFFINITY_ON = 0, AFFINITY_LEVELS = 4, TRUSTED_OS_NONE = 2, WARM_RESET = 0 };
static const uint32_t power_state_bits = 0x0001ffff; /* of the CPU itself: its type and the platform's own */

static int features(uint32_t function) {
    switch (function) {
    case PSCI_VERSION:
    case CPU_SUSPEND:
    case CPU_OFF:
    case CPU_ON:
    case AFFINITY_INFO:
    case MIGRATE_INFO_TYPE:
    case SYSTEM_OFF:
    case SYSTEM_RESET:
    case PSCI_FEATURES:
    case SYSTEM_RESET2:
        return SUCCESS;
    }
    return NOT_SUPPORTED;
}

/* The one CPU is number 0, and so is the group that it is in at each level; what is on in a group is on. */
static int affinity_info(uint32_t affinity, uint32_t level) {
    return level < AFFINITY_LEVELS && affinity >> 8 * level == 0 ? AFFINITY_ON : INVALID_PARAMETERS;
}

enum psci_effect psci_call(uint32_t r[4]) {
    enum psci_effect effect = PSCI_NOTHING;
    int answer = NOT_SUPPORTED;
    switch (r[0]) {
    case PSCI_VERSION:
        answer = VERSION_1_1;
        break;
    case CPU_SUSPEND:
    case CPU_SUSPEND_0_1:
        answer = r[1] & ~power_state_bits ? INVALID_PARAMETERS : SUCCESS;
        effect = answer == SUCCESS ? PSCI_SUSPEND : PSCI_NOTHING;
        break;
    case CPU_OFF: /* of the only one */
    case CPU_OFF_0_1:
        answer = DENIED;
        break;
    case CPU_ON:
    case CPU_ON_0_1:
        answer = r[1] == 0 ? ALREADY_ON : INVALID_PARAMETERS;
        break;
    case AFFINITY_INFO:
        answer = affinity_info(r[1], r[2]);
        break;
    case MIGRATE_INFO_TYPE:
        answer = TRUSTED_OS_NONE;
        break;
    case SYSTEM_OFF:
        effect = PSCI_POWER_OFF;
        break;
    case SYSTEM_RESET:
        effect = PSCI_RESET;
        break;
    case SYSTEM_RESET2:
        answer = INVALID_PARAMETERS;
        effect = r[1] == WARM_RESET ? PSCI_RESET : PSCI_NOTHING;
        break;
    case PSCI_FEATURES:
        answer = features(r[1]);
        break;
    }
    r[0] = (uint32_t)answer;
    return effect;
}
