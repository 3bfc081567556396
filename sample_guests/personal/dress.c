/* Personal: warm, with landscapes. */
#include "dress.h"

static const struct contact contacts[] = {
    {"Ada Lindqvist", "Sister", "+46 70 555 0112", "ada@home.example", "Kungsholmen, Stockholm"},
    {"Amir Haddad", "Football on Tuesdays", "+44 7700 900112", "amir@club.example", "12 Mill Lane, Leeds"},
    {"Beatriz Moreno", "Neighbour", "+34 600 55 01 43", "bea@casa.example", "Calle Luna 8, Madrid"},
    {"Chiara Rossi", "Choir", "+39 320 555 0155", "chiara@coro.example", "Via Roma 21, Torino"},
    {"Dad", "Family", "+44 7700 900101", "dad@home.example", "Rose Cottage, Ambleside"},
    {"Daniel Okafor", "Flatmate", "+44 7700 900135", "daniel@home.example", "Flat 3, 40 Park Row"},
    {"Doctor Reyes", "Surgery on Elm Street", "+44 113 496 0140", "desk@surgery.example",
     "Elm Street 2, Leeds"},
    {"Elena Petrova", "School", "+359 88 555 0166", "elena@post.example", "Vitosha 18, Sofia"},
    {"Finn Sørensen", "Sailing", "+45 20 55 01 71", "finn@havn.example", "Nyhavn 4, København"},
    {"Grace Kim", "Book club", "+82 10 5550 0178", "grace@books.example", "Mapo-gu, Seoul"},
    {"Grandma", "Family", "+44 7700 900102", "letters only", "Seaview Road 9, Whitby"},
    {"Hugo Laurent", "Climbing", "+33 6 55 50 01 81", "hugo@roc.example", "Rue des Alpes 5, Annecy"},
    {"Isla MacLeod", "Cousin", "+44 7700 900154", "isla@home.example", "Harbour Street, Oban"},
    {"Jonas Weber", "Piano", "+49 151 555 0190", "jonas@klavier.example", "Lindenweg 7, Bonn"},
    {"Kofi Mensah", "Running", "+233 24 555 0193", "kofi@run.example", "Ring Road, Accra"},
    {"Leila Nasser", "Old flat", "+961 3 555 019", "leila@post.example", "Hamra, Beirut"},
    {"Marta Nowak", "Garden", "+48 600 555 020", "marta@ogrod.example", "Lipowa 3, Kraków"},
    {"Mum", "Family", "+44 7700 900100", "mum@home.example", "Rose Cottage, Ambleside"},
    {"Noah Fischer", "Band", "+49 160 555 0206", "noah@band.example", "Hafenstraße 12, Hamburg"},
    {"Olivia Grant", "Vet", "+44 113 496 0211", "hello@vet.example", "Station Road 31, Leeds"},
    {"Pizzeria Napoli", "Open until 23:00", "+44 113 496 0212", "ciao@napoli.example", "Call Lane 16, Leeds"},
    {"Rosa Delgado", "Spanish lessons", "+34 600 55 02 17", "rosa@clase.example", "Gran Vía 3, Bilbao"},
    {"Sven Eriksson", "Cabin", "+46 70 555 0219", "sven@stuga.example", "Sjövägen 1, Åre"},
    {"Tomás Silva", "Surf", "+351 91 555 0222", "tomas@mar.example", "Rua do Sol 9, Ericeira"},
    {"Yuki Tanaka", "Ceramics", "+81 90 5550 0227", "yuki@kiln.example", "Higashiyama, Kyoto"},
    {"Zoë Baker", "Godchild", "+44 7700 900160", "zoe@home.example", "Park Row 40, Leeds"},
};

static const char *const notes[] = {
    "Weekend in Åre\nTrain on Friday 17:42, seats 31 and 32.\nBring: head torch, wool socks, the good "
    "coffee.\n"
    "Sven has the key, ring at the red house.",
    "Groceries\nOats\nLemons\nOlive oil\nDark bread\nTomatoes, the small ones\nSomething green",
    "Song ideas\nSlow one in D, brushes only.\nAsk Noah about the bridge.",
    "Books to read\nThe Left Hand of Darkness\nA Month in the Country\nThe Summer Book",
    "Lamp for the hall\nMax 30 cm wide. The warm white, not the blue one.",
    "Bread\n500 g flour, 350 g water, 10 g salt, 100 g starter.\nFold four times, then leave it alone until "
    "tomorrow.",
};

