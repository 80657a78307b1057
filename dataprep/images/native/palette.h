/* The colours of an image, each once, so that what is slow is done once for each: a photograph has a quarter as many as pixels. No
   Python, no memory of its own, no state. */

#ifndef DATAPREP_PALETTE_H
#define DATAPREP_PALETTE_H

#include "resize.h"

#define PALETTE_WORDS (1 << 18) /* of 64 bits, one for each colour that there is */

/* Which colours an image has, and how many there are before each word of these. */
struct palette {
    uint64_t has[PALETTE_WORDS];
    uint32_t before[PALETTE_WORDS];
};

/* Finds the colours of an RGB image, in order; returns how many there are, 0 for more than `most`. */
size_t palette_find(struct pixels image, size_t most, struct palette *palette, uint8_t *colours);

/* Fills `out`, of the size of the image, with what became of its `count` colours; returns whether it has no other. */
int palette_paint(struct pixels image, const struct palette *palette, const uint8_t *colours, size_t count, struct pixels out);

#endif
