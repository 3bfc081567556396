/* The notes themselves, and the list of them. They live in RAM: the board has no disk for them yet. */
#ifndef PHONE_NOTES_H
#define PHONE_NOTES_H

#include <stdbool.h>

enum { NOTES_MAX = 24, NOTE_SIZE = 2048 };

struct note {
    char text[NOTE_SIZE];
    int length;
};

/* Notes are shown newest first: 0 is the one changed last. */
extern struct note *notes[NOTES_MAX];
extern int note_count;
void notes_start(void);
/* Moves a note to the front. */
void note_touch(int index);
void note_remove(int index);
/* A new empty note in front; false where there are too many. */
bool note_add(void);
/* Opens the note in front. */
void editor_edit(void);

#endif
