/* Who calls, what they owe and earn, and how often what they were licensed has been played. All of it is
 * bounded: who wants more is refused, and takes nothing from the others. */
#ifndef KEYS_ACCOUNTS_H
#define KEYS_ACCOUNTS_H

#include <stdbool.h>
#include <stdint.h>

enum { ACCOUNT_BYTES = 16, ACCOUNTS = 32, LICENCES = 256, LICENCES_OF_ONE = 32, NAME_BYTES = 64 };

struct account {
    uint8_t id[ACCOUNT_BYTES];
    char name[NAME_BYTES + 1];
    bool used, kept; /* kept: a profile's, which comes again; others go when their guest goes */
    uint32_t calling, plays, licences, refused;
    uint64_t owed, earned, last_ns;
};

struct licence {
    uint64_t serial; /* 0: none */
    uint8_t player[ACCOUNT_BYTES];
    struct account *owner;
    uint32_t left, price;
};

extern struct account accounts[ACCOUNTS];

/* Makes it where there is none; NULL where there is no room. */
struct account *account_open(const uint8_t id[ACCOUNT_BYTES], const char *name, bool kept);
void account_close(struct account *account);
/* NULL where the owner, or the service, has as many as there may be. */
struct licence *licence_new(struct account *owner, const uint8_t player[ACCOUNT_BYTES], uint32_t plays,
                            uint32_t price);
struct licence *licence_find(uint64_t serial);
void licence_end(struct licence *licence);
/* One play, and its price. */
void licence_use(struct licence *licence, struct account *player);

#endif
