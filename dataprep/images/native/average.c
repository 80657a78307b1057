/* Averages of areas: sums along columns, then along rows, rounded once. See average.h. */

#include "average.h"

#include <string.h>

#include "wide.h"

static inline void average_across(const uint32_t *sums, const struct taps *columns, int channels, int count, uint8_t *row) {
    for (int x = 0; x < columns->length; x++) {
        const uint32_t *at = sums + channels * (columns->first[x] - columns->seen.start);
        const int32_t *weights = columns->weights + (size_t)x * count;
        for (int channel = 0; channel < channels; channel++) {
            uint32_t sum = 1u << (2 * AREA_BITS - 1);
            for (int tap = 0; tap < count; tap++) sum += at[tap * channels + channel] * (uint32_t)weights[tap];
            row[x * channels + channel] = (uint8_t)(sum >> (2 * AREA_BITS));
        }
    }
}

/* Sums up what lies in each column, then what lies in each average, and rounds. */
WIDE static void average_row(struct pixels seen, const int32_t *weights, int count, const struct taps *columns, uint32_t *restrict sums,
                             uint8_t *row) {
    int size = seen.width * seen.channels, channels = seen.channels;
    for (int x = 0; x < size; x++) sums[x] = 0;
    for (int tap = 0; tap < count; tap++) {
        const uint8_t *restrict line = seen.first + tap * seen.stride;
        uint32_t weight = weights[tap];
        if (weight == 0) continue;
        for (int x = 0; x < size; x++) sums[x] += line[x] * weight;
    }
    if (channels == 1 && columns->count == 2) /* the usual cases: less than half as many, after a reduced decode */
        average_across(sums, columns, 1, 2, row);
    else if (channels == 1 && columns->count == 3)
        average_across(sums, columns, 1, 3, row);
    else if (columns->count == 2)
        average_across(sums, columns, 3, 2, row);
    else if (columns->count == 3)
        average_across(sums, columns, 3, 3, row);
    else
        average_across(sums, columns, channels, columns->count, row);
}

#ifdef AVX2
#define ROWS 8     /* that are averaged at once */
#define PART 16    /* pixels of a row that are summed at once */
#define MOST 1024  /* pixels of a row whose sums are kept on the stack */
#define TOGETHER 4 /* averages that are packed at once */

/* Sums up sixteen pixels in each of some lines, by their weights, two lines at once. */
static __attribute__((target("avx2"))) void sums_down(const uint8_t *line, ptrdiff_t stride, const int32_t *weights, int count,
                                                      uint32_t *sums) {
    __m256i low = _mm256_setzero_si256(), high = low;
    for (int tap = 0; tap < count; tap += 2, line += 2 * stride) {
        int32_t first = weights[tap], second = tap + 1 < count ? weights[tap + 1] : 0;
        if ((first | second) == 0) continue;
        __m256i pair = _mm256_set1_epi32((int32_t)((uint32_t)second << 16 | (uint16_t)first));
        __m128i one = _mm_loadu_si128((const __m128i *)line), other = one;
        if (second != 0) other = _mm_loadu_si128((const __m128i *)(line + stride));
        low = _mm256_add_epi32(low, _mm256_madd_epi16(_mm256_cvtepu8_epi16(_mm_unpacklo_epi8(one, other)), pair));
        high = _mm256_add_epi32(high, _mm256_madd_epi16(_mm256_cvtepu8_epi16(_mm_unpackhi_epi8(one, other)), pair));
    }
    _mm256_storeu_si256((__m256i *)sums, low);
    _mm256_storeu_si256((__m256i *)(sums + 8), high);
}

static inline __attribute__((target("avx2"))) __m256i two_fours(const uint32_t *first, const uint32_t *second) {
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)first)),
                                   _mm_loadu_si128((const __m128i *)second), 1);
}

/* Exchanges rows and columns of (8, 16) sums. */
static __attribute__((target("avx2"))) void turn_sums(uint32_t sums[ROWS][PART], uint32_t (*turned)[ROWS]) {
    for (int x = 0; x < PART; x += 4) {
        __m256i one = two_fours(sums[0] + x, sums[4] + x), two = two_fours(sums[1] + x, sums[5] + x);
        __m256i three = two_fours(sums[2] + x, sums[6] + x), four = two_fours(sums[3] + x, sums[7] + x);
        __m256i low[2] = {_mm256_unpacklo_epi32(one, two), _mm256_unpackhi_epi32(one, two)};
        __m256i high[2] = {_mm256_unpacklo_epi32(three, four), _mm256_unpackhi_epi32(three, four)};
        for (int half = 0; half < 2; half++) {
            _mm256_storeu_si256((__m256i *)turned[x + 2 * half], _mm256_unpacklo_epi64(low[half], high[half]));
            _mm256_storeu_si256((__m256i *)turned[x + 2 * half + 1], _mm256_unpackhi_epi64(low[half], high[half]));
        }
    }
}

