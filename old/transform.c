/* Inverse cosine transforms in the arithmetic of libjpeg's jidctint.c and jidctred.c: 13 bits of fraction, 2 between the passes, first
   along columns and then along rows. */

#include "transform.h"

#include <string.h>

#include "wide.h"

#define FRACTION 13
#define BETWEEN 2
#define MOST_COEFFICIENT 8191 /* of what 8-bit samples give 1,024 times sqrt(2) is the most, so this leaves sums their 32 bits */
#define MOST_BETWEEN 16384    /* what the first pass may give: so far below zero, less by one above */
#define MOST_PIXEL 512        /* the same of a pixel, before 128 is added; beyond, a table of libjpeg's repeats itself */

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

static void into_eight(const int16_t *block, struct quantisation *quantisation, uint8_t *out, ptrdiff_t stride) {
    transform_plainly(block, quantisation, out, stride, 8, line_of_eight);
}

static void into_four(const int16_t *block, struct quantisation *quantisation, uint8_t *out, ptrdiff_t stride) {
    transform_plainly(block, quantisation, out, stride, 4, line_of_four);
}

static void into_two(const int16_t *block, struct quantisation *quantisation, uint8_t *out, ptrdiff_t stride) {
    transform_plainly(block, quantisation, out, stride, 2, line_of_two);
}

/* The mean alone. */
static void into_one(const int16_t *block, struct quantisation *quantisation, uint8_t *out, ptrdiff_t stride) {
    int32_t value = descale(block[0] * quantisation->factors[0], 3);
    (void)stride;
    if (value < -MOST_PIXEL || value >= MOST_PIXEL) quantisation->faults[0][0] = 1;
    *out = pixel_of(value);
}

#ifdef AVX2 /* and so SSE2 */
/* As many coefficients and weights as a register holds. */
typedef __m128i words;

struct halves {
    __m128i low, high; /* columns 0 to 3, and 4 to 7, of 32 bits */
};

static inline words load_row(const int16_t *block, const struct quantisation *quantisation, int row, words *faults) {
    words coefficients = _mm_load_si128((const words *)(block + 8 * row));
    words magnitudes = _mm_max_epi16(coefficients, _mm_sub_epi16(_mm_setzero_si128(), coefficients));
    words limits = _mm_loadu_si128((const words *)(quantisation->limits + 8 * row));
    *faults = _mm_or_si128(*faults, _mm_subs_epu16(magnitudes, limits));
    return _mm_mullo_epi16(coefficients, _mm_load_si128((const words *)(quantisation->factors + 8 * row)));
}

static inline void remember(int16_t *faults, words found) {
    words *all = (words *)(void *)faults;
    _mm_storeu_si128(all, _mm_or_si128(_mm_loadu_si128(all), found));
}

/* Has its highest bits set where a value is not within MOST_BETWEEN. */
static inline words beyond_between(words values) { return _mm_xor_si128(values, _mm_add_epi16(values, values)); }

/* Has bits above those of 2 * MOST_PIXEL set where a value is not within MOST_PIXEL. */
static inline words beyond_pixel(words values) { return _mm_add_epi16(values, _mm_set1_epi16(MOST_PIXEL)); }

static inline words pair(int first, int second) { return _mm_set1_epi32((int)((uint32_t)second << 16 | (uint16_t)first)); }

static inline struct halves weigh(words first, words second, int one, int other) {
    return (struct halves){_mm_madd_epi16(_mm_unpacklo_epi16(first, second), pair(one, other)),
                           _mm_madd_epi16(_mm_unpackhi_epi16(first, second), pair(one, other))};
}

static inline struct halves plus(struct halves one, struct halves other) {
    return (struct halves){_mm_add_epi32(one.low, other.low), _mm_add_epi32(one.high, other.high)};
}

static inline struct halves minus(struct halves one, struct halves other) {
    return (struct halves){_mm_sub_epi32(one.low, other.low), _mm_sub_epi32(one.high, other.high)};
}

/* What rounds sums before so many bits are shifted out of them. */
static inline struct halves half_of(int bits) {
    return (struct halves){_mm_set1_epi32(1 << (bits - 1)), _mm_set1_epi32(1 << (bits - 1))};
}

/* A row times a power of two, 1 << bits. */
static inline struct halves raised(words row, int bits) {
    words zero = _mm_setzero_si128();
    return (struct halves){_mm_srai_epi32(_mm_unpacklo_epi16(zero, row), 16 - bits),
                           _mm_srai_epi32(_mm_unpackhi_epi16(zero, row), 16 - bits)};
}

static inline words shifted(struct halves sums, int bits) {
    return _mm_packs_epi32(_mm_srai_epi32(sums.low, bits), _mm_srai_epi32(sums.high, bits));
}

