/* Images upright, as their EXIF orientation says. No Python, no memory, no state. */

#ifndef DATAPREP_TURN_H
#define DATAPREP_TURN_H

#include "resize.h"

/* How an orientation of EXIF turns an image: the axes are exchanged first, then mirrored. */
struct turn {
    int transposed, down, across;
};

/* Returns the turn of an orientation, 1 to 8. */
struct turn turn_of(int orientation);

/* Fills the upright pixels, those of a row side by side, from those of the file, of as many channels: 1 or 3. */
void turn_upright(struct pixels from, struct turn turn, struct pixels to);

#endif
