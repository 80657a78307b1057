/* Inverse cosine transforms in the arithmetic of libjpeg's jidctint.c and jidctred.c: 13 bits of fraction, 2 between the passes, first
   along columns and then along rows. */

#include "transform.h"

#include <string.h>

#include "transform_wide.h"

#define MOST_COEFFICIENT 8191 /* of what 8-bit samples give 1,024 times sqrt(2) is the most, so this leaves sums their 32 bits */

const uint8_t ROW_ORDER[256] = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
    41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
    30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
};

int quantisation_open(struct quantisation *quantisation, const uint8_t *factors) {
    memset(quantisation->faults, 0, sizeof quantisation->faults);
    for (int place = 0; place < BLOCK; place++) {
        if (factors[place] == 0) return 0;
        quantisation->factors[ROW_ORDER[place]] = factors[place];
        quantisation->limits[ROW_ORDER[place]] = (int16_t)(MOST_COEFFICIENT / factors[place]);
    }
    return 1;
}

/* The columns and rows of the frequencies that a transform looks at, as bits. */
static int seen_by(int size) { return size == 8 ? 0xFF : size == 4 ? 0xEF : size == 2 ? 0xAB : 0x01; }

int has_faults(const struct quantisation *quantisation, int size) {
    int found = 0;
    for (int column = 0; column < 8; column++) {
        if (seen_by(size) >> column & 1) found |= quantisation->faults[0][column] | (quantisation->faults[1][column] & 0x8000);
        found |= quantisation->faults[2][column] & ~(2 * MOST_PIXEL - 1);
    }
    return found != 0;
}

static inline int32_t descale(int32_t value, int bits) { return (value + (1 << (bits - 1))) >> bits; }

/* One line of eight frequencies into eight, four or two values. */
static void line_of_eight(const int32_t *in, int32_t *out, int bits) {
    int32_t even[4], odd[4], sum = (in[0] + in[4]) * 8192, difference = (in[0] - in[4]) * 8192;
    even[0] = sum + in[2] * 10703 + in[6] * 4433;
    even[1] = difference + in[2] * 4433 - in[6] * 10704;
    even[2] = difference - in[2] * 4433 + in[6] * 10704;
    even[3] = sum - in[2] * 10703 - in[6] * 4433;
    odd[0] = in[1] * 11363 + in[3] * 9633 + in[5] * 6437 + in[7] * 2260;
    odd[1] = in[1] * 9633 - in[3] * 2259 - in[5] * 11362 - in[7] * 6436;
    odd[2] = in[1] * 6437 - in[3] * 11362 + in[5] * 2261 + in[7] * 9633;
    odd[3] = in[1] * 2260 - in[3] * 6436 + in[5] * 9633 - in[7] * 11363;
    for (int place = 0; place < 4; place++) {
        out[place] = descale(even[place] + odd[place], bits);
        out[7 - place] = descale(even[place] - odd[place], bits);
    }
}

static void line_of_four(const int32_t *in, int32_t *out, int bits) {
    int32_t even = in[2] * 15137 - in[6] * 6270, first = in[0] * 16384;
    int32_t outer = in[1] * 20995 + in[3] * 7373 - in[5] * 4926 - in[7] * 4176;
    int32_t inner = in[1] * 8697 - in[3] * 17799 + in[5] * 11893 - in[7] * 1730;
    out[0] = descale(first + even + outer, bits + 1);
    out[1] = descale(first - even + inner, bits + 1);
    out[2] = descale(first - even - inner, bits + 1);
    out[3] = descale(first + even - outer, bits + 1);
}

static void line_of_two(const int32_t *in, int32_t *out, int bits) {
    int32_t first = in[0] * 32768, odd = in[1] * 29692 - in[3] * 10426 + in[5] * 6967 - in[7] * 5906;
    out[0] = descale(first + odd, bits + 2);
    out[1] = descale(first - odd, bits + 2);
}

static inline uint8_t pixel_of(int32_t value) {
    value += 128;
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

/* Both passes; one that would leave its range is not begun, so that no sum overflows. */
static inline void transform_plainly(const int16_t *block, struct quantisation *quantisation, uint8_t *out, ptrdiff_t stride,
                                     int size, void (*line)(const int32_t *, int32_t *, int)) {
    int32_t between[8][8], seen = seen_by(size), in[8] = {0}, made[8];
    for (int column = 0; column < 8; column++) {
        if (!(seen >> column & 1)) continue;
        for (int row = 0; row < 8; row++) {
            int place = 8 * row + column, coefficient = block[place], limit = quantisation->limits[place];
            if (!(seen >> row & 1)) continue;
            if (coefficient > limit || coefficient < -limit) goto left_range;
            in[row] = coefficient * quantisation->factors[place];
        }
        line(in, made, FRACTION - BETWEEN);
        for (int row = 0; row < size; row++) {
            if (made[row] < -MOST_BETWEEN || made[row] >= MOST_BETWEEN) goto left_range;
            between[row][column] = made[row];
        }
    }
    for (int row = 0; row < size; row++, out += stride) {
        for (int column = 0; column < 8; column++) in[column] = seen >> column & 1 ? between[row][column] : 0;
        line(in, made, FRACTION + BETWEEN + 3);
        for (int column = 0; column < size; column++) {
            if (made[column] < -MOST_PIXEL || made[column] >= MOST_PIXEL) goto left_range;
            out[column] = pixel_of(made[column]);
        }
    }
    return;
left_range:
    quantisation->faults[0][0] = 1;
}

static void into_eight(const int16_t *blocks, int count, struct quantisation *quantisation, uint8_t *out, ptrdiff_t stride) {
    for (; count > 0; count--, blocks += BLOCK, out += 8) transform_plainly(blocks, quantisation, out, stride, 8, line_of_eight);
}

static void into_four(const int16_t *blocks, int count, struct quantisation *quantisation, uint8_t *out, ptrdiff_t stride) {
    for (; count > 0; count--, blocks += BLOCK, out += 4) transform_plainly(blocks, quantisation, out, stride, 4, line_of_four);
}

static void into_two(const int16_t *blocks, int count, struct quantisation *quantisation, uint8_t *out, ptrdiff_t stride) {
    for (; count > 0; count--, blocks += BLOCK, out += 2) transform_plainly(blocks, quantisation, out, stride, 2, line_of_two);
}

/* The means alone. */
static void into_one(const int16_t *blocks, int count, struct quantisation *quantisation, uint8_t *out, ptrdiff_t stride) {
    (void)stride;
    for (; count > 0; count--, blocks += BLOCK, out++) {
        int32_t value = descale(blocks[0] * quantisation->factors[0], 3);
        if (value < -MOST_PIXEL || value >= MOST_PIXEL) quantisation->faults[0][0] = 1;
        *out = pixel_of(value);
    }
}

transform *transform_into(int size, int plain) {
    transform *wide = plain ? NULL : wide_transform_into(size);
    return wide != NULL ? wide : size == 8 ? into_eight : size == 4 ? into_four : size == 2 ? into_two : into_one;
}
