/* The one scan of a baseline JPEG: what is read of it, and into which planes. */

#ifndef DATAPREP_SCAN_H
#define DATAPREP_SCAN_H

#include "huffman.h"
#include "resize.h"
#include "transform.h"

#define PARTS 3
#define PIECES 6   /* blocks of an MCU, of the subsamplings that are usual */
#define SPARE 4096 /* bytes: twice as many as the largest MCU takes */

/* Where the blocks of a part go at one scale. */
struct target {
    struct quantisation quantisation;
    transform *into;
    int size; /* pixels of a side of a block */
    struct pixels plane;
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
};

/* A block of an MCU: of which part, where in the MCU, and where its pixels go. */
struct piece {
    struct part *part;
    int row, column;
    ptrdiff_t at[2]; /* bytes of the plane, by target of the part */
};

/* All of them, and how far they are read. */
struct scan {
    _Alignas(32) int16_t block[BLOCK];
    struct part parts[PARTS];
    struct piece pieces[PIECES];
    int count, piece_count, rows, columns; /* parts; pieces of an MCU; MCUs */
    int strange;                           /* not zero once a mean is out of range */
    const uint8_t *at, *stop;              /* of the file: what is not unstuffed yet */
    uint8_t *code, *end;                   /* the entropy code up to the next marker, and SPARE bytes behind it */
    int interval, left, restarts;          /* MCUs between markers; up to the next one; markers so far */
};

/* Reads all of it into the planes; `is_wide` allows what only some processors have. Returns whether it is one that libjpeg reads
   without a word, apart from what the transforms found. */
int scan_read(struct scan *scan, int is_wide);

#endif
