#include "virtio_vsock.h"
#include "text.h"
#include "virtio_queue.h"

#include <stddef.h>

enum { VIRTIO_ID_VSOCK = 19, HOST = 2, STREAM = 1, DATA_MAX = 4096, FIRST_PORT = 1024 };
enum { RECEIVE, TRANSMIT, EVENTS, QUEUES };
enum { REQUEST = 1, RESPONSE, RESET, SHUTDOWN, DATA, CREDIT_UPDATE, CREDIT_REQUEST };
enum { SHUT_RECEIVE = 1, SHUT_SEND = 2, SHUT_ALL = 3 };

struct packet {
    uint64_t source, destination;
    uint32_t source_port, destination_port, bytes;
    uint16_t type, operation;
    uint32_t flags, window, forwarded;
    uint8_t data[DATA_MAX];
} __attribute__((packed, aligned(4)));

enum { HEADER = offsetof(struct packet, data) };

static struct virtio_queue queues[QUEUES];
static struct packet incoming[VIRTIO_BUFFERS], outgoing[VIRTIO_BUFFERS];
static uint32_t event_words[VIRTIO_BUFFERS];
static uint16_t free_packets; /* of `outgoing`, a bit each */
static struct vsock sockets[VSOCK_SOCKETS];
static const struct vsock_events *events;
static uint64_t cid;
static uint32_t listening, next_port = FIRST_PORT, device;

unsigned vsock_index(const struct vsock *socket) {
    return (unsigned)(socket - sockets);
}

static struct packet *free_packet(void) {
    for (int i = 0; i < VIRTIO_BUFFERS; i++)
        if (free_packets & 1 << i)
            return &outgoing[i];
    return NULL;
}

static void post(struct packet *packet, uint32_t their_port, uint32_t our_port, unsigned operation,
                 uint32_t flags) {
    unsigned number = (unsigned)(packet - outgoing);
    packet->source = cid;
    packet->destination = HOST;
    packet->source_port = our_port;
    packet->destination_port = their_port;
    packet->type = STREAM;
    packet->operation = (uint16_t)operation;
    packet->flags = flags;
    free_packets &= (uint16_t)~(1 << number);
    virtio_queue_put(&queues[TRANSMIT], number, packet, HEADER + packet->bytes, false);
    virtio_queue_kick(&queues[TRANSMIT]);
}

/* False where there is no buffer: it is owed then. */
static bool say(struct vsock *socket, unsigned operation, uint32_t flags, const void *data, uint32_t bytes) {
    struct packet *packet = free_packet();
    if (!packet) {
        if (operation != DATA && operation != SHUTDOWN)
            socket->owes |= 1 << operation;
        return false;
    }
    socket->owes &= ~(1u << operation);
    packet->window = VSOCK_WINDOW;
    packet->forwarded = socket->told = socket->taken;
    packet->bytes = bytes;
    memcpy(packet->data, data, bytes);
    post(packet, socket->their_port, socket->our_port, operation, flags);
    return true;
}

/* A packet for which there is no socket. Where all buffers are on their way it is dropped: the other side
 * asks again or gives up. */
static void refuse(const struct packet *packet) {
    struct packet *answer = free_packet();
    if (!answer || packet->operation == RESET)
        return;
    answer->window = answer->forwarded = answer->bytes = 0;
    post(answer, packet->source_port, packet->destination_port, RESET, 0);
}

static struct vsock *find(uint32_t our_port, uint32_t their_port) {
    for (struct vsock *socket = sockets; socket < sockets + VSOCK_SOCKETS; socket++)
        if (socket->state != VSOCK_FREE && socket->our_port == our_port && socket->their_port == their_port)
            return socket;
    return NULL;
}

static struct vsock *take(uint32_t our_port, uint32_t their_port, enum vsock_state state) {
    for (struct vsock *socket = sockets; socket < sockets + VSOCK_SOCKETS; socket++)
        if (socket->state == VSOCK_FREE) {
            memset(socket, 0, sizeof *socket);
            socket->our_port = our_port;
            socket->their_port = their_port;
            socket->state = state;
            return socket;
        }
    return NULL;
}

