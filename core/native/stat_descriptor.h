#ifndef POCKETVISOR_STAT_DESCRIPTOR_H
#define POCKETVISOR_STAT_DESCRIPTOR_H

/* For whoever wants to know whether this is in the process. */
__attribute__((visibility("default"))) int pocketvisor_stat_descriptor(void);

#endif
