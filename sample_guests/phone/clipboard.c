#include "clipboard.h"
#include "notes.h"
#include "shell.h"
#include "text.h"
#include "timer.h"
#include "virtio_console.h"

enum { LINE_SIZE = CHANNEL_MESSAGE_MAX, ANSWER_TIME = 5 };

static char copied[NOTE_SIZE]; /* here */
static char line[LINE_SIZE];
static int line_length_now;
static bool skips; /* the rest of a line that is too long */
static uint32_t asked;
static uint64_t asked_until = NEVER;
static void (*taker)(const char *text);

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void say(const char *verb, uint32_t number, const char *text) {
    static char out[LINE_SIZE];
    uint32_t size = (uint32_t)text_length(text);
    int at = format(out, sizeof out, "%s %u %u ", verb, number, size);
    if (at + (int)(size + 2) / 3 * 4 + 1 > (int)sizeof out)
        return;
    for (uint32_t i = 0; i < size; i += 3) {
        uint32_t bits = (uint32_t)(uint8_t)text[i] << 16;
        bits |= i + 1 < size ? (uint32_t)(uint8_t)text[i + 1] << 8 : 0;
        bits |= i + 2 < size ? (uint8_t)text[i + 2] : 0;
        out[at++] = digits[bits >> 18];
        out[at++] = digits[bits >> 12 & 63];
        out[at++] = i + 1 < size ? digits[bits >> 6 & 63] : '=';
        out[at++] = i + 2 < size ? digits[bits & 63] : '=';
    }
    out[at++] = '\n';
    channel_write(out, at);
}

static int digit(char character) {
    for (int i = 0; i < 64; i++)
        if (digits[i] == character)
            return i;
    return -1;
}

/* False where it is not so many bytes of text, or more than a note takes. */
static bool decode(const char *from, uint32_t size, char *to) {
    uint32_t bits = 0, at = 0;
    int have = 0;
    if (size >= NOTE_SIZE)
        return false;
    for (; *from && *from != '=' && at <= size; from++) {
        int value = digit(*from);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        have += 6;
        if (have >= 8) {
            have -= 8;
            if (at == size)
                return false;
            to[at++] = (char)(bits >> have);
        }
    }
    to[at] = 0;
    return at == size && text_length(to) == size;
}

static void give(const char *text) {
    void (*take)(const char *text) = taker;
    taker = NULL;
    asked_until = NEVER;
    if (!text[0])
        toast("Nothing is copied");
    else if (take)
        take(text);
}

static void refuse(const char *why) {
    taker = NULL;
    asked_until = NEVER;
    toast(why);
}

static void heard(char *said, bool whole) {
    char *words[4] = {said, "", "", ""};
    for (int i = 1; i < 4; i++) {
        char *rest = words[i - 1];
        while (*rest && *rest != ' ')
            rest++;
        if (!*rest)
            break;
        *rest = 0;
        words[i] = rest + 1;
    }
    static char text[NOTE_SIZE];
    uint32_t number = 0, size = 0;
    if (!text_number(words[1], &number) || !text_number(words[2], &size))
        return;
    bool mine = taker && number == asked;
    if (text_equal(words[0], "hello")) {
        say("hello", 1, "");
    } else if (text_equal(words[0], "get")) {
        say(copied[0] ? "text" : "no", number, copied);
    } else if (text_equal(words[0], "put")) {
        if (whole && decode(words[3], size, text)) {
            text_copy(copied, text, sizeof copied);
            say("done", number, "");
            toast("There is text to paste");
        } else {
            say("no", number, "The text does not fit into a note");
        }
    } else if (text_equal(words[0], "text") && mine) {
        if (whole && decode(words[3], size, text))
            give(text);
        else
            refuse("The text does not fit into a note");
    } else if (text_equal(words[0], "no")) {
        if (number == 0 || (mine && size))
            refuse(number ? "Not to be pasted: the policy forbids it"
                          : "Copied for this phone alone: policy");
        else if (mine)
            give(copied);
    }
}

void clipboard_poll(uint64_t now) {
    char piece[256];
    for (int count; (count = channel_read(piece, sizeof piece)) > 0;)
        for (int i = 0; i < count; i++) {
            if (piece[i] == '\n') {
                line[line_length_now] = 0;
                if (line_length_now)
                    heard(line, !skips);
                line_length_now = 0;
                skips = false;
            } else if (line_length_now + 1 < LINE_SIZE) {
                line[line_length_now++] = piece[i];
            } else {
                skips = true;
            }
        }
    if (now >= asked_until)
        give(copied);
}

uint64_t clipboard_wake(void) {
    return asked_until;
}

void clipboard_start(void) {
    channel_start("org.pocketvisor.clipboard");
}

void clipboard_copy(const char *text) {
    text_copy(copied, text, sizeof copied);
    toast("Copied");
    say("copied", 0, copied);
}

void clipboard_paste(void (*take)(const char *text), uint64_t now) {
    taker = take;
    if (!channel_open()) {
        give(copied);
        return;
    }
    asked = asked % 1000000 + 1;
    asked_until = now + ANSWER_TIME * SECONDS;
    say("paste", asked, "");
}
