/* From luminance and two planes of chroma, which may be smaller, to RGB: as libjpeg does it, with its smooth ("fancy") upsampling. */

#ifndef DATAPREP_COLOUR_H
#define DATAPREP_COLOUR_H

#include "resize.h"

/* How many times chroma is smaller, 1 or 2; whether to interpolate it; whether to do without what only some processors have. */
struct sampling {
    int across, down, is_smooth, plain;
};

/* Fills `rgb` from planes whose rows may be longer than they are wide. Returns whether there was memory for it. */
int colour_fill(struct pixels luminance, const struct pixels chroma[2], const struct sampling *sampling, struct pixels rgb);

/* Fills `rgb` from luminance alone. */
void colour_repeat(struct pixels luminance, struct pixels rgb);

#endif
