/* Walks over the segments of a JPEG up to the data of its first scan.

   It takes only what encoders write: segments that follow each other without a byte between, each whole and of the right length,
   one frame. Whatever libjpeg would warn of or refuse here, or Python reads by a rule for odd files, is "not mine". */

#include "head.h"

#include <string.h>

#define APP0 0xE0
#define APP1 0xE1
#define APP2 0xE2
#define APP14 0xEE
#define COMMENT 0xFE
#define SOI 0xD8
#define EOI 0xD9
#define SOS 0xDA
#define DHT 0xC4
#define DQT 0xDB
#define DRI 0xDD
#define MAX_PROFILE (4 << 20) /* bytes, as in images/containers.py */
#define ORIENTATION 0x0112
#define MAX_SIDE 65500 /* pixels, of libjpeg */

struct bytes {
    const uint8_t *data;
    size_t size;
};

/* What the walk remembers, besides the head. */
struct walk {
    int jfif, adobe, transform; /* whether there are such marks, and what the last one of Adobe says of the colours */
    int said, numbers[HEAD_PIECES]; /* how many pieces the profile is said to have; which one each is */
};

static int starts_with(struct bytes bytes, const char *text, size_t size) {
    return bytes.size >= size && memcmp(bytes.data, text, size) == 0;
}

static int big16(const uint8_t *at) { return at[0] << 8 | at[1]; }

/* A number of an EXIF, whose bytes are in one order or the other. */
static uint32_t number(const uint8_t *at, int size, int little) {
    uint32_t value = 0;
    for (int byte = 0; byte < size; byte++) value = value << 8 | at[little ? size - 1 - byte : byte];
    return value;
}

/* The first value of an entry of 12 bytes, 1 where it is no whole number or lies outside. */
static uint32_t value_of(struct bytes exif, size_t entry, int little) {
    static const int sizes[] = {0, 1, 0, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4}; /* of the types that are whole numbers */
    uint32_t type = number(exif.data + entry + 2, 2, little), many = number(exif.data + entry + 4, 4, little);
    int size = type < 14 ? sizes[type] : 0;
    if (size == 0 || many < 1) return 1;
    size_t at = entry + 8;
    if ((uint64_t)size * many > 4) at = number(exif.data + at, 4, little);
    if (at > exif.size || exif.size - at < (size_t)size) return 1;
    return number(exif.data + at, size, little);
}

/* The orientation that EXIF states, as `orientation_of_exif` finds it; 0 is "not mine". */
static int orientation_of(struct bytes exif) {
    if (starts_with(exif, "Exif\0\0", 6)) return 0;
    int little = starts_with(exif, "II", 2);
    if (exif.size < 8 || !(little || starts_with(exif, "MM", 2))) return 1;
    if (number(exif.data + 2, 2, little) != 42) return 0;
    size_t table = number(exif.data + 4, 4, little);
    uint32_t found = 1;
    if (table > exif.size || exif.size - table < 2) return 1;
    uint32_t entries = number(exif.data + table, 2, little);
    for (size_t at = table + 2; entries > 0 && at + 12 <= exif.size; at += 12, entries--) /* the last one counts */
        if (number(exif.data + at, 2, little) == ORIENTATION) {
            uint32_t type = number(exif.data + at + 2, 2, little);
            if (type == 16 || type == 18) return 0; /* 64 bits */
            found = value_of(exif, at, little);
        }
    return 1 <= found && found <= 8 ? (int)found : 1;
}

static int read_exif(struct bytes payload, size_t start, struct head *head) {
    if (head->exif.stop > head->exif.start || !starts_with(payload, "Exif\0\0", 6)) return 1;
    head->exif = (struct extent){start + 6, start + payload.size};
    head->orientation = orientation_of((struct bytes){payload.data + 6, payload.size - 6});
    return head->orientation != 0;
}