static inline void transpose(words *rows) {
    words a[8], b[8];
    for (int pair = 0; pair < 4; pair++) {
        a[2 * pair] = _mm_unpacklo_epi16(rows[2 * pair], rows[2 * pair + 1]);
        a[2 * pair + 1] = _mm_unpackhi_epi16(rows[2 * pair], rows[2 * pair + 1]);
    }
    for (int half = 0; half < 8; half += 4)
        for (int side = 0; side < 2; side++) {
            b[half + 2 * side] = _mm_unpacklo_epi32(a[half + side], a[half + side + 2]);
            b[half + 2 * side + 1] = _mm_unpackhi_epi32(a[half + side], a[half + side + 2]);
        }
    for (int column = 0; column < 4; column++) {
        rows[2 * column] = _mm_unpacklo_epi64(b[column], b[column + 4]);
        rows[2 * column + 1] = _mm_unpackhi_epi64(b[column], b[column + 4]);
    }
}

/* One pass over eight lines, each in its lane. */
static inline void lines_of_eight(words *in, int bits) {
    struct halves even[4], odd[4];
    struct halves sum = plus(weigh(in[0], in[4], 8192, 8192), half_of(bits));
    struct halves difference = plus(weigh(in[0], in[4], 8192, -8192), half_of(bits));
    struct halves outer = weigh(in[2], in[6], 10703, 4433), inner = weigh(in[2], in[6], 4433, -10704);
    even[0] = plus(sum, outer);
    even[1] = plus(difference, inner);
    even[2] = minus(difference, inner);
    even[3] = minus(sum, outer);
    odd[0] = plus(weigh(in[1], in[3], 11363, 9633), weigh(in[5], in[7], 6437, 2260));
    odd[1] = plus(weigh(in[1], in[3], 9633, -2259), weigh(in[5], in[7], -11362, -6436));
    odd[2] = plus(weigh(in[1], in[3], 6437, -11362), weigh(in[5], in[7], 2261, 9633));
    odd[3] = plus(weigh(in[1], in[3], 2260, -6436), weigh(in[5], in[7], 9633, -11363));
    for (int place = 0; place < 4; place++) {
        in[place] = shifted(plus(even[place], odd[place]), bits);
        in[7 - place] = shifted(minus(even[place], odd[place]), bits);
    }
}

static void into_eight_wide(const int16_t *block, struct quantisation *quantisation, uint8_t *out, ptrdiff_t stride) {
    words rows[8], faults = _mm_setzero_si128(), between = faults, pixels = faults;
    for (int row = 0; row < 8; row++) rows[row] = load_row(block, quantisation, row, &faults);
    lines_of_eight(rows, FRACTION - BETWEEN);
    for (int row = 0; row < 8; row++) between = _mm_or_si128(between, beyond_between(rows[row]));
    transpose(rows);
    lines_of_eight(rows, FRACTION + BETWEEN + 3);
    for (int row = 0; row < 8; row++) pixels = _mm_or_si128(pixels, beyond_pixel(rows[row]));
    transpose(rows);
    for (int row = 0; row < 8; row += 2) {
        words two = _mm_xor_si128(_mm_packs_epi16(rows[row], rows[row + 1]), _mm_set1_epi8(-128));
        _mm_storel_epi64((words *)(void *)(out + row * stride), two);
        _mm_storel_epi64((words *)(void *)(out + (row + 1) * stride), _mm_unpackhi_epi64(two, two));
    }
    remember(quantisation->faults[0], faults);
    remember(quantisation->faults[1], between);
    remember(quantisation->faults[2], pixels);
}

static inline void store_four(uint8_t *out, words pixels) {
    int32_t four = _mm_cvtsi128_si32(pixels);
    memcpy(out, &four, 4);
}

/* Four rows of what is between the passes into pixels. */
static inline void finish_four(const words *made, struct quantisation *quantisation, uint8_t *out, ptrdiff_t stride) {
    words a = _mm_unpacklo_epi16(made[0], made[1]), b = _mm_unpacklo_epi16(made[2], made[3]);
    words c = _mm_unpackhi_epi16(made[0], made[1]), d = _mm_unpackhi_epi16(made[2], made[3]);
    words columns01 = _mm_unpacklo_epi32(a, b), columns23 = _mm_unpackhi_epi32(a, b);
    words columns45 = _mm_unpacklo_epi32(c, d), columns67 = _mm_unpackhi_epi32(c, d);
    words start = _mm_add_epi32(raised(columns01, FRACTION + 1).low, _mm_set1_epi32(1 << (FRACTION + BETWEEN + 3)));
    words twos = _mm_madd_epi16(_mm_unpacklo_epi16(columns23, columns67), pair(15137, -6270));
    words low = _mm_unpackhi_epi16(columns01, columns23), high = _mm_unpackhi_epi16(columns45, columns67);
    words far = _mm_add_epi32(_mm_madd_epi16(low, pair(20995, 7373)), _mm_madd_epi16(high, pair(-4926, -4176)));
    words near = _mm_add_epi32(_mm_madd_epi16(low, pair(8697, -17799)), _mm_madd_epi16(high, pair(11893, -1730)));
    words plus_twos = _mm_add_epi32(start, twos), minus_twos = _mm_sub_epi32(start, twos);
    words column0 = _mm_srai_epi32(_mm_add_epi32(plus_twos, far), FRACTION + BETWEEN + 4);
    words column1 = _mm_srai_epi32(_mm_add_epi32(minus_twos, near), FRACTION + BETWEEN + 4);
    words column2 = _mm_srai_epi32(_mm_sub_epi32(minus_twos, near), FRACTION + BETWEEN + 4);
    words column3 = _mm_srai_epi32(_mm_sub_epi32(plus_twos, far), FRACTION + BETWEEN + 4);
    words columns02 = _mm_packs_epi32(column0, column2), columns13 = _mm_packs_epi32(column1, column3);
    a = _mm_unpacklo_epi16(columns02, columns13); /* columns 0 and 1 of four rows */
    b = _mm_unpackhi_epi16(columns02, columns13);
    words bytes = _mm_xor_si128(_mm_packs_epi16(_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b)), _mm_set1_epi8(-128));
    store_four(out, bytes);
    store_four(out + stride, _mm_shuffle_epi32(bytes, 1));
    store_four(out + 2 * stride, _mm_shuffle_epi32(bytes, 2));
    store_four(out + 3 * stride, _mm_shuffle_epi32(bytes, 3));
    remember(quantisation->faults[2], _mm_or_si128(beyond_pixel(columns02), beyond_pixel(columns13)));
}

