/* The service's messages: PROTOCOL.md. */
#ifndef KEYS_SERVICE_H
#define KEYS_SERVICE_H

#include "accounts.h"

#include <stdbool.h>
#include <stdint.h>

enum { MESSAGE_MAX = 16 << 10, CONTENT_MAX = 8 << 10, INTRODUCTION_BYTES = 96 };

/* The caller's account from the handset's introduction; NULL where it is none, or has no account here. */
struct account *service_introduced(const uint8_t *message, uint32_t bytes);
/* Answers a message in place; how long the answer is. `message` has room for MESSAGE_MAX. */
uint32_t service_answer(struct account *caller, uint8_t *message, uint32_t bytes);

#endif
