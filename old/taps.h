/* What the pixels of a resized axis are made of: pixels of the source, each with a weight. No Python, no state.

   The weights are those of Pillow's Resample.c, in fixed point of 22 bits; those of averages of areas have 12. */

#ifndef DATAPREP_TAPS_H
#define DATAPREP_TAPS_H

#include <stddef.h>
#include <stdint.h>

#define MOST_PIXELS (1 << 28) /* of a side, so that places along it fit into 32 bits */
#define TAPS_BITS 22          /* of the fraction: 32, less 8 of a value and 2 to overshoot */
#define TAPS_HALF (1 << (TAPS_BITS - 1))
#define AREA_BITS 12 /* of the weight of a pixel in an average, of which those along an axis sum up to all */

struct span {
    int start, length; /* pixels */
};

/* What some pixels of a resized axis are made of: each of as many pixels of the source, since a count that varies from one to the
   next costs more than the multiplications by zero. As 32-bit integers they are length, count, start and length of what is seen,
   then `first` and `weights`. */
struct taps {
    int length, count;
    struct span seen;
    const int32_t *first;   /* (length) of the source's pixels */
    const int32_t *weights; /* (length, count) in fixed point */
};

/* A part of an axis that is resized from `source` to `target` pixels. */
struct axis {
    int source, target;
    struct span part;
};

enum filter { BILINEAR, BICUBIC, LANCZOS };
/* Whether a span of a pixel and more lies in so many pixels. */
int inside(int64_t start, int64_t length, int64_t whole);

int is_aligned(const void *memory, size_t size);

/* Returns how many pixels of the source each pixel is made of. */
int taps_count(const struct axis *axis, enum filter filter);

/* Returns of how many 32-bit integers taps consist. */
size_t taps_size(int length, int count);

/* Fills integers with taps; returns whether there was memory for it. */
int taps_fill(const struct axis *axis, enum filter filter, int count, int32_t *integers, struct taps *taps);

/* The same for averages of areas: an axis of `source` pixels that is reduced to `target`. */
int area_count(int source, int target);
void area_fill(int source, int target, int count, int32_t *integers, struct taps *taps);

/* Returns whether bytes are taps of so many pixels, all of which lie in what they say that they see, and which. */
int taps_open(const void *bytes, size_t size, int length, struct taps *taps);

#endif
