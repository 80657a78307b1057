/* From a luminance and two perhaps smaller planes of chroma to RGB, as libjpeg does it: its smooth ("fancy") upsampling, its tables. */

#ifndef DATAPREP_COLOUR_H
#define DATAPREP_COLOUR_H

#include "resize.h"

/* Fills `rgb` from planes whose rows may be longer than they are wide. Chroma is `across` and `down` times smaller, 1 or 2; `is_smooth`
   asks to interpolate it. Returns whether there was memory for it. */
int colour_fill(struct pixels luminance, const struct pixels chroma[2], int across, int down, int is_smooth, struct pixels rgb);

/* Fills `rgb` from luminance alone. */
void colour_repeat(struct pixels luminance, struct pixels rgb);

#endif
