/* What tells one phone of this system from another: names, colours, pictures and what is in its apps. */
#ifndef PHONE_DRESS_H
#define PHONE_DRESS_H

#include "icons.h"
#include "scene.h"

enum app_id {
    APP_NOTES,
    APP_CONTACTS,
    APP_PHOTOS,
    APP_SETTINGS,
    APP_CALENDAR,
    APP_CLOCK,
    APP_CALCULATOR,
    APP_DRAW,
    APP_COUNT
};

struct contact {
    const char *name, *detail, *phone, *mail, *place;
};

struct appointment {
    int weekday; /* 0 is Sunday; it comes back every week */
    const char *time, *title, *place;
};

struct photo {
    const char *name;
    struct scene scene;
};

struct dress {
    const char *name;
    enum icon badge;
    const char *owner;
    uint32_t accent;
    struct scene wallpaper;
    bool agenda; /* the home screen leads with the day's appointments, else with a clock */
    uint32_t app_colors[APP_COUNT];
    const struct contact *contacts; /* by name */
    int contact_count;
    const char *const *notes; /* the first line of each is its title */
    int note_count;
    const struct appointment *appointments; /* by time */
    int appointment_count;
    const struct photo *photos;
    int photo_count;
};

extern const struct dress dress;

#endif
