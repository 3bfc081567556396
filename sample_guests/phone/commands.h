#ifndef PHONE_COMMANDS_H
#define PHONE_COMMANDS_H

#include "console.h"

extern const struct command phone_commands[];

#endif
