/* Attacks that are counted one by one: see suite.c. */
#ifndef HOSTILE_SUITE_H
#define HOSTILE_SUITE_H

void suite_run(int words, char **names);

#endif
