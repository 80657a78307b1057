/* The one scan of a baseline JPEG: what is read of it, and into which planes. */

#ifndef DATAPREP_SCAN_H
#define DATAPREP_SCAN_H

#include "colour.h"
#include "huffman.h"
#include "transform.h"

#define PARTS 3
#define PIECES 6   /* blocks of an MCU, of the subsamplings that are usual */
#define STRETCH 16 /* MCUs that are read before their pixels are made */
#define READY 8192 /* bytes of entropy code that are made ready at a time */
#define SPARE 4096 /* bytes: more than twice as many as the largest MCU takes */
#define BACK 16    /* bytes that a reader may go back */

/* Where the blocks of a part go at one scale. */
struct target {
    struct quantisation quantisation;
    transform *into;
    int size; /* pixels of a side of a block */
    struct plane plane;
};

/* A component of the image. */
struct part {
    struct dc_table *dc;
    struct ac_table *ac;
    int across, down; /* blocks of an MCU */
    int mean;         /* quantised, of the block before */
    int needs_all;    /* frequencies, not only the mean */
    int targets;
    struct target target[2];
    int16_t *blocks; /* of a stretch: those of a row of blocks follow each other */
};

/* A block of an MCU: of which part, and where it is put of the first MCU of a stretch. */
struct piece {
    struct part *part;
    int16_t *first;
};

/* What is seen of the image, in MCUs. */
struct seen {
    int top, left, bottom, right; /* the last two are behind it */
};

/* All of them, how far they are read, and memory for a stretch and for the entropy code that is at hand. */
struct scan {
    struct part parts[PARTS];
    struct piece pieces[PIECES];
    int count, piece_count, rows, columns; /* parts; pieces of an MCU; MCUs */
    struct seen seen;
    int row;                     /* of MCUs, that is read next */
    int interval, left;          /* MCUs between markers; up to the next one */
    int64_t done;                /* MCUs up to the next marker */
    const uint8_t *at, *stop;    /* of the file: what is not unstuffed yet */
    int awaited, is_ended;       /* the marker that has to come next; whether it came */
    uint8_t *end;                /* of what is unstuffed */
    const uint8_t *most;         /* up to where an MCU may begin before more is unstuffed */
    int (*read_row)(struct scan *scan);
    size_t (*copy)(uint8_t *out, const uint8_t *in, size_t size);
    struct reader reader;
    _Alignas(16) int16_t blocks[PIECES * STRETCH][BLOCK];
    uint8_t code[BACK + READY + SPARE];
};

/* Whether this processor has what the quicker code needs. */
int scan_is_wide(void);

/* Begins with the bytes of a file from its entropy code on; all is zero but for the parts, their tables and targets, the pieces and
   what is seen. `is_wide` allows what only some processors have. Each returns whether libjpeg reads it without a word, apart from
   what the transforms find. */
int scan_begin(struct scan *scan, const uint8_t *code, const uint8_t *stop, int is_wide);

/* Reads the next row of MCUs, what is seen of it into the planes. */
int scan_read_row(struct scan *scan);

/* Whether no more was read than there is, and all that was made is within its range. */
int scan_is_sound(const struct scan *scan);

/* Whether the file ends behind what was read. */
int scan_is_at_end(const struct scan *scan);

#endif
