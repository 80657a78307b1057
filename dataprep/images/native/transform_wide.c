/* The transforms of transform.c for two blocks at once, one in each half of the registers. The same bits come out. */

#include "transform_wide.h"

#include <string.h>

#include "wide.h"

#ifdef AVX2
#define NEWER __attribute__((target("avx2")))

/* Coefficients and weights of two blocks: as many as a register holds. */
typedef __m256i words;

struct halves {
    words low, high; /* columns 0 to 3, and 4 to 7, of 32 bits */
};

/* What was met so far. */
struct found {
    words faults;                /* not zero where coefficients are beyond their limits */
    words least, most;           /* between the passes */
    words least_pixel, most_pixel;
};

static inline NEWER words rows_of(const int16_t *first, const int16_t *second, int row) {
    words low = _mm256_castsi128_si256(_mm_load_si128((const __m128i *)(const void *)(first + 8 * row)));
    return _mm256_inserti128_si256(low, _mm_load_si128((const __m128i *)(const void *)(second + 8 * row)), 1);
}

static inline NEWER words twice(const int16_t *row) {
    return _mm256_broadcastsi128_si256(_mm_load_si128((const __m128i *)(const void *)row));
}

/* A row of both blocks as it was before it was quantised. */
static inline NEWER words load_row(const int16_t *first, const int16_t *second, const struct quantisation *quantisation, int row,
                                   struct found *found) {
    words coefficients = rows_of(first, second, row);
    words over = _mm256_subs_epu16(_mm256_abs_epi16(coefficients), twice(quantisation->limits + 8 * row));
    found->faults = _mm256_or_si256(found->faults, over);
    return _mm256_mullo_epi16(coefficients, twice(quantisation->factors + 8 * row));
}

static inline NEWER void see_between(struct found *found, words row) {
    found->least = _mm256_min_epi16(found->least, row);
    found->most = _mm256_max_epi16(found->most, row);
}

static inline NEWER void see_pixels(struct found *found, words row) {
    found->least_pixel = _mm256_min_epi16(found->least_pixel, row);
    found->most_pixel = _mm256_max_epi16(found->most_pixel, row);
}

static inline NEWER void add_faults(int16_t *faults, words found) {
    __m128i *all = (__m128i *)(void *)faults, both = _mm_or_si128(_mm256_castsi256_si128(found), _mm256_extracti128_si256(found, 1));
    _mm_storeu_si128(all, _mm_or_si128(_mm_loadu_si128(all), both));
}

/* Has its highest bits set where a value is not within MOST_BETWEEN. */
static inline NEWER words beyond_between(words values) { return _mm256_xor_si256(values, _mm256_add_epi16(values, values)); }

/* Has bits above those of 2 * MOST_PIXEL set where a value is not within MOST_PIXEL. */
static inline NEWER words beyond_pixel(words values) { return _mm256_add_epi16(values, _mm256_set1_epi16(MOST_PIXEL)); }

static inline NEWER struct found nothing(void) {
    words zero = _mm256_setzero_si256();
    return (struct found){zero, zero, zero, zero, zero};
}

static inline NEWER void remember(const struct found *found, struct quantisation *quantisation) {
    add_faults(quantisation->faults[0], found->faults);
    add_faults(quantisation->faults[1], _mm256_or_si256(beyond_between(found->least), beyond_between(found->most)));
    add_faults(quantisation->faults[2], _mm256_or_si256(beyond_pixel(found->least_pixel), beyond_pixel(found->most_pixel)));
}

static inline NEWER words pair(int first, int second) { return _mm256_set1_epi32((int)((uint32_t)second << 16 | (uint16_t)first)); }

static inline NEWER struct halves weigh(words first, words second, int one, int other) {
    return (struct halves){_mm256_madd_epi16(_mm256_unpacklo_epi16(first, second), pair(one, other)),
                           _mm256_madd_epi16(_mm256_unpackhi_epi16(first, second), pair(one, other))};
}

