/* Resizing and averaging of 8-bit images, for the modules that bind it: no Python, no memory of its own, no state.

   Resizing is Pillow's to the last bit, by the arithmetic of its Resample.c: weights in fixed point of 22 bits, one pass along rows
   and one along columns, each rounded to 8 bits; but only those pixels are made that are asked for. */

#ifndef DATAPREP_RESIZE_H
#define DATAPREP_RESIZE_H

#include <stddef.h>
#include <stdint.h>

#include "taps.h"

/* An image with its rows apart by `stride` bytes. */
struct pixels {
    uint8_t *first;
    ptrdiff_t stride;
    int height, width, channels;
};

enum way { ACROSS_FIRST, DOWN_FIRST, AREA };

/* Fills `out`; the taps count from `top` and `left` of the image, which may lie outside of it. The memory, of `size` bytes, is for
   what lies between the passes. Returns what is wrong, or NULL. */
const char *resize(struct pixels image, int top, int left, const struct taps *rows, const struct taps *columns, int way,
                   struct pixels out, void *memory, size_t size);

#endif
