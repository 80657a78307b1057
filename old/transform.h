/* The inverse cosine transforms of libjpeg (the accurate one, and the reduced ones of its scales) with the very same roundings.

   They hold as long as nothing in them leaves its range, where libjpeg's own versions for different processors part; so that is
   found out, and the image left to libjpeg. */

#ifndef DATAPREP_TRANSFORM_H
#define DATAPREP_TRANSFORM_H

#include <stddef.h>
#include <stdint.h>

#define BLOCK 64

/* The quantisation of one component, in the order of rows, and what its transforms into one size found. */
struct quantisation {
    _Alignas(32) int16_t factors[BLOCK];
    int16_t limits[BLOCK]; /* what a coefficient may be at most, without its sign */
    int16_t faults[3][8];  /* bits that are set where something left its range, by column: coefficients, what is between the
                              passes; and by no order, pixels */
};

/* Turns a block of coefficients, which begins at a multiple of 32 bytes, into a square of pixels at `out`, rows apart by `stride`. */
typedef void transform(const int16_t *block, struct quantisation *quantisation, uint8_t *out, ptrdiff_t stride);

/* Takes over 64 factors in the order of the file; returns whether they are within what is known. */
int quantisation_open(struct quantisation *quantisation, const uint8_t *factors);

/* Whether something left its range in one of the transforms into `size` pixels. */
int has_faults(const struct quantisation *quantisation, int size);

/* Returns the transform into so many pixels of a side: 8, 4, 2 or 1; the plain one if asked. */
transform *transform_into(int size, int plain);

/* Where a coefficient stands in the order of rows, by its number in the order of the file; at the mean, 0, where there is none. */
extern const uint8_t ROW_ORDER[256];

#endif
