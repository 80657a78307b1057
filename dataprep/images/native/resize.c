/* Pillow's `resize` for a part of its result, and averages of areas. See resize.h. */

#include "resize.h"

#include "average.h"
#include "wide.h"

#include <string.h>

#define HALF TAPS_HALF

static inline uint8_t rounded(int32_t sum) {
    sum >>= TAPS_BITS;
    return sum < 0 ? 0 : sum > 255 ? 255 : (uint8_t)sum;
}

static void across_gray(const uint8_t *line, int origin, const struct taps *taps, uint8_t *row) {
    for (int x = 0; x < taps->length; x++) {
        const uint8_t *at = line + (taps->first[x] - origin);
        const int32_t *weights = taps->weights + (size_t)x * taps->count;
        int32_t sum = HALF;
        for (int tap = 0; tap < taps->count; tap++) sum += at[tap] * weights[tap];
        row[x] = rounded(sum);
    }
}

static void across_rgb(const uint8_t *line, int origin, const struct taps *taps, uint8_t *row) {
    for (int x = 0; x < taps->length; x++) {
        const uint8_t *at = line + 3 * (taps->first[x] - origin);
        const int32_t *weights = taps->weights + (size_t)x * taps->count;
        int32_t red = HALF, green = HALF, blue = HALF;
        for (int tap = 0; tap < taps->count; tap++, at += 3) {
            red += at[0] * weights[tap];
            green += at[1] * weights[tap];
            blue += at[2] * weights[tap];
        }
        row[3 * x] = rounded(red);
        row[3 * x + 1] = rounded(green);
        row[3 * x + 2] = rounded(blue);
    }
}

#ifdef AVX2
#define PAIRS 1024 /* of taps, that are kept on the stack */
#define SPARE 8    /* that may be written behind them */
#define MOST_TAPS 512 /* pixels that are made of more are rare, and wait */
#define LOW 11    /* bits of a weight in its lower half */

/* Weights two by two, each in two halves of 16 bits, which multiply four times as fast as one of 32: weight = high << LOW | low. */
struct pairs {
    int32_t high[PAIRS + SPARE], low[PAIRS + SPARE];
};

/* Pairs sixteen weights. */
static inline __attribute__((target("avx2"))) void pair_sixteen(const int32_t *weights, int32_t *high, int32_t *low) {
    const __m256i mask = _mm256_set1_epi32((1 << LOW) - 1);
    __m256i first = _mm256_loadu_si256((const __m256i *)weights), second = _mm256_loadu_si256((const __m256i *)(weights + 8));
    __m256i highs = _mm256_packs_epi32(_mm256_srai_epi32(first, LOW), _mm256_srai_epi32(second, LOW));
    __m256i lows = _mm256_packs_epi32(_mm256_and_si256(first, mask), _mm256_and_si256(second, mask));
    _mm256_storeu_si256((__m256i *)high, _mm256_permute4x64_epi64(highs, 0xD8)); /* packing works on halves of a register */
    _mm256_storeu_si256((__m256i *)low, _mm256_permute4x64_epi64(lows, 0xD8));
}

/* Pairs the weights of a pixel, from a place on; behind them up to `SPARE` zeros are written. */
static __attribute__((target("avx2"))) void pair_up(const int32_t *weights, int count, struct pairs *pairs, int at) {
    int32_t rest[16] = {0};
    int done = count / 16 * 16;
    memcpy(rest, weights + done, (size_t)(count - done) * sizeof *rest);
    for (int tap = 0; tap < done; tap += 16) pair_sixteen(weights + tap, pairs->high + at + tap / 2, pairs->low + at + tap / 2);
    if (done < count) pair_sixteen(rest, pairs->high + at + done / 2, pairs->low + at + done / 2);
}

static inline int32_t both(int32_t first, int32_t second) { return (int32_t)((uint32_t)second << 16 | (first & 0xFFFF)); }

/* The same, high and low in turn. */
static void interleave(const int32_t *weights, int count, int32_t *pairs) {
    const int mask = (1 << LOW) - 1;
    for (int tap = 0; tap < count; tap += 2) {
        int32_t first = weights[tap], second = tap + 1 < count ? weights[tap + 1] : 0;
        pairs[tap] = both(first >> LOW, second >> LOW);
        pairs[tap + 1] = both(first & mask, second & mask);
    }
}

