/* Functions of libunicorn, replaced by name. A library of its own, because it has to be in the process before
 * libunicorn is: by LD_PRELOAD, or linked ahead of it.
 *
 * - The exit check after each load and store goes: it halves their speed, and a stop in it repeats the access.
 * - TLB fills and alignment faults go to a listener: the one place where a fault's exact address is known, and
 *   where the rights of a page can be cut (write or execute, the dirty log).
 */
#define _GNU_SOURCE
#include "overrides.h"

#include <dlfcn.h>
#include <pthread.h>

/* Names of libunicorn's build for ARM. */
void check_exit_request_arm(void *translator);
engine_fill arm_cpu_tlb_fill_arm;
engine_set_page tlb_set_page_with_attrs_arm;
engine_unaligned arm_cpu_do_unaligned_access_arm;

/* Initial-exec: a plain load in the fill path, and the library is there from the process's start. */
static _Thread_local __attribute__((tls_model("initial-exec"))) struct {
    const struct overrides_listener *listener;
    void *vcpu;
    struct overrides_passes passes;
} here;

static struct engine_functions originals;

/* Without an engine that bound them, say another user of libunicorn in a preloaded process: the next ones. */
static void find_next(void) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    if (!originals.fill) {
        originals.set_page = (engine_set_page *)dlsym(RTLD_NEXT, "tlb_set_page_with_attrs_arm");
        originals.unaligned = (engine_unaligned *)dlsym(RTLD_NEXT, "arm_cpu_do_unaligned_access_arm");
        originals.fill = (engine_fill *)dlsym(RTLD_NEXT, "arm_cpu_tlb_fill_arm");
    }
    pthread_mutex_unlock(&lock);
}

static const struct engine_functions *bind(void *library) {
    struct engine_functions found = {
        .fill = (engine_fill *)dlsym(library, "arm_cpu_tlb_fill_arm"),
        .set_page = (engine_set_page *)dlsym(library, "tlb_set_page_with_attrs_arm"),
        .unaligned = (engine_unaligned *)dlsym(library, "arm_cpu_do_unaligned_access_arm"),
    };
    *(void **)&found.transaction_failed = dlsym(library, "arm_cpu_do_transaction_failed_arm");
    *(void **)&found.invalidate = dlsym(library, "tb_invalidate_phys_range_arm");
    *(void **)&found.number_of = dlsym(library, "qemu_ram_addr_from_host_arm");
    if (!found.fill || !found.set_page || !found.unaligned || !found.transaction_failed ||
        !found.invalidate || !found.number_of || !dlsym(library, "check_exit_request_arm"))
        return NULL;
    /* A handle that searches this library first would make every override call itself. */
    if (found.fill == arm_cpu_tlb_fill_arm)
        return NULL;
    originals = found;
    return &originals;
}

static void listen(const struct overrides_listener *listener, void *vcpu) {
    here.listener = listener;
    here.vcpu = vcpu;
}

static struct overrides_passes passes(void) { return here.passes; }

const struct overrides pocketvisor_overrides = {OVERRIDES_VERSION, bind, listen, passes};

void check_exit_request_arm(void *translator) {
    (void)translator;
    here.passes.exit_checks++;
}

bool arm_cpu_tlb_fill_arm(void *cpu, uint64_t address, int size, int access, int mmu_index, bool probe,
                          uintptr_t return_address) {
    here.passes.fills++;
    if (here.listener)
        return here.listener->fill(here.vcpu, cpu, address, size, access, mmu_index, probe, return_address);
    if (!originals.fill)
        find_next();
    return originals.fill(cpu, address, size, access, mmu_index, probe, return_address);
}

void tlb_set_page_with_attrs_arm(void *cpu, uint32_t virtual_address, uint64_t physical, uint32_t attributes,
                                 int rights, int mmu_index, uint32_t size) {
    here.passes.pages++;
    if (here.listener) {
        here.listener->set_page(here.vcpu, cpu, virtual_address, physical, attributes, rights, mmu_index, size);
        return;
    }
    if (!originals.set_page)
        find_next();
    originals.set_page(cpu, virtual_address, physical, attributes, rights, mmu_index, size);
}

void arm_cpu_do_unaligned_access_arm(void *cpu, uint64_t address, int access, int mmu_index,
                                     uintptr_t return_address) {
    here.passes.unaligned++;
    if (here.listener) {
        here.listener->unaligned(here.vcpu, cpu, address, access, mmu_index, return_address);
        return;
    }
    if (!originals.unaligned)
        find_next();
    originals.unaligned(cpu, address, access, mmu_index, return_address);
}
