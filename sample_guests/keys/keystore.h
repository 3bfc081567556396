/* The service's key and what is made of it. It is drawn from virtio-rng at power on and is in this guest's
 * RAM alone: it goes with the guest, into its profile if it is kept in one, and is gone when it is reset. */
#ifndef KEYS_KEYSTORE_H
#define KEYS_KEYSTORE_H

#include "chacha20_poly1305.h"

enum { KEY_ID_BYTES = 8 };

/* One for each purpose, so that nothing made for one can be taken for another. */
enum key_purpose { KEY_CONTENT, KEY_HEADER, KEY_LICENCE, KEY_PURPOSES };

void keystore_start(void);
/* Names the key, and says nothing of it. */
const uint8_t *keystore_id(void);
/* A key for one content. Wipe it after use. */
void keystore_key(uint8_t out[KEY_BYTES], enum key_purpose purpose, const uint8_t content[SALT_BYTES]);

#endif