static inline NEWER struct halves plus(struct halves one, struct halves other) {
    return (struct halves){_mm256_add_epi32(one.low, other.low), _mm256_add_epi32(one.high, other.high)};
}

static inline NEWER struct halves minus(struct halves one, struct halves other) {
    return (struct halves){_mm256_sub_epi32(one.low, other.low), _mm256_sub_epi32(one.high, other.high)};
}

/* What rounds sums before so many bits are shifted out of them. */
static inline NEWER struct halves half_of(int bits) {
    return (struct halves){_mm256_set1_epi32(1 << (bits - 1)), _mm256_set1_epi32(1 << (bits - 1))};
}

/* A row times a power of two, 1 << bits. */
static inline NEWER struct halves raised(words row, int bits) {
    words zero = _mm256_setzero_si256();
    return (struct halves){_mm256_srai_epi32(_mm256_unpacklo_epi16(zero, row), 16 - bits),
                           _mm256_srai_epi32(_mm256_unpackhi_epi16(zero, row), 16 - bits)};
}

static inline NEWER words shifted(struct halves sums, int bits) {
    return _mm256_packs_epi32(_mm256_srai_epi32(sums.low, bits), _mm256_srai_epi32(sums.high, bits));
}

static inline NEWER void transpose(words *rows) {
    words a[8], b[8];
    for (int pair = 0; pair < 4; pair++) {
        a[2 * pair] = _mm256_unpacklo_epi16(rows[2 * pair], rows[2 * pair + 1]);
        a[2 * pair + 1] = _mm256_unpackhi_epi16(rows[2 * pair], rows[2 * pair + 1]);
    }
    for (int half = 0; half < 8; half += 4)
        for (int side = 0; side < 2; side++) {
            b[half + 2 * side] = _mm256_unpacklo_epi32(a[half + side], a[half + side + 2]);
            b[half + 2 * side + 1] = _mm256_unpackhi_epi32(a[half + side], a[half + side + 2]);
        }
    for (int column = 0; column < 4; column++) {
        rows[2 * column] = _mm256_unpacklo_epi64(b[column], b[column + 4]);
        rows[2 * column + 1] = _mm256_unpackhi_epi64(b[column], b[column + 4]);
    }
}

/* One pass over eight lines, each in its lane. */
static inline NEWER void lines_of_eight(words *in, int bits) {
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

/* Two rows of both blocks as bytes, those of a row side by side. */
static inline NEWER void store_rows(words upper, words lower, uint8_t *out, ptrdiff_t stride) {
    words bytes = _mm256_xor_si256(_mm256_packs_epi16(upper, lower), _mm256_set1_epi8(-128));
    bytes = _mm256_permute4x64_epi64(bytes, 0xD8);
    _mm_storeu_si128((__m128i *)(void *)out, _mm256_castsi256_si128(bytes));
    _mm_storeu_si128((__m128i *)(void *)(out + stride), _mm256_extracti128_si256(bytes, 1));
}

static inline NEWER void two_into_eight(const int16_t *first, const int16_t *second, const struct quantisation *quantisation,
                                        struct found *found, uint8_t *out, ptrdiff_t stride) {
    words rows[8];
    for (int row = 0; row < 8; row++) rows[row] = load_row(first, second, quantisation, row, found);
    lines_of_eight(rows, FRACTION - BETWEEN);
    for (int row = 0; row < 8; row++) see_between(found, rows[row]);
    transpose(rows);
    lines_of_eight(rows, FRACTION + BETWEEN + 3);
    for (int row = 0; row < 8; row++) see_pixels(found, rows[row]);
    transpose(rows);
    for (int row = 0; row < 8; row += 2) store_rows(rows[row], rows[row + 1], out + row * stride, stride);
}

/* Stores a row of four pixels of each block side by side. */
static inline NEWER void store_four(words bytes, uint8_t *out) {
    __m128i both = _mm_unpacklo_epi32(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1));
    _mm_storel_epi64((__m128i *)(void *)out, both);
}

