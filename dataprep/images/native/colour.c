/* Upsamples chroma and converts colours, by the arithmetic of libjpeg's jdsample.c and jdcolor.c. */

#include "colour.h"

#include <stdlib.h>

#define FRACTION 16 /* bits */
#define FIXED(x) ((int32_t)((x) * (1 << FRACTION) + 0.5))
#define HALF (1 << (FRACTION - 1))
#define LEAST_SMOOTH 3 /* columns of chroma: fewer are repeated instead, if they are smaller across */

static inline uint8_t clamped(int32_t value) { return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value; }

static void convert(const uint8_t *luminance, const uint8_t *blue, const uint8_t *red, int width, uint8_t *rgb) {
    for (int x = 0; x < width; x++, rgb += 3) {
        int32_t y = luminance[x], cb = blue[x] - 128, cr = red[x] - 128;
        rgb[0] = clamped(y + ((FIXED(1.40200) * cr + HALF) >> FRACTION));
        rgb[1] = clamped(y + ((-FIXED(0.34414) * cb - FIXED(0.71414) * cr + HALF) >> FRACTION));
        rgb[2] = clamped(y + ((FIXED(1.77200) * cb + HALF) >> FRACTION));
    }
}

static void repeat(const uint8_t *row, int width, uint8_t *out) {
    for (int x = 0; x < width; x++) out[2 * x] = out[2 * x + 1] = row[x];
}

/* Three quarters of the nearer and one of the farther, rounded up and down by turns. */
static void smooth_across(const uint8_t *row, int width, uint8_t *out) {
    for (int x = 0; x < width; x++) {
        int before = row[x ? x - 1 : 0], behind = row[x + 1 < width ? x + 1 : x];
        out[2 * x] = x ? (uint8_t)((3 * row[x] + before + 1) >> 2) : row[x];
        out[2 * x + 1] = x + 1 < width ? (uint8_t)((3 * row[x] + behind + 2) >> 2) : row[x];
    }
}

static void smooth_down(const uint8_t *near, const uint8_t *far, int width, int bias, uint8_t *out) {
    for (int x = 0; x < width; x++) out[x] = (uint8_t)((3 * near[x] + far[x] + bias) >> 2);
}

static void smooth_both(const uint8_t *near, const uint8_t *far, int width, uint8_t *out) {
    int before = 3 * near[0] + far[0], here = before;
    for (int x = 0; x < width; x++) {
        int next = x + 1 < width ? x + 1 : x, behind = 3 * near[next] + far[next];
        out[2 * x] = (uint8_t)((3 * here + before + 8) >> 4);
        out[2 * x + 1] = (uint8_t)((3 * here + behind + 7) >> 4);
        before = here;
        here = behind;
    }
}

/* Returns a row of chroma as wide as the image: one of the plane itself, or made in `out`. */
static const uint8_t *row_of(struct pixels chroma, int y, int across, int down, int is_smooth, uint8_t *out) {
    int at = y / down, other = y % down ? at + 1 : at - 1; /* the nearest row and the next nearest */
    if (other < 0) other = 0;
    if (other >= chroma.height) other = chroma.height - 1;
    const uint8_t *near = chroma.first + at * chroma.stride, *far = chroma.first + other * chroma.stride;
    if (across == 1 && (down == 1 || !is_smooth)) return near;
    if (across == 1)
        smooth_down(near, far, chroma.width, y % down ? 2 : 1, out);
    else if (!is_smooth || chroma.width < LEAST_SMOOTH)
        repeat(near, chroma.width, out);
    else if (down == 1)
        smooth_across(near, chroma.width, out);
    else
        smooth_both(near, far, chroma.width, out);
    return out;
}

int colour_fill(struct pixels luminance, const struct pixels chroma[2], int across, int down, int is_smooth, struct pixels rgb) {
    size_t size = 2 * ((size_t)rgb.width + 1);
    uint8_t *memory = malloc(2 * size);
    if (memory == NULL) return 0;
    for (int y = 0; y < rgb.height; y++) {
        const uint8_t *blue = row_of(chroma[0], y, across, down, is_smooth, memory);
        const uint8_t *red = row_of(chroma[1], y, across, down, is_smooth, memory + size);
        convert(luminance.first + y * luminance.stride, blue, red, rgb.width, rgb.first + y * rgb.stride);
    }
    free(memory);
    return 1;
}

void colour_repeat(struct pixels luminance, struct pixels rgb) {
    for (int y = 0; y < rgb.height; y++) {
        const uint8_t *row = luminance.first + y * luminance.stride;
        uint8_t *out = rgb.first + y * rgb.stride;
        for (int x = 0; x < rgb.width; x++, out += 3) out[0] = out[1] = out[2] = row[x];
    }
}
