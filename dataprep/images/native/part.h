/* A part of a JPEG by libjpeg-turbo, which need not transform, upsample and convert what nobody will see. No Python, no state. */

#ifndef DATAPREP_PART_H
#define DATAPREP_PART_H

#include <stddef.h>
#include <stdint.h>

#include "box.h"

#define PART_AROUND 64 /* columns that may be decoded to the left and to the right of a part, to whole MCUs and beyond */

/* Rows of RGB of which a part is a piece. */
struct rows {
    uint8_t *first;
    size_t size;     /* bytes that there are */
    int start, wide; /* column of the image with which they begin, and pixels of each */
};

/* Fills rows with a part of an image, to the end of the file if asked, so that faults behind the part are seen, too; returns whether
   it could: not where there is a fault, or the memory is too small. */
int part_decode(const uint8_t *data, size_t size, struct box part, int to_end, struct rows *rows);

#endif
