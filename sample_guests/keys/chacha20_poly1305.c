#include "chacha20_poly1305.h"

#include "text.h"

enum { BLOCK = 64 };

static uint32_t load(const uint8_t *at) {
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void store(uint8_t *at, uint32_t value) {
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

void wipe(void *memory, size_t bytes) {
    volatile uint8_t *at = memory;
    while (bytes--)
        *at++ = 0;
}

static uint32_t rotate(uint32_t value, int bits) {
    return value << bits | value >> (32 - bits);
}

static void quarter(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d) {
    *a += *b, *d = rotate(*d ^ *a, 16);
    *c += *d, *b = rotate(*b ^ *c, 12);
    *a += *b, *d = rotate(*d ^ *a, 8);
    *c += *d, *b = rotate(*b ^ *c, 7);
}

/* RFC 8439, 2.3: the constants, the key, a counter and a nonce. */
static void begin(uint32_t state[16], const uint8_t key[KEY_BYTES]) {
    state[0] = 0x61707865, state[1] = 0x3320646e, state[2] = 0x79622d32, state[3] = 0x6b206574;
    for (int i = 0; i < 8; i++)
        state[4 + i] = load(key + 4 * i);
}

static void rounds(uint32_t s[16]) {
    for (int i = 0; i < 10; i++) {
        for (int column = 0; column < 4; column++)
            quarter(&s[column], &s[4 + column], &s[8 + column], &s[12 + column]);
        for (int column = 0; column < 4; column++)
            quarter(&s[column], &s[4 + (column + 1) % 4], &s[8 + (column + 2) % 4],
                    &s[12 + (column + 3) % 4]);
    }
}

static void block(uint8_t out[BLOCK], const uint8_t key[KEY_BYTES], uint32_t counter,
                  const uint8_t nonce[NONCE_BYTES]) {
    uint32_t first[16], state[16];
    begin(first, key);
    first[12] = counter;
    for (int i = 0; i < 3; i++)
        first[13 + i] = load(nonce + 4 * i);
    memcpy(state, first, sizeof state);
    rounds(state);
    for (int i = 0; i < 16; i++)
        store(out + 4 * i, state[i] + first[i]);
    wipe(first, sizeof first);
    wipe(state, sizeof state);
}

void hchacha20(uint8_t out[KEY_BYTES], const uint8_t key[KEY_BYTES], const uint8_t salt[SALT_BYTES]) {
    uint32_t state[16];
    begin(state, key);
    for (int i = 0; i < 4; i++)
        state[12 + i] = load(salt + 4 * i);
    rounds(state);
    for (int i = 0; i < 4; i++) {
        store(out + 4 * i, state[i]);
        store(out + 16 + 4 * i, state[12 + i]);
    }
    wipe(state, sizeof state);
}

static void encrypt(const uint8_t key[KEY_BYTES], const uint8_t nonce[NONCE_BYTES], uint8_t *text,
                    size_t bytes) {
    uint8_t stream[BLOCK];
    for (uint32_t counter = 1; bytes; counter++) {
        size_t part = bytes < BLOCK ? bytes : BLOCK;
        block(stream, key, counter, nonce);
        for (size_t i = 0; i < part; i++)
            text[i] ^= stream[i];
        text += part;
        bytes -= part;
    }
    wipe(stream, sizeof stream);
}

/* RFC 8439, 2.5, in five limbs of 26 bits. */
struct poly1305 {
    uint32_t r[5], sum[5], pad[4];
};

static void poly_begin(struct poly1305 *poly, const uint8_t key[32]) {
    poly->r[0] = load(key) & 0x3ffffff;
    poly->r[1] = load(key + 3) >> 2 & 0x3ffff03;
    poly->r[2] = load(key + 6) >> 4 & 0x3ffc0ff;
    poly->r[3] = load(key + 9) >> 6 & 0x3f03fff;
    poly->r[4] = load(key + 12) >> 8 & 0x00fffff;
    memset(poly->sum, 0, sizeof poly->sum);
    for (int i = 0; i < 4; i++)
        poly->pad[i] = load(key + 16 + 4 * i);
}

/* Sixteen bytes; with zeros behind where there are fewer: all parts of what is authenticated are padded so.
 */
static void poly_block(struct poly1305 *poly, const uint8_t bytes[16]) {
    const uint32_t *r = poly->r;
    uint32_t *h = poly->sum;
    uint64_t d[5];
    h[0] += load(bytes) & 0x3ffffff;
    h[1] += load(bytes + 3) >> 2 & 0x3ffffff;
    h[2] += load(bytes + 6) >> 4 & 0x3ffffff;
    h[3] += load(bytes + 9) >> 6;
    h[4] += load(bytes + 12) >> 8 | 1 << 24;
    for (int i = 0; i < 5; i++) {
        d[i] = 0;
        for (int j = 0; j < 5; j++)
            d[i] += (uint64_t)h[j] * (j <= i ? r[i - j] : r[5 + i - j] * 5);
    }
    uint64_t carry = 0;
    for (int i = 0; i < 5; i++) {
        d[i] += carry;
        h[i] = (uint32_t)d[i] & 0x3ffffff;
        carry = d[i] >> 26;
    }
    h[0] += (uint32_t)carry * 5;
    h[1] += h[0] >> 26;
    h[0] &= 0x3ffffff;
}

static void poly_padded(struct poly1305 *poly, const uint8_t *data, size_t bytes) {
    for (; bytes >= 16; data += 16, bytes -= 16)
        poly_block(poly, data);
    if (bytes) {
        uint8_t last[16] = {0};
        memcpy(last, data, bytes);
        poly_block(poly, last);
    }
}

static void poly_end(struct poly1305 *poly, uint8_t tag[TAG_BYTES]) {
    uint32_t *h = poly->sum, g[5], carry = 0;
    for (int twice = 0; twice < 2; twice++) {
        for (int i = 0; i < 5; i++) {
            h[i] += carry;
            carry = h[i] >> 26;
            h[i] &= 0x3ffffff;
        }
        carry *= 5;
    }
    h[0] += carry;
    /* h modulo 2^130 - 5: h + 5 - 2^130 where that is not negative. */
    carry = 5;
    for (int i = 0; i < 5; i++) {
        g[i] = h[i] + carry;
        carry = g[i] >> 26;
        g[i] &= 0x3ffffff;
    }
    uint32_t take = 0 - carry;
    for (int i = 0; i < 5; i++)
        h[i] = (h[i] & ~take) | (g[i] & take);
    uint32_t words[4] = {h[0] | h[1] << 26, h[1] >> 6 | h[2] << 20, h[2] >> 12 | h[3] << 14,
                         h[3] >> 18 | h[4] << 8};
    uint64_t sum = 0;
    for (int i = 0; i < 4; i++) {
        sum += (uint64_t)words[i] + poly->pad[i];
        store(tag + 4 * i, (uint32_t)sum);
        sum >>= 32;
    }
    wipe(poly, sizeof *poly);
    wipe(g, sizeof g);
}

static void authenticate(const uint8_t key[KEY_BYTES], const uint8_t nonce[NONCE_BYTES], const void *beside,
                         size_t beside_bytes, const uint8_t *text, size_t bytes, uint8_t tag[TAG_BYTES]) {
    uint8_t once[BLOCK], lengths[16] = {0};
    struct poly1305 poly;
    block(once, key, 0, nonce);
    poly_begin(&poly, once);
    poly_padded(&poly, beside, beside_bytes);
    poly_padded(&poly, text, bytes);
    store(lengths, (uint32_t)beside_bytes);
    store(lengths + 8, (uint32_t)bytes);
    poly_block(&poly, lengths);
    poly_end(&poly, tag);
    wipe(once, sizeof once);
}

void seal(const uint8_t key[KEY_BYTES], const uint8_t nonce[NONCE_BYTES], const void *beside,
          size_t beside_bytes, uint8_t *text, size_t bytes, uint8_t tag[TAG_BYTES]) {
    encrypt(key, nonce, text, bytes);
    authenticate(key, nonce, beside, beside_bytes, text, bytes, tag);
}

bool unseal(const uint8_t key[KEY_BYTES], const uint8_t nonce[NONCE_BYTES], const void *beside,
            size_t beside_bytes, uint8_t *text, size_t bytes, const uint8_t tag[TAG_BYTES]) {
    uint8_t right[TAG_BYTES], differences = 0;
    authenticate(key, nonce, beside, beside_bytes, text, bytes, right);
    for (int i = 0; i < TAG_BYTES; i++)
        differences |= right[i] ^ tag[i];
    wipe(right, sizeof right);
    if (differences)
        return false;
    encrypt(key, nonce, text, bytes);
    return true;
}

/* RFC 8439, 2.8.2; the draft's 2.2.1. */
bool cipher_works(void) {
    static const char sunscreen[] =
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip "
        "for the future, sunscreen would be it.";
    static const uint8_t nonce[] = {7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47};
    static const uint8_t beside[] = {0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7};
    static const uint8_t tag_wanted[] = {0x1a, 0xe1, 0x0b, 0x59, 0x4f, 0x09, 0xe2, 0x6a,
                                         0x7e, 0x90, 0x2e, 0xcb, 0xd0, 0x60, 0x06, 0x91};
    static const uint8_t text_wanted[] = {0xd3, 0x1a, 0x8d, 0x34, 0x64, 0x8e, 0x60, 0xdb,
                                          0x7b, 0x86, 0xaf, 0xbc, 0x53, 0xef, 0x7e, 0xc2};
    static const uint8_t salt[] = {0, 0, 0, 9, 0, 0, 0, 0x4a, 0, 0, 0, 0, 0x31, 0x41, 0x59, 0x27};
    static const uint8_t derived_wanted[] = {0x82, 0x41, 0x3b, 0x42, 0x27, 0xb2, 0x7b, 0xfe,
                                             0xd3, 0x0e, 0x42, 0x50, 0x8a, 0x87, 0x7d, 0x73};
    uint8_t key[KEY_BYTES], text[sizeof sunscreen - 1], tag[TAG_BYTES], derived[KEY_BYTES];
    for (int i = 0; i < KEY_BYTES; i++)
        key[i] = (uint8_t)(0x80 + i);
    memcpy(text, sunscreen, sizeof text);
    seal(key, nonce, beside, sizeof beside, text, sizeof text, tag);
    bool works = !memcmp(tag, tag_wanted, sizeof tag) && !memcmp(text, text_wanted, sizeof text_wanted);
    works &= unseal(key, nonce, beside, sizeof beside, text, sizeof text, tag);
    works &= !memcmp(text, sunscreen, sizeof text);
    tag[3] ^= 1;
    works &= !unseal(key, nonce, beside, sizeof beside, text, sizeof text, tag);
    for (int i = 0; i < KEY_BYTES; i++)
        key[i] = (uint8_t)i;
    hchacha20(derived, key, salt);
    return works && !memcmp(derived, derived_wanted, sizeof derived_wanted);
}
