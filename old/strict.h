/* A strict decoder of baseline JPEG: the very pixels of libjpeg-turbo, in less time, or none at all.

   It takes what encoders write: 8 bits, gray or YCbCr of a common subsampling, one scan, restart markers in order, the end behind
   the last code. Whatever libjpeg-turbo would warn of, or its versions for different processors decode otherwise, is "not mine". */

#ifndef DATAPREP_STRICT_H
#define DATAPREP_STRICT_H

#include "head.h"
#include "resize.h"

/* What is wanted of an image, and what came of it. A scale is 1, 2, 4 or 8, for 1/1 to 1/8 of the sides, rounded up; 0 for nothing. */
struct strict_planes {
    int gray_scale, rgb_scale;
    int plain;               /* whether to do without what only some processors have, for tests */
    struct pixels gray, rgb; /* of 1 and 3 channels, not turned upright, in `memory` */
    void *memory;
};

/* Decodes in one pass over the entropy code; 0 is "not mine". What it returned 1 for is freed by `strict_free`. */
int strict_decode(const uint8_t *data, size_t size, const struct head *head, struct strict_planes *planes);

void strict_free(struct strict_planes *planes);

#endif
