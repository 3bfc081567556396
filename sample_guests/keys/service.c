#include "service.h"
#include "keystore.h"
#include "text.h"
#include "virtio_rng.h"

#include <stddef.h>

enum operation { ABOUT = 1, PROTECT, LICENSE, PLAY, BILL, REVOKE };
enum status { DONE, MALFORMED, NOT_YOURS, OTHER_KEY, DAMAGED, USED_UP, FULL };
enum { VERSION = 1, PLAYS_MAX = 1000000, PRICE_MAX = 1000000 };
enum { KNOWN_PROFILE = 1, PROGRAM = 2 };

struct introduction {
    uint8_t magic[8];
    uint32_t flags, port;
    uint8_t account[ACCOUNT_BYTES];
    char name[NAME_BYTES];
};

struct head {
    uint8_t kind, zero[3]; /* an operation, or the status of its answer */
    uint32_t tag;          /* comes back as it was */
};

struct header {
    uint8_t magic[8], key[KEY_ID_BYTES], content[SALT_BYTES], owner[ACCOUNT_BYTES], nonce[NONCE_BYTES];
    uint32_t bytes;
    uint8_t seal[TAG_BYTES]; /* of what is above */
};

struct licence_text {
    uint8_t magic[8], key[KEY_ID_BYTES], content[SALT_BYTES], player[ACCOUNT_BYTES];
    uint32_t plays, price;
    uint64_t serial;
    uint8_t nonce[NONCE_BYTES];
    uint32_t zero;
    uint8_t seal[TAG_BYTES]; /* of what is above */
};

struct license_request {
    uint32_t plays, price;
    uint8_t player[ACCOUNT_BYTES];
    struct header header;
};

_Static_assert(sizeof(struct introduction) == INTRODUCTION_BYTES, "as the handset sends it");
_Static_assert(sizeof(struct header) == 80 && sizeof(struct licence_text) == 96, "as in PROTOCOL.md");
_Static_assert(sizeof(struct license_request) == 104, "as in PROTOCOL.md");

static const uint8_t introduced_magic[8] = "PVCALL\0\1", protected_magic[8] = "PVPROT\0\1",
                     licence_magic[8] = "PVLICE\0\1";

struct account *service_introduced(const uint8_t *message, uint32_t bytes) {
    struct introduction from;
    char name[NAME_BYTES + 1] = {0};
    if (bytes != sizeof from)
        return NULL;
    memcpy(&from, message, sizeof from);
    if (memcmp(from.magic, introduced_magic, sizeof from.magic) || from.flags & PROGRAM)
        return NULL;
    memcpy(name, from.name, NAME_BYTES);
    return account_open(from.account, name, from.flags & KNOWN_PROFILE);
}

/* The seal of a header or a licence is the tag of no text beside what is above it. */
static void seal_beside(enum key_purpose purpose, const uint8_t content[SALT_BYTES],
                        const uint8_t nonce[NONCE_BYTES], const void *above, size_t bytes,
                        uint8_t tag[TAG_BYTES]) {
    uint8_t key[KEY_BYTES];
    keystore_key(key, purpose, content);
    seal(key, nonce, above, bytes, NULL, 0, tag);
    wipe(key, sizeof key);
}

static bool sealed_beside(enum key_purpose purpose, const uint8_t content[SALT_BYTES],
                          const uint8_t nonce[NONCE_BYTES], const void *above, size_t bytes,
                          const uint8_t tag[TAG_BYTES]) {
    uint8_t key[KEY_BYTES];
    keystore_key(key, purpose, content);
    bool right = unseal(key, nonce, above, bytes, NULL, 0, tag);
    wipe(key, sizeof key);
    return right;
}

