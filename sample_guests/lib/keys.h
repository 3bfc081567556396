/* The phone's own keys: lines of the PL061 GPIO block, named by the device tree's gpio-keys. */
#ifndef GUEST_KEYS_H
#define GUEST_KEYS_H

void keys_start(void);

#endif
