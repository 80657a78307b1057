/* The end of every pipeline: the pixels of an image as values of a batch, looked up, mirrored, in the order of its memory. No Python,
   no memory of its own, no state. */

#ifndef DATAPREP_PLACE_H
#define DATAPREP_PLACE_H

#include "resize.h"

/* An image of a batch, (3, H, W) values of 1, 2 or 4 bytes. */
struct canvas {
    void *first;
    ptrdiff_t strides[3]; /* values */
    size_t size;          /* bytes of a value */
};

/* What becomes of the levels of an image: (3, 256) values of the canvas's type. Of floats there may be (3, 2) numbers, slope and start
   of lines that are thought to go through them; where one does, to the last bit, it is quicker than a table. */
struct levels {
    const void *table;
    const double *line; /* or NULL */
};

/* Whether (3, 256) bytes are those that stay as they are. */
int changes_nothing(const void *levels);

/* Fills a canvas of its height and width with what its levels make of an RGB image, mirrored if asked. */
void place(struct pixels image, int mirror, const struct levels *levels, const struct canvas *canvas);

#endif