static const struct appointment appointments[] = {
    {1, "18:30", "Choir", "St Mary's hall"},          {2, "19:00", "Football", "Roundhay, pitch 4"},
    {3, "17:15", "Piano with Jonas", "Music room"},   {4, "20:00", "Book club", "Grace's flat"},
    {5, "17:42", "Train to the cabin", "Platform 6"}, {6, "10:00", "Market", "Kirkgate"},
    {6, "15:00", "Climbing with Hugo", "The Depot"},  {0, "12:30", "Lunch with Mum and Dad", "Ambleside"},
};

static const struct photo photos[] = {
    {"Evening on the fell", {SCENE_HILLS, 0x243b6b, 0xc56b7e, 0xffc58a, 0x2a1a3a, 0xfff0cf, 21}},
    {"Ericeira", {SCENE_SEA, 0x27406f, 0xd9748a, 0xffcf8f, 0x12233f, 0xfff0c8, 3}},
    {"Fog above the lake", {SCENE_FOREST, 0x9fc3c9, 0xcfe0dc, 0xf0f0e6, 0x12352f, 0xfff6d8, 5}},
    {"New Year's night", {SCENE_NIGHT, 0x060a1f, 0x14224d, 0x3c4f86, 0x05070f, 0xf7f3df, 4}},
    {"Leeds from the roof", {SCENE_CITY, 0x1a1c3c, 0x5b3a6b, 0xf09a6f, 0x10121f, 0xffd58a, 6}},
    {"First light", {SCENE_HILLS, 0x4f7fb5, 0xa9cbe0, 0xfde7c4, 0x274a5c, 0xffffff, 33}},
    {"Whitby", {SCENE_SEA, 0x5b8fb9, 0xa7c9dc, 0xe9efe6, 0x1f4f6b, 0xffffff, 14}},
    {"Autumn in Åre", {SCENE_FOREST, 0xd98e4a, 0xe9b872, 0xf4dfb4, 0x5a2f1c, 0xffefcc, 25}},
    {"Harvest moon", {SCENE_NIGHT, 0x1a1030, 0x4a2350, 0x9c4a55, 0x140a18, 0xffd9a0, 18}},
    {"Desert road", {SCENE_HILLS, 0x2f7fa8, 0xe3b98c, 0xf7e0b8, 0x8a4b2a, 0xfff8e6, 42}},
    {"Harbour, late", {SCENE_SEA, 0x140f2d, 0x46306e, 0xb8577a, 0x0b0f24, 0xffb47e, 29}},
    {"Hafenstraße", {SCENE_CITY, 0x0d1b2e, 0x1f4560, 0x5aa0a8, 0x071018, 0xfff0b0, 47}},
};

const struct dress dress = {
    .name = "Personal",
    .badge = ICON_PERSON,
    .owner = "Personal",
    .accent = 0xe8604c,
    .wallpaper = {SCENE_HILLS, 0x1b1446, 0x8a3a74, 0xffa877, 0x1f0f38, 0xffe3b0, 7},
    .agenda = false,
    .app_colors = {[APP_NOTES] = 0xe2963a,
                   [APP_CONTACTS] = 0x3f83c9,
                   [APP_PHOTOS] = 0x9a53b8,
                   [APP_SETTINGS] = 0x5d6b7a,
                   [APP_CALENDAR] = 0xd9503f,
                   [APP_CLOCK] = 0x3d4a63,
                   [APP_CALCULATOR] = 0x2f9e8f,
                   [APP_DRAW] = 0xdb4f86},
    .contacts = contacts,
    .contact_count = sizeof contacts / sizeof *contacts,
    .notes = notes,
    .note_count = sizeof notes / sizeof *notes,
    .appointments = appointments,
    .appointment_count = sizeof appointments / sizeof *appointments,
    .photos = photos,
    .photo_count = sizeof photos / sizeof *photos,
};
