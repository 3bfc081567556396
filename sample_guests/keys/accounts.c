#include "accounts.h"
#include "text.h"
#include "timer.h"

#include <stddef.h>

struct account accounts[ACCOUNTS];
static struct licence licences[LICENCES];
static uint64_t last_serial;

static void forget(struct account *account) {
    for (struct licence *licence = licences; licence < licences + LICENCES; licence++)
        if (licence->owner == account)
            memset(licence, 0, sizeof *licence);
    memset(account, 0, sizeof *account);
}

/* A free one; else that of the guest that was gone first and is in no profile. */
static struct account *room(void) {
    struct account *oldest = NULL;
    for (struct account *account = accounts; account < accounts + ACCOUNTS; account++) {
        if (!account->used)
            return account;
        if (!account->kept && !account->calling && (!oldest || account->last_ns < oldest->last_ns))
            oldest = account;
    }
    if (oldest)
        forget(oldest);
    return oldest;
}

struct account *account_open(const uint8_t id[ACCOUNT_BYTES], const char *name, bool kept) {
    struct account *found = NULL;
    for (struct account *account = accounts; account < accounts + ACCOUNTS; account++)
        if (account->used && account->kept == kept && !memcmp(account->id, id, ACCOUNT_BYTES))
            found = account;
    if (!found && (found = room())) {
        memcpy(found->id, id, ACCOUNT_BYTES);
        found->used = true;
        found->kept = kept;
    }
    if (found) {
        text_copy(found->name, name, sizeof found->name);
        found->calling++;
        found->last_ns = timer_now();
    }
    return found;
}

void account_close(struct account *account) {
    account->calling--;
    account->last_ns = timer_now();
}

struct licence *licence_new(struct account *owner, const uint8_t player[ACCOUNT_BYTES], uint32_t plays,
                            uint32_t price) {
    struct licence *place = NULL;
    for (struct licence *licence = licences; licence < licences + LICENCES; licence++)
        if (!licence->serial)
            place = licence;
    if (!place || owner->licences >= LICENCES_OF_ONE)
        return NULL;
    owner->licences++;
    *place = (struct licence){.serial = ++last_serial, .owner = owner, .left = plays, .price = price};
    memcpy(place->player, player, ACCOUNT_BYTES);
    return place;
}

struct licence *licence_find(uint64_t serial) {
    for (struct licence *licence = licences; serial && licence < licences + LICENCES; licence++)
        if (licence->serial == serial)
            return licence;
    return NULL;
}

void licence_end(struct licence *licence) {
    licence->owner->licences--;
    memset(licence, 0, sizeof *licence);
}

void licence_use(struct licence *licence, struct account *player) {
    player->plays++;
    player->owed += licence->price;
    licence->owner->earned += licence->price;
    if (--licence->left == 0)
        licence_end(licence);
}
