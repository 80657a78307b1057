/* Upsamples chroma and converts colours, by the arithmetic of libjpeg's jdsample.c and jdcolor.c. */

#include "colour.h"

#include <stdlib.h>

#include "wide.h"

#define FRACTION 16 /* bits */
#define FIXED(x) ((int32_t)((x) * (1 << FRACTION) + 0.5))
#define HALF (1 << (FRACTION - 1))
#define LEAST_SMOOTH 3 /* columns of chroma: fewer are repeated instead, if they are smaller across */

typedef void convert(const uint8_t *luminance, const uint8_t *blue, const uint8_t *red, int width, uint8_t *rgb);

static inline uint8_t clamped(int32_t value) { return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value; }

static void convert_plainly(const uint8_t *luminance, const uint8_t *blue, const uint8_t *red, int width, uint8_t *rgb) {
    for (int x = 0; x < width; x++, rgb += 3) {
        int32_t y = luminance[x], cb = blue[x] - 128, cr = red[x] - 128;
        rgb[0] = clamped(y + ((FIXED(1.40200) * cr + HALF) >> FRACTION));
        rgb[1] = clamped(y + ((-FIXED(0.34414) * cb - FIXED(0.71414) * cr + HALF) >> FRACTION));
        rgb[2] = clamped(y + ((FIXED(1.77200) * cb + HALF) >> FRACTION));
    }
}

#ifdef AVX2
#define NEWER __attribute__((target("avx2")))

/* (first * one + second * other + HALF) >> FRACTION, of 16 bits; pairs of factors have to fit into those. */
static inline NEWER __m256i weighed(__m256i first, __m256i second, int one, int other) {
    __m256i factors = _mm256_set1_epi32((int)((uint32_t)other << 16 | (uint16_t)one)), half = _mm256_set1_epi32(HALF);
    __m256i low = _mm256_add_epi32(_mm256_madd_epi16(_mm256_unpacklo_epi16(first, second), factors), half);
    __m256i high = _mm256_add_epi32(_mm256_madd_epi16(_mm256_unpackhi_epi16(first, second), factors), half);
    return _mm256_packs_epi32(_mm256_srai_epi32(low, FRACTION), _mm256_srai_epi32(high, FRACTION));
}

static inline NEWER __m256i sixteen(const uint8_t *bytes) {
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)bytes));
}

static inline NEWER __m256i twice(__m128i order) { return _mm256_broadcastsi128_si256(order); }

/* Sixteen pixels at once: whole multiples of a factor are added apart, so that the rest of it fits into 16 bits. */
static NEWER void convert_newly(const uint8_t *luminance, const uint8_t *blue, const uint8_t *red, int width, uint8_t *rgb) {
    const int no = -128; /* gives a zero */
    int x = 0;
    for (; x + 16 <= width; x += 16, rgb += 48) {
        __m256i y = sixteen(luminance + x), cb = _mm256_sub_epi16(sixteen(blue + x), _mm256_set1_epi16(128));
        __m256i cr = _mm256_sub_epi16(sixteen(red + x), _mm256_set1_epi16(128)), none = _mm256_setzero_si256();
        __m256i r = _mm256_add_epi16(_mm256_add_epi16(y, cr), weighed(cr, none, FIXED(1.40200) - 65536, 0));
        __m256i g = _mm256_add_epi16(_mm256_sub_epi16(y, cr), weighed(cb, cr, -FIXED(0.34414), 65536 - FIXED(0.71414)));
        __m256i b = _mm256_add_epi16(y, _mm256_add_epi16(cb, cb));
        b = _mm256_add_epi16(b, weighed(cb, none, FIXED(1.77200) - 131072, 0));
        __m256i outer = _mm256_packus_epi16(r, b), inner = _mm256_packus_epi16(g, g);
        __m256i first = _mm256_or_si256(
            _mm256_shuffle_epi8(outer, twice(_mm_setr_epi8(0, no, 8, 1, no, 9, 2, no, 10, 3, no, 11, 4, no, 12, 5))),
            _mm256_shuffle_epi8(inner, twice(_mm_setr_epi8(no, 0, no, no, 1, no, no, 2, no, no, 3, no, no, 4, no, no))));
        __m256i second = _mm256_or_si256(
            _mm256_shuffle_epi8(outer, twice(_mm_setr_epi8(no, 13, 6, no, 14, 7, no, 15, no, no, no, no, no, no, no, no))),
            _mm256_shuffle_epi8(inner, twice(_mm_setr_epi8(5, no, no, 6, no, no, 7, no, no, no, no, no, no, no, no, no))));
        _mm_storeu_si128((__m128i *)(void *)rgb, _mm256_castsi256_si128(first));
        _mm_storel_epi64((__m128i *)(void *)(rgb + 16), _mm256_castsi256_si128(second));
        _mm_storeu_si128((__m128i *)(void *)(rgb + 24), _mm256_extracti128_si256(first, 1));
        _mm_storel_epi64((__m128i *)(void *)(rgb + 40), _mm256_extracti128_si256(second, 1));
    }
    convert_plainly(luminance + x, blue + x, red + x, width - x, rgb);
}
#endif

