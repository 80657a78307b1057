/* From luminance and two planes of chroma, which may be smaller, to RGB: as libjpeg does it, with its smooth ("fancy") upsampling. */

#ifndef DATAPREP_COLOUR_H
#define DATAPREP_COLOUR_H

#include "resize.h"

#define BEHIND 32 /* bytes behind the last row of a plane that may be read */

/* A component of an image, of which some is in memory: of `lines` rows at a time, so that row `y` is at y % lines, the columns from
   `left` on. */
struct plane {
    uint8_t *first;
    ptrdiff_t stride;
    int lines, left;
    int height, width; /* of the component */
};

/* How many times chroma is smaller, 1 or 2; whether to interpolate it; whether to do without what only some processors have. */
struct sampling {
    int across, down, is_smooth, plain;
};

/* What RGB is made of. A gray image has luminance alone. */
struct colour_planes {
    int count; /* of components, 1 or 3 */
    struct plane planes[3];
    struct sampling sampling;
    void *memory; /* `colour_memory` bytes, aligned for 16-bit integers */
};

/* Returns how many bytes lines of so many pixels need. */
size_t colour_memory(int width);

/* Fills rows of RGB from `start` up to `stop`; row 0 of it is row `top` of the image, and column 0 column `left`. */
void colour_fill(const struct colour_planes *colours, int top, int left, int start, int stop, struct pixels rgb);

#endif