static void into_four_wide(const int16_t *block, struct quantisation *quantisation, uint8_t *out, ptrdiff_t stride) {
    words rows[8], made[4], faults = _mm_setzero_si128(), between = faults;
    for (int row = 0; row < 8; row++)
        if (row != 4) rows[row] = load_row(block, quantisation, row, &faults);
    struct halves first = plus(raised(rows[0], FRACTION + 1), half_of(FRACTION - BETWEEN + 1));
    struct halves even = weigh(rows[2], rows[6], 15137, -6270);
    struct halves outer = plus(weigh(rows[1], rows[3], 20995, 7373), weigh(rows[5], rows[7], -4926, -4176));
    struct halves inner = plus(weigh(rows[1], rows[3], 8697, -17799), weigh(rows[5], rows[7], 11893, -1730));
    struct halves sum = plus(first, even), difference = minus(first, even);
    made[0] = shifted(plus(sum, outer), FRACTION - BETWEEN + 1);
    made[1] = shifted(plus(difference, inner), FRACTION - BETWEEN + 1);
    made[2] = shifted(minus(difference, inner), FRACTION - BETWEEN + 1);
    made[3] = shifted(minus(sum, outer), FRACTION - BETWEEN + 1);
    for (int row = 0; row < 4; row++) between = _mm_or_si128(between, beyond_between(made[row]));
    finish_four(made, quantisation, out, stride);
    remember(quantisation->faults[0], faults);
    remember(quantisation->faults[1], between);
}

/* One row of what is between the passes into two pixels. */
static inline void finish_two(words row, struct quantisation *quantisation, uint8_t *out) {
    words products = _mm_madd_epi16(row, _mm_setr_epi16(0, 29692, 0, -10426, 0, 6967, 0, -5906));
    products = _mm_add_epi32(products, _mm_shuffle_epi32(products, 0x4E));
    int32_t odd = _mm_cvtsi128_si32(_mm_add_epi32(products, _mm_shuffle_epi32(products, 0xB1)));
    int32_t first = (int32_t)(int16_t)_mm_cvtsi128_si32(row) * 32768;
    for (int column = 0; column < 2; column++) {
        /* of a row that left its range the sums may overflow, which only unsigned numbers may */
        uint32_t sum = (uint32_t)first + (column ? 0u - (uint32_t)odd : (uint32_t)odd) + (1u << (FRACTION + BETWEEN + 4));
        int32_t value = (int32_t)sum >> (FRACTION + BETWEEN + 5);
        quantisation->faults[2][0] |= (int16_t)(value + MOST_PIXEL);
        out[column] = pixel_of(value);
    }
}

static void into_two_wide(const int16_t *block, struct quantisation *quantisation, uint8_t *out, ptrdiff_t stride) {
    words faults = _mm_setzero_si128(), rows[8];
    for (int row = 0; row < 8; row++)
        if (row == 0 || row & 1) rows[row] = load_row(block, quantisation, row, &faults);
    struct halves first = plus(raised(rows[0], FRACTION + 2), half_of(FRACTION - BETWEEN + 2));
    struct halves odd = plus(weigh(rows[1], rows[3], 29692, -10426), weigh(rows[5], rows[7], 6967, -5906));
    words upper = shifted(plus(first, odd), FRACTION - BETWEEN + 2), lower = shifted(minus(first, odd), FRACTION - BETWEEN + 2);
    finish_two(upper, quantisation, out);
    finish_two(lower, quantisation, out + stride);
    remember(quantisation->faults[0], faults);
    remember(quantisation->faults[1], _mm_or_si128(beyond_between(upper), beyond_between(lower)));
}
#endif

transform *transform_into(int size, int plain) {
#ifdef AVX2
    if (!plain && size > 1) return size == 8 ? into_eight_wide : size == 4 ? into_four_wide : into_two_wide;
#endif
    (void)plain;
    return size == 8 ? into_eight : size == 4 ? into_four : size == 2 ? into_two : into_one;
}