static enum status check_header(const struct header *header) {
    if (memcmp(header->magic, protected_magic, sizeof header->magic))
        return MALFORMED;
    if (memcmp(header->key, keystore_id(), KEY_ID_BYTES))
        return OTHER_KEY;
    return sealed_beside(KEY_HEADER, header->content, header->nonce, header, offsetof(struct header, seal),
                         header->seal)
               ? DONE
               : DAMAGED;
}

static enum status check_licence(const struct licence_text *text) {
    if (memcmp(text->magic, licence_magic, sizeof text->magic))
        return MALFORMED;
    if (memcmp(text->key, keystore_id(), KEY_ID_BYTES))
        return OTHER_KEY;
    return sealed_beside(KEY_LICENCE, text->content, text->nonce, text, offsetof(struct licence_text, seal),
                         text->seal)
               ? DONE
               : DAMAGED;
}

static enum status about(struct account *caller, uint8_t *body, uint32_t *bytes) {
    uint32_t version = VERSION, most = CONTENT_MAX;
    if (*bytes)
        return MALFORMED;
    memcpy(body, &version, 4);
    memcpy(body + 4, &most, 4);
    memcpy(body + 8, keystore_id(), KEY_ID_BYTES);
    memcpy(body + 16, caller->id, ACCOUNT_BYTES);
    *bytes = 32;
    return DONE;
}

static enum status protect(struct account *caller, uint8_t *body, uint32_t *bytes) {
    struct header header = {.bytes = *bytes};
    uint8_t key[KEY_BYTES];
    if (!*bytes || *bytes > CONTENT_MAX)
        return MALFORMED;
    memcpy(header.magic, protected_magic, sizeof header.magic);
    memcpy(header.key, keystore_id(), sizeof header.key);
    memcpy(header.owner, caller->id, sizeof header.owner);
    virtio_rng_read(header.content, sizeof header.content);
    virtio_rng_read(header.nonce, sizeof header.nonce);
    seal_beside(KEY_HEADER, header.content, header.nonce, &header, offsetof(struct header, seal),
                header.seal);
    memmove(body + sizeof header, body, *bytes);
    memcpy(body, &header, sizeof header);
    keystore_key(key, KEY_CONTENT, header.content);
    seal(key, header.nonce, &header, sizeof header, body + sizeof header, *bytes,
         body + sizeof header + *bytes);
    wipe(key, sizeof key);
    *bytes += sizeof header + TAG_BYTES;
    return DONE;
}

static enum status license(struct account *caller, uint8_t *body, uint32_t *bytes) {
    struct license_request asked;
    struct licence_text text = {0};
    if (*bytes != sizeof asked)
        return MALFORMED;
    memcpy(&asked, body, sizeof asked);
    if (!asked.plays || asked.plays > PLAYS_MAX || asked.price > PRICE_MAX)
        return MALFORMED;
    enum status status = check_header(&asked.header);
    if (status != DONE)
        return status;
    if (memcmp(asked.header.owner, caller->id, ACCOUNT_BYTES))
        return NOT_YOURS;
    struct licence *licence = licence_new(caller, asked.player, asked.plays, asked.price);
    if (!licence)
        return FULL;
    memcpy(text.magic, licence_magic, sizeof text.magic);
    memcpy(text.key, keystore_id(), sizeof text.key);
    memcpy(text.content, asked.header.content, sizeof text.content);
    memcpy(text.player, asked.player, sizeof text.player);
    text.plays = asked.plays;
    text.price = asked.price;
    text.serial = licence->serial;
    virtio_rng_read(text.nonce, sizeof text.nonce);
    seal_beside(KEY_LICENCE, text.content, text.nonce, &text, offsetof(struct licence_text, seal), text.seal);
    memcpy(body, &text, sizeof text);
    *bytes = sizeof text;
    return DONE;
}

