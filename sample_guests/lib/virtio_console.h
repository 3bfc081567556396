/* One named channel of a virtio console (virtio 1.2, 5.3): bytes to the phone's host, and back. */
#ifndef GUEST_VIRTIO_CONSOLE_H
#define GUEST_VIRTIO_CONSOLE_H

#include <stdbool.h>

enum { CHANNEL_MESSAGE_MAX = 3072 };

/* Looks for a console device, and opens the channel of that name when it says that it has one. The name stays
 * the caller's. False: there is no such device. */
bool channel_start(const char *name);
/* Whether it has, and somebody is at the other end. */
bool channel_open(void);
/* All of it (CHANNEL_MESSAGE_MAX at most), or nothing where that is not read as fast: false. */
bool channel_write(const char *data, int bytes);
/* What has come, up to `size` bytes; 0 where nothing has. */
int channel_read(char *to, int size);

#endif
