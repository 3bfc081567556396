/* A service that other guests call: it keeps the key of protected content, and counts what is played. See
 * PROTOCOL.md. It trusts what the handset says of its callers, and nothing that these say. */
#include "board.h"
#include "chacha20_poly1305.h"
#include "console.h"
#include "exceptions.h"
#include "keystore.h"
#include "runtime.h"
#include "screen.h"
#include "service.h"
#include "text.h"
#include "timer.h"
#include "virtio_rng.h"
#include "virtio_vsock.h"

enum { PORT = 7000, LENGTH = 4 };

struct call {
    struct vsock *socket;
    struct account *account; /* once the handset has introduced the caller */
};

static struct call calls[VSOCK_SOCKETS];
static uint8_t message[LENGTH + MESSAGE_MAX];
static uint32_t answered, callers; /* that came and went */

static void call_opened(struct vsock *socket) {
    calls[vsock_index(socket)] = (struct call){.socket = socket};
}

static void call_ended(struct vsock *socket) {
    struct call *call = &calls[vsock_index(socket)];
    if (call->account)
        account_close(call->account);
    *call = (struct call){0};
    callers++;
}

static void hang_up(struct call *call) {
    struct vsock *socket = call->socket;
    call_ended(socket);
    vsock_close(socket);
}

/* The next message of a call, where it is whole and there is room for its answer; so no caller waits for more
 * than one message of each of the others. False where there is nothing to do. */
static bool work(struct call *call) {
    struct vsock *socket = call->socket;
    uint32_t bytes;
    if (vsock_room(socket) < sizeof message)
        return false;
    if (socket->in_bytes < LENGTH) {
        if (socket->they_said_all)
            hang_up(call);
        return false;
    }
    memcpy(&bytes, socket->in, LENGTH);
    if (bytes > MESSAGE_MAX) {
        hang_up(call);
        return false;
    }
    if (socket->in_bytes < LENGTH + bytes) {
        if (socket->they_said_all)
            hang_up(call);
        return false;
    }
    memcpy(message, socket->in, LENGTH + bytes);
    vsock_consume(socket, LENGTH + bytes);
    if (!call->account) {
        call->account = service_introduced(message + LENGTH, bytes);
        callers++;
        if (!call->account)
            hang_up(call);
        return true;
    }
    bytes = service_answer(call->account, message + LENGTH, bytes);
    memcpy(message, &bytes, LENGTH);
    vsock_write(socket, message, LENGTH + bytes);
    wipe(message, LENGTH + bytes);
    answered++;
    return true;
}

static void nothing(struct vsock *socket) {
    (void)socket; /* work() looks at all of them */
}

static const struct vsock_events events = {call_opened, nothing, call_ended};

static void show_accounts(int count, char **words) {
    (void)count, (void)words;
    for (const struct account *account = accounts; account < accounts + ACCOUNTS; account++)
        if (account->used)
            print("%-16s %u calls, %u plays, owes %llu, earned %llu, %u refused\n", account->name,
                  account->calling, account->plays, account->owed, account->earned, account->refused);
    print("%u answers\n", answered);
}

static const struct command commands[] = {{"accounts", "", "who has called, and their bills", show_accounts},
                                          {0}};

void guest_main(void) {
    const uint8_t *id;
    if (!cipher_works())
        panic("the cipher does not do what its standard says");
    if (!virtio_rng_start())
        panic("there is no virtio-rng to draw a key from");
    keystore_start();
    if (!vsock_start(PORT, &events))
        panic("there is no virtio-vsock to be called on");
    id = keystore_id();
    print("keys: serves port %d with key %02x%02x%02x%02x%02x%02x%02x%02x\n", PORT, id[0], id[1], id[2],
          id[3], id[4], id[5], id[6], id[7]);
    console_commands(commands);
    screen_start();
    for (;;) {
        bool busy = false;
        console_poll();
        vsock_poll();
        for (struct call *call = calls; call < calls + VSOCK_SOCKETS; call++)
            busy |= call->socket && work(call);
        uint64_t again = screen_show(answered, callers);
        if (!busy)
            idle_until(again);
    }
}
