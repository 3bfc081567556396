/* Failures on demand, for tests: an internal step asks fault_hit() with its name, and fails once after
 * fault_arm() with that name. One name at a time, for the whole process. */
#ifndef POCKETVISOR_FAULT_H
#define POCKETVISOR_FAULT_H

#include <stdbool.h>

/* False where no step has this name. */
bool fault_arm(const char *name);
bool fault_hit(const char *name);

#endif
