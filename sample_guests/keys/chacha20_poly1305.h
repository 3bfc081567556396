/* ChaCha20-Poly1305 (RFC 8439) and HChaCha20 (draft-irtf-cfrg-xchacha-03, 2.2). Takes no branch and no
 * address from what is secret. Leaves out: messages of more than 2^32 bytes. */
#ifndef KEYS_CHACHA20_POLY1305_H
#define KEYS_CHACHA20_POLY1305_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KEY_BYTES = 32, NONCE_BYTES = 12, TAG_BYTES = 16, SALT_BYTES = 16 };

/* A key of its own for each `salt`. */
void hchacha20(uint8_t out[KEY_BYTES], const uint8_t key[KEY_BYTES], const uint8_t salt[SALT_BYTES]);
/* `text` becomes cipher text in place. A nonce is used once with a key. */
void seal(const uint8_t key[KEY_BYTES], const uint8_t nonce[NONCE_BYTES], const void *beside,
          size_t beside_bytes, uint8_t *text, size_t bytes, uint8_t tag[TAG_BYTES]);
/* False, and `text` as it was, where it or what is beside it is not what was sealed. */
bool unseal(const uint8_t key[KEY_BYTES], const uint8_t nonce[NONCE_BYTES], const void *beside,
            size_t beside_bytes, uint8_t *text, size_t bytes, const uint8_t tag[TAG_BYTES]);
/* Zeros that the compiler does not leave out. */
void wipe(void *memory, size_t bytes);
/* The examples of the standards come out as they are printed there. */
bool cipher_works(void);

#endif