/* Keeps a piece of an ICC profile in the order of the numbers. */
static int read_profile(struct bytes payload, size_t start, struct head *head, struct walk *walk) {
    if (!starts_with(payload, "ICC_PROFILE\0", 12)) return 1;
    if (payload.size < 14 || head->pieces == HEAD_PIECES || (head->pieces && payload.data[13] != walk->said)) return 0;
    int place = head->pieces++;
    walk->said = payload.data[13];
    for (; place > 0 && walk->numbers[place - 1] > payload.data[12]; place--) {
        walk->numbers[place] = walk->numbers[place - 1];
        head->profile[place] = head->profile[place - 1];
    }
    walk->numbers[place] = payload.data[12];
    head->profile[place] = (struct extent){start + 14, start + payload.size};
    return 1;
}

/* Returns whether there is no profile, or all of one. */
static int has_whole_profile(const struct head *head, const struct walk *walk) {
    size_t size = 0;
    for (int piece = 0; piece < head->pieces; piece++) size += head->profile[piece].stop - head->profile[piece].start + 2;
    return head->pieces == 0 || (walk->said == head->pieces && size <= MAX_PROFILE && size > 2 * (size_t)head->pieces);
}

static int read_application(int marker, struct bytes payload, size_t start, struct head *head, struct walk *walk) {
    if (marker == APP1) return read_exif(payload, start, head);
    if (marker == APP2) return read_profile(payload, start, head, walk);
    if (marker == APP0 && payload.size >= 14 && starts_with(payload, "JFIF\0", 5)) {
        walk->jfif = 1;
        return payload.data[5] == 1; /* libjpeg warns of any other version */
    }
    if (marker == APP14 && payload.size >= 12 && starts_with(payload, "Adobe", 5)) {
        walk->adobe = 1;
        walk->transform = payload.data[11];
    }
    return 1;
}

static int read_quantisations(struct bytes payload, size_t start, struct head *head) {
    size_t at = 0;
    while (at < payload.size) {
        int wide = payload.data[at] >> 4, table = payload.data[at] & 15;
        size_t size = wide ? 128 : 64;
        if (wide > 1 || table >= HEAD_TABLES || payload.size - at < 1 + size) return 0;
        head->quantisations[table] = (struct extent){start + at + 1, start + at + 1 + size};
        at += 1 + size;
    }
    return 1;
}

static int read_huffman(struct bytes payload, size_t start, struct head *head) {
    size_t at = 0;
    while (at < payload.size) {
        if (payload.size - at < 17) return 0;
        int kind = payload.data[at] >> 4, table = payload.data[at] & 15;
        size_t symbols = 0;
        for (int length = 1; length <= 16; length++) symbols += payload.data[at + length];
        if (kind > 1 || table >= HEAD_TABLES || symbols > 256 || payload.size - at - 17 < symbols) return 0;
        head->huffman[kind][table] = (struct extent){start + at + 1, start + at + 17 + symbols};
        at += 17 + symbols;
    }
    return 1;
}

static int read_frame(int marker, struct bytes payload, struct head *head) {
    if (head->frame || payload.size < 6) return 0;
    head->frame = marker;
    head->precision = payload.data[0];
    head->height = big16(payload.data + 1);
    head->width = big16(payload.data + 3);
    head->count = payload.data[5];
    if (head->height == 0 || head->width == 0 || head->count < 1 || head->count > HEAD_COMPONENTS) return 0;
    if (payload.size != 6 + 3 * (size_t)head->count) return 0;
    for (int one = 0; one < head->count; one++) {
        const uint8_t *at = payload.data + 6 + 3 * one;
        head->components[one] = (struct component){at[0], at[1] >> 4, at[1] & 15, at[2], 0, 0};
        if ((at[1] >> 4) < 1 || (at[1] >> 4) > 4 || (at[1] & 15) < 1 || (at[1] & 15) > 4 || at[2] >= HEAD_TABLES) return 0;
        for (int other = 0; other < one; other++)
            if (head->components[other].id == at[0]) return 0;
    }
    return 1;
}

static int read_scan(struct bytes payload, struct head *head) {
    int count = payload.size ? payload.data[0] : 0;
    if (!head->frame || count < 1 || count > head->count || payload.size != 4 + 2 * (size_t)count) return 0;
    for (int one = 0; one < count; one++) {
        struct component *component = &head->components[one];
        const uint8_t *at = payload.data + 1 + 2 * one;
        if (at[0] != component->id || (at[1] >> 4) >= HEAD_TABLES || (at[1] & 15) >= HEAD_TABLES) return 0;
        component->dc = at[1] >> 4;
        component->ac = at[1] & 15;
    }
    const uint8_t *last = payload.data + payload.size - 3;
    head->scanned = count;
    head->first_frequency = last[0];
    head->last_frequency = last[1];
    head->bits = last[2];
    return 1;
}