/* Four rows of what is between the passes into pixels. */
static inline NEWER void finish_four(const words *made, struct found *found, uint8_t *out, ptrdiff_t stride) {
    words a = _mm256_unpacklo_epi16(made[0], made[1]), b = _mm256_unpacklo_epi16(made[2], made[3]);
    words c = _mm256_unpackhi_epi16(made[0], made[1]), d = _mm256_unpackhi_epi16(made[2], made[3]);
    words columns01 = _mm256_unpacklo_epi32(a, b), columns23 = _mm256_unpackhi_epi32(a, b);
    words columns45 = _mm256_unpacklo_epi32(c, d), columns67 = _mm256_unpackhi_epi32(c, d);
    words start = _mm256_add_epi32(raised(columns01, FRACTION + 1).low, _mm256_set1_epi32(1 << (FRACTION + BETWEEN + 3)));
    words twos = _mm256_madd_epi16(_mm256_unpacklo_epi16(columns23, columns67), pair(15137, -6270));
    words low = _mm256_unpackhi_epi16(columns01, columns23), high = _mm256_unpackhi_epi16(columns45, columns67);
    words far = _mm256_add_epi32(_mm256_madd_epi16(low, pair(20995, 7373)), _mm256_madd_epi16(high, pair(-4926, -4176)));
    words near = _mm256_add_epi32(_mm256_madd_epi16(low, pair(8697, -17799)), _mm256_madd_epi16(high, pair(11893, -1730)));
    words plus_twos = _mm256_add_epi32(start, twos), minus_twos = _mm256_sub_epi32(start, twos);
    words column0 = _mm256_srai_epi32(_mm256_add_epi32(plus_twos, far), FRACTION + BETWEEN + 4);
    words column1 = _mm256_srai_epi32(_mm256_add_epi32(minus_twos, near), FRACTION + BETWEEN + 4);
    words column2 = _mm256_srai_epi32(_mm256_sub_epi32(minus_twos, near), FRACTION + BETWEEN + 4);
    words column3 = _mm256_srai_epi32(_mm256_sub_epi32(plus_twos, far), FRACTION + BETWEEN + 4);
    words columns02 = _mm256_packs_epi32(column0, column2), columns13 = _mm256_packs_epi32(column1, column3);
    see_pixels(found, columns02);
    see_pixels(found, columns13);
    a = _mm256_unpacklo_epi16(columns02, columns13); /* columns 0 and 1 of four rows */
    b = _mm256_unpackhi_epi16(columns02, columns13);
    words pixels = _mm256_packs_epi16(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
    pixels = _mm256_xor_si256(pixels, _mm256_set1_epi8(-128));
    store_four(pixels, out);
    store_four(_mm256_shuffle_epi32(pixels, 1), out + stride);
    store_four(_mm256_shuffle_epi32(pixels, 2), out + 2 * stride);
    store_four(_mm256_shuffle_epi32(pixels, 3), out + 3 * stride);
}

static inline NEWER void two_into_four(const int16_t *first, const int16_t *second, const struct quantisation *quantisation,
                                       struct found *found, uint8_t *out, ptrdiff_t stride) {
    words rows[8], made[4];
    for (int row = 0; row < 8; row++)
        if (row != 4) rows[row] = load_row(first, second, quantisation, row, found);
    struct halves start = plus(raised(rows[0], FRACTION + 1), half_of(FRACTION - BETWEEN + 1));
    struct halves even = weigh(rows[2], rows[6], 15137, -6270);
    struct halves outer = plus(weigh(rows[1], rows[3], 20995, 7373), weigh(rows[5], rows[7], -4926, -4176));
    struct halves inner = plus(weigh(rows[1], rows[3], 8697, -17799), weigh(rows[5], rows[7], 11893, -1730));
    struct halves sum = plus(start, even), difference = minus(start, even);
    made[0] = shifted(plus(sum, outer), FRACTION - BETWEEN + 1);
    made[1] = shifted(plus(difference, inner), FRACTION - BETWEEN + 1);
    made[2] = shifted(minus(difference, inner), FRACTION - BETWEEN + 1);
    made[3] = shifted(minus(sum, outer), FRACTION - BETWEEN + 1);
    for (int row = 0; row < 4; row++) see_between(found, made[row]);
    finish_four(made, found, out, stride);
}

/* One row of what is between the passes into two pixels of each block, side by side. */
static inline NEWER void finish_two(words row, struct found *found, uint8_t *out) {
    const words weights = _mm256_broadcastsi128_si256(_mm_setr_epi16(0, 29692, 0, -10426, 0, 6967, 0, -5906));
    words odd = _mm256_madd_epi16(row, weights), signs = _mm256_setr_epi32(1, -1, 1, -1, 1, -1, 1, -1);
    odd = _mm256_add_epi32(odd, _mm256_shuffle_epi32(odd, 0x4E));
    odd = _mm256_sign_epi32(_mm256_add_epi32(odd, _mm256_shuffle_epi32(odd, 0xB1)), signs);
    words start = _mm256_shuffle_epi32(_mm256_slli_epi32(row, 16), 0);
    words sum = _mm256_add_epi32(_mm256_srai_epi32(start, 1), _mm256_add_epi32(odd, _mm256_set1_epi32(1 << (FRACTION + BETWEEN + 4))));
    words pixels = _mm256_srai_epi32(sum, FRACTION + BETWEEN + 5);
    pixels = _mm256_packs_epi32(pixels, pixels);
    see_pixels(found, pixels);
    words bytes = _mm256_xor_si256(_mm256_packs_epi16(pixels, pixels), _mm256_set1_epi8(-128));
    __m128i both = _mm_unpacklo_epi16(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1));
    memcpy(out, &both, 4);
}