/* Makes sixteen values from those below each other in `count` lines, two lines at once. */
static inline __attribute__((always_inline, target("avx2"))) __m128i sixteen_down(const uint8_t *line, ptrdiff_t stride, const struct pairs *pairs, int at,
                                                                   int count) {
    __m256i high[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()}, low[2] = {_mm256_set1_epi32(HALF), _mm256_set1_epi32(HALF)};
    for (int tap = 0; tap < count; tap += 2, at++, line += 2 * stride) {
        const uint8_t *next = tap + 1 < count ? line + stride : line;
        __m256i one = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)line));
        __m256i other = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)next));
        __m256i values[2] = {_mm256_unpacklo_epi16(one, other), _mm256_unpackhi_epi16(one, other)};
        for (int half = 0; half < 2; half++) {
            high[half] = _mm256_add_epi32(high[half], _mm256_madd_epi16(values[half], _mm256_set1_epi32(pairs->high[at])));
            low[half] = _mm256_add_epi32(low[half], _mm256_madd_epi16(values[half], _mm256_set1_epi32(pairs->low[at])));
        }
    }
    for (int half = 0; half < 2; half++)
        low[half] = _mm256_srai_epi32(_mm256_add_epi32(low[half], _mm256_slli_epi32(high[half], LOW)), TAPS_BITS);
    __m256i words = _mm256_packs_epi32(low[0], low[1]); /* in order, since unpacking works on halves of a register, too */
    return _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

/* Makes a row sixteen by sixteen; returns how many values were made. */
static inline __attribute__((always_inline, target("avx2"))) int row_down(const uint8_t *line, ptrdiff_t stride, const struct pairs *pairs,
                                                                         int count, int size, uint8_t *row) {
    int x = 0;
    for (; x + 16 <= size; x += 16) _mm_storeu_si128((__m128i *)(row + x), sixteen_down(line + x, stride, pairs, 0, count));
    return x;
}

/* The same; the number of taps is known to the compiler where it is usual. */
static __attribute__((target("avx2"))) int down_wide(const uint8_t *line, ptrdiff_t stride, const int32_t *weights, int count, int size,
                                                     uint8_t *row) {
    struct pairs pairs;
    if (count > MOST_TAPS || size < 16) return 0;
    pair_up(weights, count, &pairs, 0);
    return count == 2   ? row_down(line, stride, &pairs, 2, size, row)
           : count == 3 ? row_down(line, stride, &pairs, 3, size, row)
           : count == 4 ? row_down(line, stride, &pairs, 4, size, row)
                        : row_down(line, stride, &pairs, count, size, row);
}

#define FEW 512  /* pairs of taps, of which those of some columns are kept on the stack */
#define BEHIND 3 /* pixels that are read behind those of a pair of taps, at most */

/* Filters a pixel of two RGB rows, the first in the lower half of the register; pairs are high and low in turn. */
static inline __attribute__((always_inline, target("avx2"))) __m256i rgb_of_two(const uint8_t *first, const uint8_t *second,
                                                                               const int32_t *pairs, int count) {
    const __m256i sides = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1));
    __m256i high = _mm256_setzero_si256(), low = _mm256_set1_epi32(HALF);
    for (int pair = 0; pair < count; pair++, first += 6, second += 6) {
        __m128i one = _mm_loadl_epi64((const __m128i *)first), other = _mm_loadl_epi64((const __m128i *)second);
        __m256i values = _mm256_shuffle_epi8(_mm256_inserti128_si256(_mm256_castsi128_si256(one), other, 1), sides);
        high = _mm256_add_epi32(high, _mm256_madd_epi16(values, _mm256_set1_epi32(pairs[2 * pair])));
        low = _mm256_add_epi32(low, _mm256_madd_epi16(values, _mm256_set1_epi32(pairs[2 * pair + 1])));
    }
    return _mm256_srai_epi32(_mm256_add_epi32(low, _mm256_slli_epi32(high, LOW)), TAPS_BITS);
}

/* Filters four pixels of two RGB rows, `pairs` of each one behind the other, and returns twelve bytes of each row. */
static inline __attribute__((always_inline, target("avx2"))) __m256i four_of_two(const uint8_t *first, const uint8_t *second,
                                                                                const int32_t *at, const int32_t *pairs, int count) {
    const __m256i close = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
    __m256i pixels[4];
    for (int x = 0; x < 4; x++)
        pixels[x] = rgb_of_two(first + 3 * (ptrdiff_t)at[x], second + 3 * (ptrdiff_t)at[x], pairs + 2 * x * count, count);
    __m256i words = _mm256_packs_epi32(pixels[0], pixels[1]), more = _mm256_packs_epi32(pixels[2], pixels[3]);
    return _mm256_shuffle_epi8(_mm256_packus_epi16(words, more), close);
}

static inline __attribute__((target("avx2"))) void store_twelve(__m128i bytes, uint8_t *to) {
    int last = _mm_extract_epi32(bytes, 2);
    _mm_storel_epi64((__m128i *)to, bytes);
    memcpy(to + 8, &last, sizeof last);
}