/* Returns whether what the marks say of the colours is known to libjpeg, and which they are. */
static int find_colours(struct head *head, const struct walk *walk) {
    const struct component *all = head->components;
    head->colours = head->count == 1 ? COLOURS_GRAY : COLOURS_OTHER;
    if (head->count == 3) {
        head->colours = COLOURS_YCC;
        if (!walk->jfif && walk->adobe) {
            if (walk->transform > 1) return 0;
            if (walk->transform == 0) head->colours = COLOURS_OTHER;
        } else if (!walk->jfif && all[0].id == 'R' && all[1].id == 'G' && all[2].id == 'B')
            head->colours = COLOURS_OTHER;
    }
    return 1;
}

static int is_usual(const struct head *head) {
    const struct component *all = head->components;
    if (head->precision != 8 || head->frame > 0xC2 || head->colours == COLOURS_OTHER) return 0;
    if (head->height > MAX_SIDE || head->width > MAX_SIDE) return 0;
    if (head->colours == COLOURS_GRAY) return 1;
    if (all[1].across != 1 || all[1].down != 1 || all[2].across != 1 || all[2].down != 1) return 0;
    return (all[0].across <= 2 && all[0].down <= 2) || (all[0].across == 4 && all[0].down == 1);
}

static int read_segment(int marker, struct bytes payload, size_t start, struct head *head, struct walk *walk) {
    if (marker == COMMENT) return 1;
    if (marker >= APP0 && marker <= APP0 + 15) return read_application(marker, payload, start, head, walk);
    if (marker == DQT) return read_quantisations(payload, start, head);
    if (marker == DHT) return read_huffman(payload, start, head);
    if (marker == DRI && payload.size == 2) {
        head->interval = big16(payload.data);
        return 1;
    }
    if (marker >= 0xC0 && marker <= 0xC3) return read_frame(marker, payload, head);
    return 0;
}

int head_read(const uint8_t *data, size_t size, struct head *head) {
    struct walk walk = {0};
    size_t at = 2;
    memset(head, 0, sizeof *head);
    head->orientation = 1;
    if (size < 4 || data[0] != 0xFF || data[1] != SOI) return 0;
    while (size - at >= 4 && data[at] == 0xFF) {
        int marker = data[at + 1];
        size_t length = (size_t)big16(data + at + 2), start = at + 4;
        if (length < 2 || size - at - 2 < length) return 0;
        struct bytes payload = {data + start, length - 2};
        at += 2 + length;
        if (marker == SOS) {
            if (!read_scan(payload, head) || !has_whole_profile(head, &walk) || !find_colours(head, &walk)) return 0;
            head->usual = is_usual(head);
            head->entropy = at;
            return 1;
        }
        if (!read_segment(marker, payload, start, head, &walk)) return 0;
    }
    return 0;
}

/* Returns where the next marker is that is not part of the pixels, `size` for nowhere; as `MARKER` in images/mend.py. */
static size_t next_marker(const uint8_t *data, size_t size, size_t at) {
    while (at + 1 < size) {
        const uint8_t *found = memchr(data + at, 0xFF, size - 1 - at);
        if (found == NULL) return size;
        at = (size_t)(found - data);
        uint8_t marker = data[at + 1];
        if (marker > 1 && marker != 0xFF && (marker < 0xD0 || marker > SOI)) return at;
        at++;
    }
    return size;
}

int head_scans(const uint8_t *data, size_t size, const struct head *head, int most) {
    int scans = 1;
    size_t at = head->entropy;
    while (scans <= most && (at = next_marker(data, size, at)) < size && data[at + 1] != EOI) {
        scans += data[at + 1] == SOS;
        if (size - at < 4) break;
        at += 2 + (size_t)big16(data + at + 2);
    }
    return scans;
}