static convert *converter(int plain) {
#ifdef AVX2
    if (!plain && __builtin_cpu_supports("avx2")) return convert_newly;
#endif
    (void)plain;
    return convert_plainly;
}

static void repeat(const uint8_t *row, int width, uint8_t *out) {
    for (int x = 0; x < width; x++) out[2 * x] = out[2 * x + 1] = row[x];
}

static void smooth_down(const uint8_t *near, const uint8_t *far, int width, int bias, uint8_t *out) {
    for (int x = 0; x < width; x++) out[x] = (uint8_t)((3 * near[x] + far[x] + bias) >> 2);
}

/* Three of the nearer value of a line, which begins at the second place, and one of the farther, less so many bits; rounded in one way
   and in the other by turns. */
WIDE static void smooth_across(uint16_t *restrict line, int width, int bits, int even, int odd, uint8_t *restrict out) {
    line[0] = line[1];
    line[width + 1] = line[width];
    for (int x = 0; x < width; x++) {
        out[2 * x] = (uint8_t)((3 * line[x + 1] + line[x] + even) >> bits);
        out[2 * x + 1] = (uint8_t)((3 * line[x + 1] + line[x + 2] + odd) >> bits);
    }
}

/* Where chroma is upsampled: how, and rows of memory for it. */
struct upsampling {
    const struct sampling *sampling;
    uint8_t *row;
    uint16_t *line; /* two more than there are columns */
};

/* Returns a row of chroma as wide as the image: one of the plane itself, or made anew. */
static const uint8_t *row_of(struct pixels chroma, int y, const struct upsampling *how) {
    int across = how->sampling->across, down = how->sampling->down, is_smooth = how->sampling->is_smooth;
    int at = y / down, other = y % down ? at + 1 : at - 1; /* the nearest row and the next nearest */
    if (other < 0) other = 0;
    if (other >= chroma.height) other = chroma.height - 1;
    const uint8_t *near = chroma.first + at * chroma.stride, *far = chroma.first + other * chroma.stride;
    if (across == 1 && (down == 1 || !is_smooth)) return near;
    if (across == 1)
        smooth_down(near, far, chroma.width, y % 2 ? 2 : 1, how->row);
    else if (!is_smooth || chroma.width < LEAST_SMOOTH)
        repeat(near, chroma.width, how->row);
    else if (down == 1) {
        for (int x = 0; x < chroma.width; x++) how->line[x + 1] = near[x];
        smooth_across(how->line, chroma.width, 2, 1, 2, how->row);
    } else {
        for (int x = 0; x < chroma.width; x++) how->line[x + 1] = (uint16_t)(3 * near[x] + far[x]);
        smooth_across(how->line, chroma.width, 4, 8, 7, how->row);
    }
    return how->row;
}

int colour_fill(struct pixels luminance, const struct pixels chroma[2], const struct sampling *sampling, struct pixels rgb) {
    size_t size = 2 * ((size_t)rgb.width + 1), lines = ((size_t)rgb.width + 3) * sizeof(uint16_t);
    convert *convert = converter(sampling->plain);
    uint8_t *memory = malloc(lines + 2 * size);
    if (memory == NULL) return 0;
    struct upsampling how[2];
    for (int one = 0; one < 2; one++)
        how[one] = (struct upsampling){sampling, memory + lines + one * size, (void *)memory};
    for (int y = 0; y < rgb.height; y++) {
        const uint8_t *blue = row_of(chroma[0], y, &how[0]), *red = row_of(chroma[1], y, &how[1]);
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