static inline NEWER void two_into_two(const int16_t *first, const int16_t *second, const struct quantisation *quantisation,
                                      struct found *found, uint8_t *out, ptrdiff_t stride) {
    words rows[8];
    for (int row = 0; row < 8; row++)
        if (row == 0 || row & 1) rows[row] = load_row(first, second, quantisation, row, found);
    struct halves start = plus(raised(rows[0], FRACTION + 2), half_of(FRACTION - BETWEEN + 2));
    struct halves odd = plus(weigh(rows[1], rows[3], 29692, -10426), weigh(rows[5], rows[7], 6967, -5906));
    words upper = shifted(plus(start, odd), FRACTION - BETWEEN + 2), lower = shifted(minus(start, odd), FRACTION - BETWEEN + 2);
    see_between(found, upper);
    see_between(found, lower);
    finish_two(upper, found, out);
    finish_two(lower, found, out + stride);
}

/* Defines a transform of any number of blocks: two by two, the last one alone beside itself. */
#define OF_ANY(name, two, size)                                                                                                       \
    static NEWER void name(const int16_t *blocks, int count, struct quantisation *quantisation, uint8_t *out, ptrdiff_t stride) {    \
        struct found found = nothing();                                                                                              \
        for (int at = 0; at < count; at += 2) {                                                                                      \
            const int16_t *first = blocks + (ptrdiff_t)at * BLOCK;                                                                   \
            two(first, at + 1 < count ? first + BLOCK : first, quantisation, &found, out + (ptrdiff_t)at * (size), stride);          \
        }                                                                                                                            \
        remember(&found, quantisation);                                                                                              \
    }
OF_ANY(into_eight, two_into_eight, 8)
OF_ANY(into_four, two_into_four, 4)
OF_ANY(into_two, two_into_two, 2)

transform *wide_transform_into(int size) {
    if (size == 1 || !__builtin_cpu_supports("avx2")) return NULL;
    return size == 8 ? into_eight : size == 4 ? into_four : into_two;
}
#else
transform *wide_transform_into(int size) {
    (void)size;
    return NULL;
}
#endif
