/* The parts that several apps draw alike. */
#ifndef PHONE_WIDGETS_H
#define PHONE_WIDGETS_H

#include "dress.h"
#include "ui.h"

enum { ID_BACK = 900, ID_ACTION = 901, ID_ACTION_2 = 902 };

int status_height(void);
int bar_height(void); /* of the status and the title bar together */
/* The coloured bar with a way back, a title and up to two actions (ICON_COUNT: none). */
void draw_title_bar(struct canvas *c, uint32_t color, const char *title, enum icon action,
                    enum icon action_2);
void draw_card(struct canvas *c, struct rect r);
/* The light over a thing that is pressed. */
void draw_press(struct canvas *c, int id, struct rect r, int radius, uint32_t color);
void draw_round_button(struct canvas *c, int id, int x, int y, int radius, uint32_t color, enum icon icon,
                       const char *label);
void draw_button(struct canvas *c, int id, struct rect r, uint32_t color, uint32_t ink, const char *label);
/* value is 0 to 256. */
void draw_slider(struct canvas *c, struct rect r, int value, uint32_t color, uint32_t track);
int slider_value(struct rect r, int x);
void draw_app_icon(struct canvas *c, int x, int y, int size, uint32_t color, enum icon icon);
/* A disc with up to two initials. */
void draw_avatar(struct canvas *c, int x, int y, int radius, const char *name);
uint32_t avatar_color(const char *name);
/* Text in lines, `height` apart; answers the number of lines. Draws nothing where `c` is NULL. */
int draw_paragraph(struct canvas *c, enum face face, int px, struct rect r, int height, uint32_t color,
                   const char *text);

#endif