/* Returns eight averages below each other, of sums beside each other. */
static inline __attribute__((target("avx2"))) __m256i sums_across(uint32_t (*turned)[ROWS], const int32_t *weights, int count) {
    __m256i sum = _mm256_set1_epi32(1 << (2 * AREA_BITS - 1));
    for (int tap = 0; tap < count; tap++) {
        __m256i sums = _mm256_loadu_si256((const __m256i *)turned[tap]);
        sum = _mm256_add_epi32(sum, _mm256_mullo_epi32(sums, _mm256_set1_epi32(weights[tap])));
    }
    return _mm256_srli_epi32(sum, 2 * AREA_BITS);
}

/* Writes four averages in each of eight rows. */
static inline __attribute__((target("avx2"))) void write_four(const __m256i values[TOGETHER], struct pixels out) {
    const __m256i by_rows = _mm256_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10,
                                             14, 3, 7, 11, 15);
    __m256i words[2] = {_mm256_packus_epi32(values[0], values[1]), _mm256_packus_epi32(values[2], values[3])};
    uint8_t bytes[ROWS * TOGETHER];
    _mm256_storeu_si256((__m256i *)bytes, _mm256_shuffle_epi8(_mm256_packus_epi16(words[0], words[1]), by_rows));
    for (int y = 0; y < ROWS; y++) memcpy(out.first + y * out.stride, bytes + y * TOGETHER, TOGETHER);
}

/* Averages eight rows of luminance, which begin at a row of `out`; inlined where `count` is known. */
static inline __attribute__((target("avx2"), always_inline)) void average_eight(struct pixels seen, const struct taps *rows, int first,
                                                                                const struct taps *columns, int count,
                                                                                struct pixels out) {
    uint32_t sums[ROWS][PART], turned[MOST][ROWS];
    for (int start = 0; start < seen.width; start += PART) {
        int x = start + PART <= seen.width ? start : seen.width - PART;
        for (int y = 0; y < ROWS; y++) {
            const uint8_t *line = seen.first + (rows->first[first + y] - rows->seen.start) * seen.stride + x;
            sums_down(line, seen.stride, rows->weights + (size_t)(first + y) * rows->count, rows->count, sums[y]);
        }
        turn_sums(sums, turned + x);
    }
    out.first += first * out.stride;
    for (int start = 0; start < out.width; start += TOGETHER) {
        int x = start + TOGETHER <= out.width ? start : out.width - TOGETHER;
        __m256i values[TOGETHER];
        for (int at = 0; at < TOGETHER; at++)
            values[at] = sums_across(turned + (columns->first[x + at] - columns->seen.start),
                                     columns->weights + (size_t)(x + at) * columns->count, count);
        struct pixels four = out;
        four.first += x;
        write_four(values, four);
    }
}

/* Averages luminance eight rows at once where there are enough pixels; returns whether it did. */
static __attribute__((target("avx2"))) int average_eights(struct pixels seen, const struct taps *rows, const struct taps *columns,
                                                          struct pixels out) {
    if (seen.channels != 1 || seen.width < PART || seen.width > MOST || out.height < ROWS || out.width < TOGETHER) return 0;
    for (int start = 0; start < out.height; start += ROWS) {
        int y = start + ROWS <= out.height ? start : out.height - ROWS;
        if (columns->count == 2) /* the usual cases: less than half as many, after a reduced decode */
            average_eight(seen, rows, y, columns, 2, out);
        else if (columns->count == 3)
            average_eight(seen, rows, y, columns, 3, out);
        else
            average_eight(seen, rows, y, columns, columns->count, out);
    }
    return 1;
}
#endif

/* Fills `out` with averages of areas, rounded once; returns whether the memory was enough for the sums of a row. */
int average(struct pixels seen, const struct taps *rows, const struct taps *columns, struct pixels out, void *memory, size_t size) {
    if (size < sizeof(uint32_t) * seen.width * seen.channels) return 0;
#ifdef AVX2
    if (__builtin_cpu_supports("avx2") && average_eights(seen, rows, columns, out)) return 1;
#endif
    for (int y = 0; y < out.height; y++) {
        struct pixels from = seen;
        from.first += (rows->first[y] - rows->seen.start) * seen.stride;
        average_row(from, rows->weights + (size_t)y * rows->count, rows->count, columns, memory, out.first + y * out.stride);
    }
    return 1;
}
