/* Interrupts arrive at the first moment that the guest allows, and leave no trace in what they interrupt. */
#include "engine_guest.h"

static const struct promise interrupts[] = {
    {0, "a masked interrupt waits"},
    {1, "one moment unmasked is enough"},
    {4, "LR is the next instruction and 4"},
    {0x53, "SPSR is the interrupted mode, unmasked"},
    {50005000, "a loop that is interrupted counts as without"},
    {2, "the interrupt of the loop"},
    {3, "an interrupt ends WFI"},
    {3, "an interrupt ends WFI while it is masked, and waits"},
    {4, "and comes in the moment that it is unmasked in"},
    {1, "an interrupt at a Thumb IT block: the right branch"},
    {5, "and all of it"},
    {5, "the interrupt there"},
    {0x04001020, "with the rest of the IT block in SPSR"},
};

int main(void) {
    struct guest *guest = guest_open("irq");
    guest_run(guest);
    CHECK_RESULTS(guest, interrupts);
    const struct vcpu_counters *counters = vcpu_get_counters(guest->vcpu);
    check(counters->irqs == 5, "interrupts are counted: %lu", counters->irqs);
    check(counters->waits == 3, "waits are counted: %lu", counters->waits);
    guest_close(guest);
    return finish();
}
