/* The least a C test needs: CHECK, CHECK_EQUAL, and a round trip through a device's field table. */
#ifndef POCKETVISOR_TESTS_CHECK_H
#define POCKETVISOR_TESTS_CHECK_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "wire.h"

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                  \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

#define CHECK_EQUAL(left, right)                                                                             \
    do {                                                                                                     \
        uint64_t left_ = (uint64_t)(left), right_ = (uint64_t)(right);                                       \
        if (left_ != right_) {                                                                               \
            fprintf(stderr, "%s:%d: %s is 0x%" PRIx64 ", not 0x%" PRIx64 "\n", __FILE__, __LINE__, #left,    \
                    left_, right_);                                                                          \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

/* A wire to a level that a test looks at. */
static inline void check_set_level(void *sink, unsigned line, bool level) {
    (void)line;
    *(bool *)sink = level;
}

static inline struct wire check_wire(bool *level) {
    return (struct wire){check_set_level, level, 0};
}

/* Copies the fields that the table names, and them alone, from one state struct to another. */
static inline void check_copy_fields(const struct device_ops *ops, void *to, const void *from) {
    for (const struct state_field *field = ops->fields; field->name; field++)
        memcpy((uint8_t *)to + field->offset, (const uint8_t *)from + field->offset,
               (size_t)field->size * field->count);
}

static inline bool check_same_fields(const struct device_ops *ops, const void *left, const void *right) {
    for (const struct state_field *field = ops->fields; field->name; field++)
        if (memcmp((const uint8_t *)left + field->offset, (const uint8_t *)right + field->offset,
                   (size_t)field->size * field->count) != 0) {
            fprintf(stderr, "%s: %s differs\n", ops->name, field->name);
            return false;
        }
    return true;
}

#endif