/* Filters some columns of two RGB rows, in fours, of which the last may overlap the one before; the number of pairs is known to the
   compiler where it is usual. */
static __attribute__((target("avx2"))) void across_two(const uint8_t *const lines[2], const int32_t *at, const int32_t *pairs, int count,
                                                       int length, uint8_t *const rows[2]) {
    for (int done = 0; done < length; done += 4) {
        int x = done + 4 <= length ? done : length - 4;
        const int32_t *mine = pairs + 2 * x * count;
        __m256i made = count == 1   ? four_of_two(lines[0], lines[1], at + x, mine, 1)
                       : count == 2 ? four_of_two(lines[0], lines[1], at + x, mine, 2)
                       : count == 3 ? four_of_two(lines[0], lines[1], at + x, mine, 3)
                                    : four_of_two(lines[0], lines[1], at + x, mine, count);
        store_twelve(_mm256_castsi256_si128(made), rows[0] + 3 * x);
        store_twelve(_mm256_extracti128_si256(made, 1), rows[1] + 3 * x);
    }
}

/* Filters RGB rows two by two, as many columns at a time as there is room for their weights; returns how many rows were made. */
static __attribute__((target("avx2"))) int across_pairs(struct pixels from, int origin, const struct taps *taps, struct pixels to) {
    int count = (taps->count + 1) / 2, most = count > FEW / 4 ? 0 : FEW / count, rows = (to.height - 1) / 2 * 2;
    if (most == 0 || taps->length < 4 || from.width < BEHIND || from.stride <= 0) return 0;
    for (int start = 0; start < taps->length;) {
        int32_t pairs[2 * FEW], at[FEW];
        int left = taps->length - start, length = left <= most ? left : most;
        if (length < 4) start = taps->length - (length = 4);
        for (int x = 0; x < length; x++) {
            at[x] = taps->first[start + x] - origin;
            interleave(taps->weights + (size_t)(start + x) * taps->count, taps->count, pairs + 2 * x * count);
        }
        for (int y = 0; y < rows; y += 2) { /* not the last row: behind it there may be no memory */
            const uint8_t *line = from.first + y * from.stride;
            uint8_t *row = to.first + y * to.stride + 3 * (ptrdiff_t)start;
            across_two((const uint8_t *[2]){line, line + from.stride}, at, pairs, count, length, (uint8_t *[2]){row, row + to.stride});
        }
        start += length;
    }
    return rows;
}
#define BLOCK 16     /* rows that are turned at once */
#define TURNED 2048 /* pixels of a row that are turned on the stack */

/* Exchanges rows and columns of (16, 16) bytes: four times the first half is shuffled with the second. */
static void turn_block(const uint8_t *from, ptrdiff_t stride, uint8_t *to, ptrdiff_t to_stride) {
    __m128i lines[BLOCK], next[BLOCK];
    for (int y = 0; y < BLOCK; y++) lines[y] = _mm_loadu_si128((const __m128i *)(from + y * stride));
    for (int round = 0; round < 4; round++) {
        for (int y = 0; y < BLOCK / 2; y++) {
            next[2 * y] = _mm_unpacklo_epi8(lines[y], lines[y + BLOCK / 2]);
            next[2 * y + 1] = _mm_unpackhi_epi8(lines[y], lines[y + BLOCK / 2]);
        }
        memcpy(lines, next, sizeof lines);
    }
    for (int y = 0; y < BLOCK; y++) _mm_storeu_si128((__m128i *)(to + y * to_stride), lines[y]);
}

/* Filters sixteen rows at once along the columns that they become when they are turned, into `length` pixels from `first` on. */
static __attribute__((target("avx2"))) void across_block(struct pixels lines, int origin, const struct taps *taps, int first, int length,
                                                         const struct pairs *pairs, uint8_t *rows, ptrdiff_t stride) {
    uint8_t turned[TURNED * BLOCK], made[BLOCK * BLOCK] = {0};
    for (int start = 0; start < lines.width; start += BLOCK) {
        int x = start + BLOCK <= lines.width ? start : lines.width - BLOCK;
        turn_block(lines.first + x, lines.stride, turned + x * BLOCK, BLOCK);
    }
    for (int start = 0; start < length; start += BLOCK) {
        int size = length - start < BLOCK ? length - start : BLOCK;
        for (int x = 0; x < size; x++) {
            const uint8_t *line = turned + (taps->first[first + start + x] - origin) * BLOCK;
            __m128i values = sixteen_down(line, BLOCK, pairs, (start + x) * ((taps->count + 1) / 2), taps->count);
            _mm_storeu_si128((__m128i *)(made + x * BLOCK), values);
        }
        uint8_t *to = rows + first + start;
        if (size == BLOCK)
            turn_block(made, BLOCK, to, stride);
        else
            for (int at = 0; at < size * BLOCK; at++) to[at / BLOCK + at % BLOCK * stride] = made[at];
    }
}

