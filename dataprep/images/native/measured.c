/* Measures a JPEG from its bytes: decodes it as reduced as its measures allow, turns it upright, measures. */

#include <stdlib.h>

#include "measures.h"
#include "strict.h"
#include "turn.h"

/* Returns the largest of 1, 2, 4 and 8 that leaves so many pixels of the shorter side, as views.scale does; 0 stands for all. */
static int scale_of(const struct head *head, int side) {
    int64_t shorter = head->height < head->width ? head->height : head->width;
    int scale = 8;
    while (scale > 1 && (side == 0 || shorter < (int64_t)scale * side)) scale /= 2;
    return scale;
}

typedef enum found measure_pixels(struct pixels image, const struct wanted *wanted, struct record *record);

/* Measures an image that is to be turned as its EXIF orientation says, 1 to 8. */
static enum found measure_upright(measure_pixels *measure, struct pixels image, int orientation, const struct wanted *wanted,
                                  struct record *record) {
    if (orientation == 1) return measure(image, wanted, record);
    struct turn turn = turn_of(orientation);
    struct pixels upright = image;
    if (turn.transposed) {
        upright.height = image.width;
        upright.width = image.height;
    }
    upright.stride = (ptrdiff_t)upright.width * upright.channels;
    upright.first = malloc((size_t)upright.height * (size_t)upright.stride);
    if (upright.first == NULL) return NO_MEMORY;
    turn_upright(image, turn, upright);
    enum found found = measure(upright, wanted, record);
    free(upright.first);
    return found;
}

/* Decodes and measures luminance at a scale, RGB at another, or both in one pass; 0 leaves one out. */
static enum found measure_scales(const uint8_t *data, size_t size, const struct head *head, int gray_scale, int rgb_scale,
                                 const struct wanted *wanted, struct record *record) {
    struct strict_planes planes = {.gray_scale = gray_scale, .rgb_scale = rgb_scale};
    enum found found = FOUND;
    if (!strict_decode(data, size, head, &planes)) return NOT_MINE;
    if (gray_scale) found = measure_upright(measure_gray, planes.gray, head->orientation, wanted, record);
    if (rgb_scale && found == FOUND) found = measure_upright(measure_rgb, planes.rgb, head->orientation, wanted, record);
    strict_free(&planes);
    return found;
}

enum found measure_jpeg(const uint8_t *data, size_t size, const struct wanted *wanted, int64_t max_pixels, int profile_is_srgb,
                        struct head *head, struct record *record) {
    if (!head_read(data, size, head) || (head->pieces && !profile_is_srgb)) return NOT_MINE;
    if ((int64_t)head->height * head->width > max_pixels) return NOT_MINE;
    struct wanted small = *wanted, sums = *wanted;
    small.measures &= ~CHANNEL_SUMS;
    sums.measures &= CHANNEL_SUMS;
    int gray_scale = wanted->measures & OF_GRAY ? scale_of(head, wanted->side) : 0;
    int rgb_scale = wanted->measures & MINIATURE ? scale_of(head, MINIATURE_SIDE) : 0;
    if (wanted->measures == 0) gray_scale = scale_of(head, 1); /* to see whether it is whole */
    enum found found = FOUND;
    if (gray_scale || rgb_scale) found = measure_scales(data, size, head, gray_scale, rgb_scale, &small, record);
    if (sums.measures && found == FOUND) found = measure_scales(data, size, head, 0, 1, &sums, record);
    return found;
}
