/* Work: cool, with plans and charts. */
#include "dress.h"

static const struct contact contacts[] = {
    {"Aiko Yamada", "Design lead", "ext. 214", "a.yamada@office.example", "Tower B, floor 7"},
    {"Anders Holm", "Finance", "ext. 118", "a.holm@office.example", "Tower A, floor 3"},
    {"Ben Carter", "Quality", "ext. 231", "b.carter@office.example", "Lab 2"},
    {"Carla Jiménez", "Operations", "ext. 140", "c.jimenez@office.example", "Tower A, floor 2"},
    {"David Brandt", "Firmware", "ext. 226", "d.brandt@office.example", "Lab 1"},
    {"Emma Dubois", "Legal", "ext. 122", "e.dubois@office.example", "Tower A, floor 4"},
    {"Farid Karimi", "Radio", "ext. 244", "f.karimi@office.example", "Lab 4"},
    {"Front desk", "Deliveries and badges", "ext. 100", "desk@office.example", "Tower A, entrance"},
    {"Help desk", "Computers and accounts", "ext. 101", "help@office.example", "Tower A, floor 1"},
    {"Ingrid Berg", "Project office", "ext. 151", "i.berg@office.example", "Tower B, floor 5"},
    {"James O'Connor", "Sales, north", "ext. 301", "j.oconnor@office.example", "Dublin"},
    {"Katarzyna Wójcik", "Research", "ext. 260", "k.wojcik@office.example", "Tower B, floor 8"},
    {"Liang Chen", "Supply chain", "ext. 172", "l.chen@office.example", "Shenzhen"},
    {"Maya Patel", "Product", "ext. 205", "m.patel@office.example", "Tower B, floor 6"},
    {"Nadia Rahman", "Human resources", "ext. 131", "n.rahman@office.example", "Tower A, floor 4"},
    {"Oscar Lind", "Mechanics", "ext. 252", "o.lind@office.example", "Workshop"},
    {"Priya Sharma", "Power and battery", "ext. 247", "p.sharma@office.example", "Lab 3"},
    {"Quentin Morel", "Marketing", "ext. 190", "q.morel@office.example", "Lyon"},
    {"Rafael Costa", "Sales, south", "ext. 304", "r.costa@office.example", "Porto"},
    {"Samuel Adeyemi", "Security", "ext. 270", "s.adeyemi@office.example", "Tower B, floor 8"},
    {"Teresa Bianchi", "Director", "ext. 110", "t.bianchi@office.example", "Tower A, floor 9"},
    {"Ulla Virtanen", "Documentation", "ext. 218", "u.virtanen@office.example", "Tower B, floor 7"},
    {"Victor Hansen", "Test house", "ext. 290", "v.hansen@office.example", "Chamber 1"},
    {"Wei Zhang", "Drivers", "ext. 228", "w.zhang@office.example", "Lab 1"},
};

static const char *const notes[] = {
    "Stand-up\nPanel bring-up: done, the gamma table is Aiko's.\nRadio: waiting for Farid's second board.\n"
    "Battery: Priya measured 4 % above the target.",
    "Release 2.4\nFreeze on Thursday.\nOpen: suspend on the second boot, translation of the settings page.\n"
    "Sign-off: Maya, Samuel.",
    "Questions for Liang\nLead time of the new panel?\nSecond source for the crystal?",
    "Travel\nFlight 08:15, seat 12C. Hotel is the one by the station.\nKeep receipts for Anders.",
    "Interview notes\nStrong on drivers, asked good questions about the bus.\nSecond round with Wei.",
};

static const struct appointment appointments[] = {
    {1, "09:30", "Stand-up", "Lab 1"},          {1, "11:00", "Panel review with Aiko", "Room Kelvin"},
    {1, "15:30", "Budget", "Tower A, floor 3"}, {2, "09:30", "Stand-up", "Lab 1"},
    {2, "13:00", "Battery figures", "Lab 3"},   {2, "16:00", "Call with Shenzhen", "Room Volta"},
    {3, "09:30", "Stand-up", "Lab 1"},          {3, "10:15", "Threat model", "Room Turing"},
    {3, "14:00", "Interview", "Room Kelvin"},   {4, "09:30", "Stand-up", "Lab 1"},
    {4, "12:00", "Code freeze", "Everywhere"},  {4, "15:00", "Demo for Teresa", "Tower A, floor 9"},
    {5, "09:30", "Stand-up", "Lab 1"},          {5, "11:30", "Retrospective", "Room Curie"},
    {5, "16:30", "Cake", "Kitchen, floor 7"},
};

static const struct photo photos[] = {
    {"Housing, sheet 1", {SCENE_PAPER, 0x1d4f9a, 0x1a4488, 0x153a78, 0x000000, 0xe8f2ff, 9}},
    {"Quarter two", {SCENE_CHART, 0xf6f7f9, 0xeef1f5, 0xe2e8ef, 0x23395b, 0x35b2a8, 10}},
    {"Poster draft", {SCENE_FACETS, 0x0c2f4a, 0x0f5673, 0x1793a0, 0x061523, 0x7fe3e0, 11}},
    {"Office, late", {SCENE_CITY, 0x0f1c33, 0x27496b, 0x86b7c4, 0x08111d, 0xffe9a8, 16}},
    {"Housing, sheet 2", {SCENE_PAPER, 0x17636b, 0x14565e, 0x104850, 0x000000, 0xdffaf6, 19}},
    {"Battery, run 7", {SCENE_CHART, 0x1d2633, 0x202b3a, 0x243244, 0xf2b84b, 0x4aa3df, 31}},
    {"Offsite", {SCENE_FOREST, 0x8fb6c8, 0xc3d9dd, 0xe7ecea, 0x183743, 0xffffff, 12}},
    {"Poster, second", {SCENE_FACETS, 0x2a1f4f, 0x4a3a86, 0x7a68c4, 0x120c2a, 0xd8ccff, 27}},
    {"Harbour site", {SCENE_SEA, 0x3a6ea5, 0x8fb8d3, 0xe4eef0, 0x173a57, 0xffffff, 37}},
};

const struct dress dress = {
    .name = "Work",
    .badge = ICON_BADGE,
    .owner = "Work",
    .accent = 0x1793a0,
    .wallpaper = {SCENE_FACETS, 0x0c2f4a, 0x0f5673, 0x1793a0, 0x061523, 0x7fe3e0, 11},
    .agenda = true,
    .app_colors = {[APP_NOTES] = 0x2a7f8e,
                   [APP_CONTACTS] = 0x2e6ca4,
                   [APP_PHOTOS] = 0x4b5fa8,
                   [APP_SETTINGS] = 0x4d5a68,
                   [APP_CALENDAR] = 0x1d8a99,
                   [APP_CLOCK] = 0x2c3e55,
                   [APP_CALCULATOR] = 0x35708a,
                   [APP_DRAW] = 0x5a57a0},
    .contacts = contacts,
    .contact_count = sizeof contacts / sizeof *contacts,
    .notes = notes,
    .note_count = sizeof notes / sizeof *notes,
    .appointments = appointments,
    .appointment_count = sizeof appointments / sizeof *appointments,
    .photos = photos,
    .photo_count = sizeof photos / sizeof *photos,
};