/* Filters luminance along rows where there are enough of them, as many columns at a time as there is room for their weights; returns
   whether it did. */
static int across_blocks(struct pixels from, int origin, const struct taps *taps, struct pixels to) {
    struct pairs pairs;
    int count = (taps->count + 1) / 2, most = PAIRS / count;
    if (from.width < BLOCK || from.width > TURNED || to.height < BLOCK || taps->count > MOST_TAPS) return 0;
    if (most > BLOCK) most = most / BLOCK * BLOCK;
    for (int first = 0; first < taps->length; first += most) {
        int length = taps->length - first < most ? taps->length - first : most;
        for (int x = 0; x < length; x++) pair_up(taps->weights + (size_t)(first + x) * taps->count, taps->count, &pairs, x * count);
        for (int start = 0; start < to.height; start += BLOCK) {
            int y = start + BLOCK <= to.height ? start : to.height - BLOCK;
            struct pixels lines = from;
            lines.first += y * from.stride;
            across_block(lines, origin, taps, first, length, &pairs, to.first + y * to.stride, to.stride);
        }
    }
    return 1;
}
#endif

/* Filters along rows; `from` begins at the taps' pixel `origin`. */
static void across(struct pixels from, int origin, const struct taps *taps, struct pixels to) {
    void (*one)(const uint8_t *, int, const struct taps *, uint8_t *) = from.channels == 1 ? across_gray : across_rgb;
    int y = 0;
#ifdef AVX2
    if (__builtin_cpu_supports("avx2")) {
        if (from.channels == 1 && across_blocks(from, origin, taps, to)) return;
        if (from.channels == 3) y = across_pairs(from, origin, taps, to);
    }
#endif
    for (; y < to.height; y++) one(from.first + y * from.stride, origin, taps, to.first + y * to.stride);
}

/* Filters along columns; `from` begins at the taps' pixel `origin`. */
static void down(struct pixels from, int origin, const struct taps *taps, struct pixels to) {
    int size = to.width * to.channels;
    for (int y = 0; y < taps->length; y++) {
        const int32_t *weights = taps->weights + (size_t)y * taps->count;
        const uint8_t *line = from.first + (taps->first[y] - origin) * from.stride;
        uint8_t *row = to.first + y * to.stride;
        int x = 0;
#ifdef AVX2
        if (__builtin_cpu_supports("avx2")) x = down_wide(line, from.stride, weights, taps->count, size, row);
#endif
        for (; x < size; x++) {
            int32_t sum = HALF;
            for (int tap = 0; tap < taps->count; tap++) sum += line[tap * from.stride + x] * weights[tap];
            row[x] = rounded(sum);
        }
    }
}

/* Fills `out` from what the taps see; returns whether the memory was enough for what lies between the passes. */
static int filter_both(struct pixels seen, const struct taps *rows, const struct taps *columns, int columns_first, struct pixels out,
                       void *memory, size_t size) {
    struct pixels half = out;
    if (columns_first)
        half.width = seen.width;
    else
        half.height = seen.height;
    half.stride = (ptrdiff_t)half.width * half.channels;
    if (size < (size_t)half.height * half.stride) return 0;
    half.first = memory;
    if (columns_first) {
        down(seen, rows->seen.start, rows, half);
        across(half, columns->seen.start, columns, out);
    } else {
        across(seen, columns->seen.start, columns, half);
        down(half, rows->seen.start, rows, out);
    }
    return 1;
}

const char *resize(struct pixels image, int top, int left, const struct taps *rows, const struct taps *columns, int way,
                   struct pixels out, void *memory, size_t size) {
    if (way < ACROSS_FIRST || way > AREA) return "there is no such way to resize";
    if (!is_aligned(memory, sizeof(uint32_t))) return "the memory that is lent begins between two numbers";
    if (image.channels != out.channels || out.height != rows->length || out.width != columns->length)
        return "image, taps and result do not fit each other";
    int64_t first_row = (int64_t)rows->seen.start + top, first_column = (int64_t)columns->seen.start + left;
    if (!inside(first_row, rows->seen.length, image.height) || !inside(first_column, columns->seen.length, image.width))
        return "what is wanted does not lie in what there is";
    struct pixels seen = {image.first + first_row * image.stride + first_column * image.channels, image.stride, rows->seen.length,
                          columns->seen.length, image.channels};
    int enough = way == AREA ? average(seen, rows, columns, out, memory, size)
                             : filter_both(seen, rows, columns, way == DOWN_FIRST, out, memory, size);
    return enough ? NULL : "too little memory is lent for what lies between the passes";
}
