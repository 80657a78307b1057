/* Colour profiles of three curves and a matrix, which nearly all cameras and screens have, as tables that turn levels into sRGB: the
   very levels of Little CMS 2 at 8 bits, relative colorimetric with black point compensation, in a tenth of the time or less.

   It takes what makers of profiles write; profiles with tables of colours, black that is not 0, or anything odd are "not mine". No
   Python, no memory of its own, no state. */

#ifndef DATAPREP_SHAPER_H
#define DATAPREP_SHAPER_H

#include "resize.h"

#define SHAPER_LIGHT 16384 /* full linear light: fixed point of 14 bits */

struct shaper {
    int32_t parts[3][256][4];         /* what a level of red, green and blue adds to linear red, green and blue, in 28 bits; and 0 */
    uint8_t levels[SHAPER_LIGHT + 1]; /* of sRGB, by linear light */
};

/* What a profile is: one that makes no sense, sRGB as it is, or another. */
enum meaning { SHAPER_UNFIT, SHAPER_SRGB, SHAPER_OTHER };

/* Reads a profile of RGB; 0 is "not mine". */
int shaper_read(const uint8_t *profile, size_t size, struct shaper *shaper);

/* Finds what a profile calls itself, in up to `room` plain characters; returns how many, -1 for "not mine". */
int shaper_name(const uint8_t *profile, size_t size, char *name, int room);

/* Judges as `_find` of images/profiles.py does. */
enum meaning shaper_judge(const struct shaper *shaper);

/* Turns the RGB image into sRGB, or into its luminance where `out`, of the same size, has one channel. */
void shaper_apply(const struct shaper *shaper, struct pixels image, struct pixels out);

#endif
