#include "keystore.h"
#include "text.h"
#include "virtio_rng.h"

/* The mark is how tests find what they then look for everywhere else. */
static struct {
    char mark[16];
    uint8_t root[KEY_BYTES], keys[KEY_PURPOSES][KEY_BYTES], id[KEY_ID_BYTES];
} store;

static const uint8_t salts[KEY_PURPOSES][SALT_BYTES + 1] = {"for content.....", "for headers.....",
                                                            "for licences...."};

void keystore_start(void) {
    uint8_t named[KEY_BYTES];
    virtio_rng_read(store.root, sizeof store.root);
    for (int i = 0; i < KEY_PURPOSES; i++)
        hchacha20(store.keys[i], store.root, salts[i]);
    hchacha20(named, store.root, (const uint8_t *)"for its name....");
    memcpy(store.id, named, sizeof store.id);
    memcpy(store.mark, "pocketvisor keys", sizeof store.mark);
    wipe(named, sizeof named);
}

const uint8_t *keystore_id(void) {
    return store.id;
}

void keystore_key(uint8_t out[KEY_BYTES], enum key_purpose purpose, const uint8_t content[SALT_BYTES]) {
    hchacha20(out, store.keys[purpose], content);
}
