/* What the measures of luminance, of the small picture and of the channels find, for the module that binds it: no Python, no state.

   Each value has the bits of the Python path (stages/measures), whose arithmetic is OpenCV's, NumPy's and Pillow's: sums are exact
   whole numbers, what follows from them is made in the same order. */

#ifndef DATAPREP_MEASURES_H
#define DATAPREP_MEASURES_H

#include <stddef.h>
#include <stdint.h>

#include "head.h"
#include "resize.h"

/* What may be wanted, a bit each. */
enum {
    LUMINANCE = 1 << 0,
    LEVELS = 1 << 1,
    SHARPNESS = 1 << 2,
    PHASH64 = 1 << 3,
    PHASH256 = 1 << 4,
    DHASH64 = 1 << 5,
    DHASH256 = 1 << 6,
    AVERAGEHASH64 = 1 << 7,
    AVERAGEHASH256 = 1 << 8,
    OF_GRAY = (1 << 9) - 1,
    MINIATURE = 1 << 9,
    CHANNEL_SUMS = 1 << 10,
    ANYTHING = (1 << 11) - 1
};

#define MINIATURE_SIDE 32 /* pixels */
#define MINIATURE_CELLS 4 /* of colour, a side */

struct wanted {
    int measures;      /* bits of what is wanted */
    int side;          /* the shorter side, in pixels, that luminance is reduced to; 0 for all of it */
    int cheaper_first; /* whether the pass that costs less comes first in Pillow's `resize`, or always the one along rows */
};

/* What was found; where it was not wanted, zeros. */
struct record {
    double brightness, contrast, sharpness;
    int64_t channel_sums[3], channel_squares[3];
    int32_t darkest, lightest;
    uint8_t phash64[8], phash256[32], dhash64[8], dhash256[32], averagehash64[8], averagehash256[32];
    uint8_t miniature[MINIATURE_SIDE * MINIATURE_SIDE + 2 * MINIATURE_CELLS * MINIATURE_CELLS];
};

enum found { FOUND, NOT_MINE, NO_MEMORY };

/* Measures (H, W) luminance, that is reduced first. */
enum found measure_gray(struct pixels image, const struct wanted *wanted, struct record *record);

/* Measures (H, W, 3) RGB; not its are small pictures of less than `MINIATURE_SIDE` pixels a side. */
enum found measure_rgb(struct pixels image, const struct wanted *wanted, struct record *record);

/* Adds to the record the hashes of luminance that was reduced. */
enum found hash_gray(struct pixels view, const struct wanted *wanted, struct record *record);

/* Measures a JPEG from its bytes. Not its is one of more pixels, one that the strict decoder leaves, and one with a colour profile
   unless its caller knows that it says sRGB. */
enum found measure_jpeg(const uint8_t *data, size_t size, const struct wanted *wanted, int64_t max_pixels, int profile_is_srgb,
                        struct head *head, struct record *record);

#endif
