#include "text.h"

size_t text_length(const char *text) {
    size_t length = 0;
    while (text[length])
        length++;
    return length;
}

int text_compare(const char *a, const char *b) {
    while (*a && *a == *b)
        a++, b++;
    return (unsigned char)*a - (unsigned char)*b;
}

bool text_equal(const char *a, const char *b) {
    return text_compare(a, b) == 0;
}

bool text_starts(const char *text, const char *prefix) {
    while (*prefix)
        if (*text++ != *prefix++)
            return false;
    return true;
}

void text_copy(char *to, const char *from, size_t size) {
    size_t length = 0;
    for (; from[length] && length + 1 < size; length++)
        to[length] = from[length];
    to[length] = 0;
}

bool text_number(const char *text, uint32_t *value) {
    unsigned base = text_starts(text, "0x") ? 16 : 10;
    text += base == 16 ? 2 : 0;
    *value = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        unsigned letter = *text | 0x20;
        unsigned digit = *text >= '0' && *text <= '9'     ? (unsigned)*text - '0'
                         : letter >= 'a' && letter <= 'f' ? letter - 'a' + 10
                                                          : 99;
        if (digit >= base)
            return false;
        *value = *value * base + digit;
    }
    return true;
}

uint32_t text_next(const char **text) {
    const uint8_t *at = (const uint8_t *)*text;
    uint32_t first = at[0];
    if (first >= 0xc0 && first < 0xe0 && (at[1] & 0xc0) == 0x80) {
        *text += 2;
        return (first & 0x1f) << 6 | (at[1] & 0x3f);
    }
    if (first >= 0xe0 && first < 0xf0 && (at[1] & 0xc0) == 0x80 && (at[2] & 0xc0) == 0x80) {
        *text += 3;
        return (first & 0x0f) << 12 | (at[1] & 0x3f) << 6 | (at[2] & 0x3f);
    }
    *text += 1;
    return first;
}

struct output {
    char *to;
    size_t size, used;
};

static void put(struct output *out, char character) {
    if (out->used + 1 < out->size)
        out->to[out->used] = character;
    out->used++;
}

static void put_number(struct output *out, uint64_t value, bool negative, unsigned base, int width,
                       char pad) {
    char digits[24];
    int count = 0;
    do {
        /* 64-bit division is slow without a divider: use it only above 32 bits. */
        unsigned digit;
        if (value >> 32) {
            digit = (unsigned)(value % base);
            value /= base;
        } else {
            digit = (uint32_t)value % base;
            value = (uint32_t)value / base;
        }
        digits[count++] = "0123456789abcdef"[digit];
    } while (value);
    if (negative && pad == '0')
        put(out, '-');
    for (int i = count + negative; i < width; i++)
        put(out, pad);
    if (negative && pad != '0')
        put(out, '-');
    while (count)
        put(out, digits[--count]);
}

int format_list(char *to, size_t size, const char *pattern, va_list values) {
    struct output out = {to, size, 0};
    for (; *pattern; pattern++) {
        if (*pattern != '%') {
            put(&out, *pattern);
            continue;
        }
        bool left = pattern[1] == '-';
        pattern += left;
        char pad = pattern[1] == '0' ? '0' : ' ';
        int width = 0, longs = 0;
        for (; pattern[1] >= '0' && pattern[1] <= '9'; pattern++)
            width = width * 10 + pattern[1] - '0';
        for (; pattern[1] == 'l'; pattern++)
            longs++;
        switch (*++pattern) {
        case 'd': {
            int64_t value = longs > 1 ? va_arg(values, int64_t) : va_arg(values, int32_t);
            put_number(&out, value < 0 ? -(uint64_t)value : (uint64_t)value, value < 0, 10, width, pad);
            break;
        }
        case 'u':
        case 'x': {
            uint64_t value = longs > 1 ? va_arg(values, uint64_t) : va_arg(values, uint32_t);
            put_number(&out, value, false, *pattern == 'x' ? 16 : 10, width, pad);
            break;
        }
        case 's': {
            const char *text = va_arg(values, const char *);
            int length = (int)text_length(text);
            for (int i = length; !left && i < width; i++)
                put(&out, ' ');
            while (*text)
                put(&out, *text++);
            for (int i = length; left && i < width; i++)
                put(&out, ' ');
            break;
        }
        case 'c':
            put(&out, (char)va_arg(values, int));
            break;
        default:
            put(&out, *pattern);
        }
    }
    if (size)
        to[out.used < size ? out.used : size - 1] = 0;
    return (int)out.used;
}

int format(char *to, size_t size, const char *pattern, ...) {
    va_list values;
    va_start(values, pattern);
    int length = format_list(to, size, pattern, values);
    va_end(values);
    return length;
}