static void end(struct vsock *socket) {
    bool tell = socket->state != VSOCK_CLOSING;
    if (tell)
        events->closed(socket);
    memset(socket, 0, sizeof *socket);
}

static void send_out(struct vsock *socket) {
    while (socket->out_bytes && socket->state != VSOCK_CONNECTING) {
        uint32_t on_the_way = socket->sent - socket->forwarded;
        uint32_t room = on_the_way < socket->their_window ? socket->their_window - on_the_way : 0;
        uint32_t part = socket->out_bytes < room ? socket->out_bytes : room;
        part = part < DATA_MAX ? part : DATA_MAX;
        if (!part || !say(socket, DATA, 0, socket->out, part))
            return;
        socket->sent += part;
        socket->out_bytes -= part;
        memmove(socket->out, socket->out + part, socket->out_bytes);
    }
    if (socket->state == VSOCK_CLOSING && !socket->out_bytes && say(socket, SHUTDOWN, SHUT_ALL, NULL, 0))
        end(socket);
}

static void take_data(struct vsock *socket, const struct packet *packet, uint32_t bytes) {
    if (socket->state == VSOCK_CLOSING) {
        socket->taken += bytes;
        return;
    }
    if (bytes > VSOCK_WINDOW - socket->in_bytes) { /* more than it was told there is room for */
        refuse(packet);
        end(socket);
        return;
    }
    memcpy(socket->in + socket->in_bytes, packet->data, bytes);
    socket->in_bytes += bytes;
    events->readable(socket);
}

static void heard(const struct packet *packet, uint32_t bytes) {
    if (packet->source != HOST || packet->destination != cid)
        return;
    if (packet->type != STREAM || packet->bytes > bytes) {
        refuse(packet);
        return;
    }
    struct vsock *socket = find(packet->destination_port, packet->source_port);
    if (!socket) {
        if (packet->operation == REQUEST && listening && packet->destination_port == listening)
            socket = take(listening, packet->source_port, VSOCK_OPEN);
        if (!socket) {
            refuse(packet);
            return;
        }
        socket->their_window = packet->window;
        say(socket, RESPONSE, 0, NULL, 0);
        events->opened(socket);
        return;
    }
    socket->their_window = packet->window;
    socket->forwarded = packet->forwarded;
    switch (packet->operation) {
    case RESPONSE:
        if (socket->state == VSOCK_CONNECTING) {
            socket->state = VSOCK_OPEN;
            events->opened(socket);
        }
        break;
    case DATA:
        take_data(socket, packet, packet->bytes);
        break;
    case CREDIT_UPDATE:
        break;
    case CREDIT_REQUEST:
        say(socket, CREDIT_UPDATE, 0, NULL, 0);
        break;
    case SHUTDOWN:
        if ((packet->flags & SHUT_ALL) == SHUT_ALL) {
            refuse(packet);
            end(socket);
        } else if (packet->flags & SHUT_SEND && socket->state == VSOCK_OPEN) {
            socket->they_said_all = true;
            events->readable(socket);
        }
        break;
    case RESET:
        end(socket);
        break;
    default:
        refuse(packet);
        end(socket);
    }
}

static void put_incoming(unsigned buffer) {
    virtio_queue_put(&queues[RECEIVE], buffer, &incoming[buffer], sizeof incoming[buffer], true);
}

static void put_event(unsigned buffer) {
    virtio_queue_put(&queues[EVENTS], buffer, &event_words[buffer], sizeof event_words[buffer], true);
}

static uint64_t read_cid(void) {
    const volatile uint32_t *configuration = (const volatile uint32_t *)(device + VIRTIO_CONFIGURATION);
    return configuration[0] | (uint64_t)configuration[1] << 32;
}