/* A licence and protected content; nothing is counted unless it can be played. */
static enum status play(struct account *caller, uint8_t *body, uint32_t *bytes) {
    struct licence_text text;
    struct header header;
    uint8_t key[KEY_BYTES];
    if (*bytes < sizeof text + sizeof header + TAG_BYTES)
        return MALFORMED;
    memcpy(&text, body, sizeof text);
    memcpy(&header, body + sizeof text, sizeof header);
    uint8_t *content = body + sizeof text + sizeof header;
    if (header.bytes > CONTENT_MAX || header.bytes != *bytes - sizeof text - sizeof header - TAG_BYTES)
        return MALFORMED;
    enum status status = check_licence(&text);
    if (status == DONE)
        status = check_header(&header);
    if (status != DONE)
        return status;
    if (memcmp(text.player, caller->id, ACCOUNT_BYTES) || memcmp(text.content, header.content, SALT_BYTES))
        return NOT_YOURS;
    struct licence *licence = licence_find(text.serial);
    if (!licence)
        return USED_UP;
    keystore_key(key, KEY_CONTENT, header.content);
    bool right =
        unseal(key, header.nonce, &header, sizeof header, content, header.bytes, content + header.bytes);
    wipe(key, sizeof key);
    if (!right)
        return DAMAGED;
    uint32_t left = licence->left - 1, price = licence->price;
    licence_use(licence, caller);
    memmove(body + 8, content, header.bytes);
    memcpy(body, &left, 4);
    memcpy(body + 4, &price, 4);
    *bytes = 8 + header.bytes;
    return DONE;
}

static enum status bill(struct account *caller, uint8_t *body, uint32_t *bytes) {
    if (*bytes)
        return MALFORMED;
    memcpy(body, &caller->owed, 8);
    memcpy(body + 8, &caller->earned, 8);
    memcpy(body + 16, &caller->plays, 4);
    memcpy(body + 20, &caller->licences, 4);
    memcpy(body + 24, &caller->refused, 4);
    *bytes = 28;
    return DONE;
}

static enum status revoke(struct account *caller, uint8_t *body, uint32_t *bytes) {
    struct licence_text text;
    if (*bytes != sizeof text)
        return MALFORMED;
    memcpy(&text, body, sizeof text);
    enum status status = check_licence(&text);
    if (status != DONE)
        return status;
    struct licence *licence = licence_find(text.serial);
    if (!licence)
        return USED_UP;
    if (licence->owner != caller)
        return NOT_YOURS;
    licence_end(licence);
    *bytes = 0;
    return DONE;
}

static const char *const sentences[] = {
    [MALFORMED] = "that is no message of this protocol",
    [NOT_YOURS] = "that is another's",
    [OTHER_KEY] = "that was made with another key than this service has now",
    [DAMAGED] = "that was changed since it was made",
    [USED_UP] = "that licence is used up, or this service no longer knows it",
    [FULL] = "there are as many licences as there may be",
};

uint32_t service_answer(struct account *caller, uint8_t *message, uint32_t bytes) {
    static enum status (*const operations[])(struct account *, uint8_t *, uint32_t *) = {
        [ABOUT] = about, [PROTECT] = protect, [LICENSE] = license,
        [PLAY] = play,   [BILL] = bill,       [REVOKE] = revoke};
    struct head head = {0};
    enum status status = MALFORMED;
    uint32_t body = 0;
    memcpy(&head, message, bytes < sizeof head ? bytes : sizeof head);
    unsigned operation = head.kind;
    if (bytes >= sizeof head && operation < sizeof operations / sizeof *operations && operations[operation] &&
        !head.zero[0] && !head.zero[1] && !head.zero[2]) {
        body = bytes - sizeof head;
        status = operations[operation](caller, message + sizeof head, &body);
    }
    head.kind = (uint8_t)status;
    memset(head.zero, 0, sizeof head.zero);
    if (status != DONE) {
        caller->refused++;
        body = text_length(sentences[status]);
        memcpy(message + sizeof head, sentences[status], body);
    }
    memcpy(message, &head, sizeof head);
    return sizeof head + body;
}
