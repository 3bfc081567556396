/* The order in which the runtime comes up; the guest's own code begins in guest_main(). */
#ifndef GUEST_RUNTIME_H
#define GUEST_RUNTIME_H

/* Written by each guest. Returning from it powers the board off. */
void guest_main(void);

#endif