bool vsock_start(uint32_t listen, const struct vsock_events *table) {
    device = virtio_open(VIRTIO_ID_VSOCK);
    if (!device)
        return false;
    events = table;
    listening = listen;
    for (unsigned i = 0; i < QUEUES; i++)
        if (!virtio_queue_start(&queues[i], device, i))
            return false;
    free_packets = (uint16_t)((1u << VIRTIO_BUFFERS) - 1);
    for (unsigned i = 0; i < VIRTIO_BUFFERS; i++) {
        put_incoming(i);
        put_event(i);
    }
    cid = read_cid();
    virtio_go(device);
    virtio_queue_kick(&queues[RECEIVE]);
    virtio_queue_kick(&queues[EVENTS]);
    return true;
}

/* This guest was restored: its connections are gone (5.10.6.7). */
static void all_reset(void) {
    cid = read_cid();
    for (struct vsock *socket = sockets; socket < sockets + VSOCK_SOCKETS; socket++)
        if (socket->state != VSOCK_FREE)
            end(socket);
}

void vsock_poll(void) {
    uint32_t bytes;
    int buffer;
    if (!device)
        return;
    while ((buffer = virtio_queue_take(&queues[TRANSMIT], NULL)) >= 0)
        free_packets |= (uint16_t)(1 << buffer);
    bool again = false;
    while ((buffer = virtio_queue_take(&queues[EVENTS], &bytes)) >= 0) {
        if (bytes >= sizeof(uint32_t) && event_words[buffer] == 0)
            all_reset();
        put_event((unsigned)buffer);
        virtio_queue_kick(&queues[EVENTS]);
    }
    while ((buffer = virtio_queue_take(&queues[RECEIVE], &bytes)) >= 0) {
        if (bytes >= HEADER && bytes <= sizeof incoming[buffer])
            heard(&incoming[buffer], bytes - HEADER);
        put_incoming((unsigned)buffer);
        again = true;
    }
    if (again)
        virtio_queue_kick(&queues[RECEIVE]);
    for (struct vsock *socket = sockets; socket < sockets + VSOCK_SOCKETS; socket++) {
        for (unsigned operation = REQUEST; operation <= CREDIT_REQUEST && socket->state; operation++)
            if (socket->owes & 1 << operation)
                say(socket, operation, 0, NULL, 0);
        if (socket->state)
            send_out(socket);
    }
}

struct vsock *vsock_connect(uint32_t port) {
    struct vsock *socket = device ? take(next_port, port, VSOCK_CONNECTING) : NULL;
    if (!socket)
        return NULL;
    next_port = next_port == 0x7fffffff ? FIRST_PORT : next_port + 1;
    say(socket, REQUEST, 0, NULL, 0);
    return socket;
}

uint32_t vsock_room(const struct vsock *socket) {
    return sizeof socket->out - socket->out_bytes;
}

bool vsock_write(struct vsock *socket, const void *data, uint32_t bytes) {
    if (bytes > vsock_room(socket) || socket->state == VSOCK_CLOSING || socket->state == VSOCK_FREE)
        return false;
    memcpy(socket->out + socket->out_bytes, data, bytes);
    socket->out_bytes += bytes;
    send_out(socket);
    return true;
}

void vsock_consume(struct vsock *socket, uint32_t bytes) {
    bytes = bytes < socket->in_bytes ? bytes : socket->in_bytes;
    socket->in_bytes -= bytes;
    memmove(socket->in, socket->in + bytes, socket->in_bytes);
    socket->taken += bytes;
    if (socket->taken - socket->told >= VSOCK_WINDOW / 2)
        say(socket, CREDIT_UPDATE, 0, NULL, 0);
}

void vsock_close(struct vsock *socket) {
    if (socket->state == VSOCK_FREE || socket->state == VSOCK_CLOSING)
        return;
    if (socket->state == VSOCK_CONNECTING)
        socket->out_bytes = 0;
    socket->state = VSOCK_CLOSING;
    send_out(socket);
}
