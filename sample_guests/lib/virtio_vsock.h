/* Stream sockets to the handset and its other guests: virtio 1.2, 5.10. Events come from vsock_poll() alone.
 * Leaves out datagrams, SEQPACKET, and connecting from a port of one's choice. */
#ifndef GUEST_VIRTIO_VSOCK_H
#define GUEST_VIRTIO_VSOCK_H

#include <stdbool.h>
#include <stdint.h>

enum { VSOCK_SOCKETS = 16, VSOCK_WINDOW = 20 << 10 };

enum vsock_state { VSOCK_FREE, VSOCK_CONNECTING, VSOCK_OPEN, VSOCK_CLOSING };

struct vsock {
    enum vsock_state state;
    uint32_t our_port, their_port;
    bool they_said_all; /* nothing comes behind what is in `in` */
    uint32_t in_bytes;
    uint8_t in[VSOCK_WINDOW];
    /* The rest is the driver's. */
    uint32_t out_bytes;
    uint8_t out[VSOCK_WINDOW];
    uint32_t taken, told;                   /* of what came, and of that what the other side knows */
    uint32_t sent, their_window, forwarded; /* of what went, and what the other side says of it */
    unsigned owes;                          /* packets that wait for a buffer, a bit for each operation */
};

struct vsock_events {
    /* Somebody has connected, or vsock_connect() has come through. */
    void (*opened)(struct vsock *socket);
    /* There is more in `in`, or they have said all. */
    void (*readable)(struct vsock *socket);
    /* It is gone, whyever, and what was in it with it; not after vsock_close(). */
    void (*closed)(struct vsock *socket);
};

/* False where the board has no such device. `listen`: a port that is connected to, or 0. */
bool vsock_start(uint32_t listen, const struct vsock_events *events);
void vsock_poll(void);
/* NULL where all are taken. */
struct vsock *vsock_connect(uint32_t port);
/* All of it or nothing: false where there is no room for it yet. */
bool vsock_write(struct vsock *socket, const void *data, uint32_t bytes);
uint32_t vsock_room(const struct vsock *socket);
/* So much of `in` has been read. */
void vsock_consume(struct vsock *socket, uint32_t bytes);
/* What was written still goes. */
void vsock_close(struct vsock *socket);
unsigned vsock_index(const struct vsock *socket);

#endif
