#define _GNU_SOURCE
#include "engine_guest.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ram.h"

static atomic_uint failures, checks;

void check(bool held, const char *format, ...) {
    atomic_fetch_add(&checks, 1);
    if (held)
        return;
    atomic_fetch_add(&failures, 1);
    va_list arguments;
    va_start(arguments, format);
    fputs("BROKEN PROMISE: ", stdout);
    vprintf(format, arguments);
    putchar('\n');
    va_end(arguments);
}

int finish(void) {
    printf("%u promises, %u broken\n", checks, failures);
    return failures ? 1 : 0;
}

static void die(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static bool attend(void *machine) {
    struct guest *guest = machine;
    guest->attends++;
    guest->asked += vcpu_take_attention(guest->vcpu);
    if (guest->clock.bytes >= guest->irq_at) {
        guest->irq_at = UINT64_MAX;
        vcpu_set_irq(guest->vcpu, true);
    }
    if (guest->attend)
        return guest->attend(guest);
    vcpu_set_limit(guest->vcpu, guest->irq_at);
    return false;
}

/* CNTFRQ; CNTV_TVAL; CNTVCT; a status register for the flags. User mode may read CNTVCT alone. */
static bool cp_read(void *machine, const struct cp_register *reg, bool privileged, uint64_t *value) {
    struct guest *guest = machine;
    if (reg->coprocessor != 15)
        return false;
    if (reg->is64) {
        if (reg->crm != 14 || reg->opc1 != 1)
            return false;
        *value = guest->time_is_clock ? guest->clock.bytes : ++guest->timer_reads + 0x700000000;
        return true;
    }
    if (reg->crn != 14 || reg->opc1 != 0)
        return false;
    if (reg->crm == 0 && reg->opc2 == 0) {
        *value = 62500000;
        return privileged;
    }
    if (reg->crm == 0 && reg->opc2 == 2) {
        *value = 0x1234;
        return true;
    }
    *value = 0xa5000000;
    return reg->crm == 2 && reg->opc2 == 1;
}

static bool cp_write(void *machine, const struct cp_register *reg, bool privileged, uint64_t value) {
    struct guest *guest = machine;
    if (!privileged || reg->coprocessor != 15)
        return false;
    if (reg->is64 && reg->crm == 14 && reg->opc1 == 3) {
        guest->written[1] = value;
        return true;
    }
    if (!reg->is64 && reg->crn == 14 && reg->crm == 3 && reg->opc2 == 1) {
        guest->written[0] = value;
        return true;
    }
    return false;
}

static bool hypercall(void *machine, uint32_t r[4]) {
    (void)machine;
    if (r[0] != 0x84000000)
        return false;
    r[0] = 0x00010001;
    r[1] += 10;
    r[2] += 20;
    r[3] += 30;
    return true;
}

static void dirtied(void *machine, void *tag, uint32_t page) {
    struct guest *guest = machine;
    check(tag == guest->ram && page < RAM_SIZE / 4096, "dirtied() names the memory and a page in it");
    guest->dirtied++;
}

static void failed(void *machine, const char *sentence) {
    struct guest *guest = machine;
    check(sentence[0] != 0, "a failure is a sentence");
    guest->failed++;
}

static uint64_t device_read(void *device, uint32_t offset, unsigned size) {
    (void)device;
    return offset << 8 | size;
}

/* See asm/irq.S for what offsets 0 and 4 mean to the line. */
static void device_write(void *device, uint32_t offset, unsigned size, uint64_t value) {
    struct guest *guest = device;
    if (guest->write_count < WRITES_MAX)
        guest->writes[guest->write_count++] = (struct device_write){offset, size, value};
    if (offset == 0)
        vcpu_set_irq(guest->vcpu, false);
    if (offset == 4 && value == 0) {
        vcpu_set_irq(guest->vcpu, true);
    } else if (offset == 4) {
        guest->irq_at = value == 0x7fffffff ? UINT64_MAX - 1 : guest->clock.bytes + value * 4;
        vcpu_set_limit(guest->vcpu, guest->irq_at);
    }
}

static void device_reset(void *device) {
    (void)device;
}

static const struct device_ops device_ops = {"test device", device_read, device_write,
                                             device_reset,  NULL,        NULL};

int guest_register(const char *name) {
    for (const struct vcpu_register *reg = vcpu_registers; reg->name; reg++)
        if (!strcmp(reg->name, name))
            return reg->id;
    die(name);
    return 0;
}

static struct guest *open_vcpu(uint8_t *ram, uint8_t *flash, struct ram *shared) {
    char error[256];
    struct guest *guest = calloc(1, sizeof *guest);
    guest->ram = ram;
    guest->flash = flash;
    guest->clock.tick_ps = 1000000;
    guest->irq_at = UINT64_MAX;
    const struct vcpu_host host = {guest, attend, cp_read, cp_write, hypercall, NULL, dirtied, failed};
    guest->vcpu = vcpu_open(&guest->clock, &host, error);
    if (!guest->vcpu ||
        !(shared ? vcpu_map_ram(guest->vcpu, RAM_BASE, shared, guest->dirty, ram, error)
                 : vcpu_map_memory(guest->vcpu, RAM_BASE, RAM_SIZE, ram, true, guest->dirty, ram, error)) ||
        !vcpu_map_memory(guest->vcpu, 0, FLASH_SIZE, flash, false, NULL, NULL, error) ||
        !vcpu_map_device(guest->vcpu, DEVICE_BASE, 0x1000, &device_ops, guest, error))
        die(error);
    vcpu_set_register(guest->vcpu, guest_register("pc"), RAM_BASE);
    return guest;
}

static uint8_t *anonymous(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        die("no memory");
    return memory;
}

struct guest *guest_open(const char *image) {
    struct guest *guest = open_vcpu(anonymous(RAM_SIZE), anonymous(FLASH_SIZE), NULL);
    char path[512];
    snprintf(path, sizeof path, ASM_DIR "/%s.bin", image);
    FILE *file = fopen(path, "rb");
    if (!file || fread(guest->ram, 1, 0x10000, file) == 0)
        die(path);
    fclose(file);
    printf("-- %s\n", image);
    return guest;
}

struct guest *guest_open_on(struct guest *other) {
    return open_vcpu(other->ram, other->flash, NULL);
}

struct guest *guest_open_in(struct ram *ram) {
    struct guest *guest = open_vcpu(ram->host, anonymous(FLASH_SIZE), ram);
    guest->borrowed = true;
    return guest;
}

void guest_close(struct guest *guest) {
    vcpu_close(guest->vcpu);
    if (!guest->borrowed)
        munmap(guest->ram, RAM_SIZE);
    munmap(guest->flash, FLASH_SIZE);
    free(guest);
}

uint32_t guest_word(struct guest *guest, uint32_t address) {
    uint32_t value;
    memcpy(&value, guest->ram + (address - RAM_BASE), sizeof value);
    return value;
}

void guest_set_word(struct guest *guest, uint32_t address, uint32_t value) {
    memcpy(guest->ram + (address - RAM_BASE), &value, sizeof value);
}

void guest_map(struct guest *guest, uint32_t table, unsigned index, uint32_t descriptor) {
    guest_set_word(guest, table + index * 4, descriptor);
}

void guest_map_usual(struct guest *guest) {
    guest_map(guest, TABLE, 0, SECTION(0u, 0, 3, 0));
    for (unsigned i = 0; i < RAM_SIZE >> 20; i++)
        guest_map(guest, TABLE, 0x400 + i, SECTION(RAM_BASE + (i << 20), 0, 3, 0));
    guest_map(guest, TABLE, 0x480, SECTION((uint32_t)DEVICE_BASE, 0, 3, 1));
    guest_map(guest, TABLE, 0x5f0, SECTION((uint32_t)DEVICE_BASE, 0, 3, 1));
}

void guest_run(struct guest *guest) {
    for (;;) {
        enum vcpu_stop stop = vcpu_run(guest->vcpu);
        if (stop == VCPU_LEFT)
            continue;
        if (stop == VCPU_ERROR)
            die(vcpu_error(guest->vcpu));
        if (guest->irq_at == UINT64_MAX && !vcpu_irq(guest->vcpu))
            return;
        guest->irq_at = UINT64_MAX; /* idle time passes at once */
        vcpu_set_irq(guest->vcpu, true);
    }
}

void guest_check(struct guest *guest, const struct promise *promises, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t found = guest_word(guest, RESULTS + (uint32_t)i * 4);
        check(found == promises[i].value, "%s: 0x%x rather than 0x%x", promises[i].text, found,
              promises[i].value);
    }
    check(guest_word(guest, RESULTS + (uint32_t)count * 4) == 0, "no results beyond the %zu promised", count);
}
