/* Pillow's `resize` for a part of its result, and averages of areas. See resize.h. */

#include "resize.h"
#include "wide.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BITS 22 /* of the fraction: 32, less 8 of a value and 2 to overshoot */
#define HALF (1 << (BITS - 1))
#define PI 3.141592653589793
#define WHOLE ((INT32_MAX - HALF) / 255) /* what the weights of a pixel, without their signs, may add up to */
#define HEAD 4                           /* integers before `first` of taps */
#define AREA_BITS 12                     /* of the weight of a pixel in an average, of which those along an axis sum up to all */

int inside(int64_t start, int64_t length, int64_t whole) {
    return start >= 0 && length >= 1 && start <= whole && length <= whole - start;
}

int is_aligned(const void *memory, size_t size) { return (uintptr_t)memory % size == 0; }

size_t taps_size(int length, int count) { return HEAD + (size_t)length * (1 + count); }

static double triangle(double x) { return fabs(x) < 1.0 ? 1.0 - fabs(x) : 0.0; }

static double cubic(double x) {
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
    return 0.0;
}

static double sinc(double x) { return x == 0.0 ? 1.0 : sin(x * PI) / (x * PI); }

static double lanczos(double x) { return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0; }

static const struct {
    double (*at)(double);
    double support;
} FILTERS[] = {{triangle, 1.0}, {cubic, 2.0}, {lanczos, 3.0}};

/* The pixels of the source within the support around a pixel. */
static struct span around(double centre, double support, int source) {
    int first = (int)(centre - support + 0.5), stop = (int)(centre + support + 0.5);
    if (first < 0) first = 0;
    if (stop > source) stop = source;
    return (struct span){first, stop - first};
}

static inline double centre_of(int pixel, double scale) { return (pixel + 0.5) * scale; }

/* The pixels of the source that a pixel is made of. */
static struct span seen_by(const struct axis *axis, enum filter filter, int pixel) {
    double scale = (double)axis->source / axis->target, support = FILTERS[filter].support * (scale > 1.0 ? scale : 1.0);
    return around(centre_of(pixel, scale), support, axis->source);
}

int taps_count(const struct axis *axis, enum filter filter) {
    int count = 1;
    for (int place = 0; place < axis->part.length; place++) {
        struct span span = seen_by(axis, filter, axis->part.start + place);
        if (span.length > count) count = span.length;
    }
    return count;
}

/* Fills the weights of a pixel, which is made of the pixels of a span, in fixed point. */
static void weigh(const struct axis *axis, enum filter filter, int pixel, struct span span, double *exact, int32_t *weights) {
    double scale = (double)axis->source / axis->target, wider = scale > 1.0 ? scale : 1.0;
    double centre = centre_of(pixel, scale), total = 0.0;
    for (int tap = 0; tap < span.length; tap++) {
        exact[tap] = FILTERS[filter].at((tap + span.start - centre + 0.5) * (1.0 / wider));
        total += exact[tap];
    }
    for (int tap = 0; tap < span.length; tap++) {
        double weight = (total != 0.0 ? exact[tap] / total : exact[tap]) * (1 << BITS);
        weights[tap] = (int32_t)(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
}

/* Writes the head of taps, and clears the rest. */
static struct taps begin(int length, int count, struct span seen, int32_t *integers) {
    memset(integers, 0, taps_size(length, count) * sizeof *integers);
    memcpy(integers, (int32_t[HEAD]){length, count, seen.start, seen.length}, HEAD * sizeof *integers);
    return (struct taps){length, count, seen, integers + HEAD, integers + HEAD + length};
}

int taps_fill(const struct axis *axis, enum filter filter, int count, int32_t *integers, struct taps *taps) {
    struct span part = axis->part, first = seen_by(axis, filter, part.start);
    struct span last = seen_by(axis, filter, part.start + part.length - 1);
    int stop = last.start + last.length;
    int32_t *firsts = integers + HEAD, *weights = firsts + part.length;
    double *exact = malloc((size_t)count * sizeof *exact);
    if (exact == NULL) return 0;
    *taps = begin(part.length, count, (struct span){first.start, stop - first.start}, integers);
    for (int place = 0; place < part.length; place++) {
        struct span span = seen_by(axis, filter, part.start + place);
        int before = span.start + count > stop ? span.start + count - stop : 0; /* taps that would lie behind the last pixel */
        firsts[place] = span.start - before;
        weigh(axis, filter, part.start + place, span, exact, weights + (size_t)place * count + before);
    }
    free(exact);
    return 1;
}

int area_count(int source, int target) {
    int most = 1;
    for (int64_t place = 0, start = 0; place < target; place++, start += source) {
        int count = (int)((start + source + target - 1) / target - start / target);
        if (count > most) most = count;
    }
    return most;
}

void area_fill(int source, int target, int count, int32_t *integers, struct taps *taps) {
    *taps = begin(target, count, (struct span){0, source}, integers);
    int32_t *firsts = integers + HEAD, *weights = firsts + target;
    /* the axis is source × target long: each of the pixels takes `target` of it, and each of the averages `source` */
    for (int place = 0; place < target; place++) {
        int64_t start = (int64_t)place * source, first = start / target, before = 0;
        if (first > source - count) first = source - count;
        firsts[place] = (int32_t)first;
        for (int tap = 0; tap < count; tap++) {
            int64_t covered = (first + tap + 1) * target - start;
            covered = covered < 0 ? 0 : covered > source ? source : covered;
            int64_t below = (covered * (2 << AREA_BITS) + source) / (2 * (int64_t)source);
            weights[(size_t)place * count + tap] = (int32_t)(below - before);
            before = below;
        }
    }
}

int taps_open(const void *bytes, size_t size, int length, struct taps *taps) {
    const int32_t *head = bytes;
    if (!is_aligned(head, sizeof *head) || size < HEAD * sizeof *head || head[0] != length || head[1] < 1) return 0;
    *taps = (struct taps){length, head[1], {head[2], head[3]}, head + HEAD, head + HEAD + length};
    if (size != taps_size(length, taps->count) * sizeof *head || !inside(head[2], head[3], MOST_PIXELS)) return 0;
    for (int place = 0; place < length; place++) {
        const int32_t *weights = taps->weights + (size_t)place * taps->count;
        int64_t sum = 0;
        if (!inside((int64_t)taps->first[place] - taps->seen.start, taps->count, taps->seen.length)) return 0;
        for (int tap = 0; tap < taps->count; tap++) sum += weights[tap] < 0 ? -(int64_t)weights[tap] : weights[tap];
        if (sum > WHOLE) return 0;
    }
    return 1;
}

static inline uint8_t rounded(int32_t sum) {
    sum >>= BITS;
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
/* Eight taps at once, then what is left. */
static __attribute__((target("avx2"))) void across_gray_wide(const uint8_t *line, int origin, const struct taps *taps, uint8_t *row) {
    for (int x = 0; x < taps->length; x++) {
        const uint8_t *at = line + (taps->first[x] - origin);
        const int32_t *weights = taps->weights + (size_t)x * taps->count;
        __m256i sums = _mm256_setzero_si256();
        int tap = 0;
        for (; tap + 8 <= taps->count; tap += 8) {
            __m256i pixels = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(at + tap)));
            sums = _mm256_add_epi32(sums, _mm256_mullo_epi32(pixels, _mm256_loadu_si256((const __m256i *)(weights + tap))));
        }
        __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
        four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
        four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0xB1));
        int32_t sum = HALF + _mm_cvtsi128_si32(four);
        for (; tap < taps->count; tap++) sum += at[tap] * weights[tap];
        row[x] = rounded(sum);
    }
}

static inline __attribute__((target("avx2"))) __m128i pixel_and_one(const uint8_t *at) {
    int bytes;
    memcpy(&bytes, at, 4);
    return _mm_cvtsi32_si128(bytes);
}

/* Two rows at once: the first in the lower half of each register. Reads a byte behind the pixels of both lines. */
static __attribute__((target("avx2"))) void across_two(const uint8_t *const lines[2], int origin, const struct taps *taps,
                                                       uint8_t *const rows[2]) {
    for (int x = 0; x < taps->length; x++) {
        ptrdiff_t at = 3 * (ptrdiff_t)(taps->first[x] - origin);
        const int32_t *weights = taps->weights + (size_t)x * taps->count;
        __m256i sum = _mm256_set1_epi32(HALF);
        for (int tap = 0; tap < taps->count; tap++, at += 3) {
            __m128i bytes = _mm_unpacklo_epi32(pixel_and_one(lines[0] + at), pixel_and_one(lines[1] + at));
            sum = _mm256_add_epi32(sum, _mm256_mullo_epi32(_mm256_cvtepu8_epi32(bytes), _mm256_set1_epi32(weights[tap])));
        }
        sum = _mm256_srai_epi32(sum, BITS);
        sum = _mm256_packus_epi16(_mm256_packs_epi32(sum, sum), sum); /* which clamps to 0..255 */
        int first = _mm256_extract_epi32(sum, 0), second = _mm256_extract_epi32(sum, 4);
        memcpy(rows[0] + 3 * x, &first, 3);
        memcpy(rows[1] + 3 * x, &second, 3);
    }
}
#endif

/* Filters along rows; `from` begins at the taps' pixel `origin`. */
static void across(struct pixels from, int origin, const struct taps *taps, struct pixels to) {
    void (*one)(const uint8_t *, int, const struct taps *, uint8_t *) = from.channels == 1 ? across_gray : across_rgb;
    int y = 0;
#ifdef AVX2
    if (__builtin_cpu_supports("avx2")) {
        if (from.channels == 1) one = across_gray_wide;
        /* not in the last row: behind it there may be no memory */
        for (; from.channels == 3 && from.stride > 0 && y + 2 < to.height; y += 2) {
            const uint8_t *line = from.first + y * from.stride;
            uint8_t *row = to.first + y * to.stride;
            across_two((const uint8_t *[2]){line, line + from.stride}, origin, taps, (uint8_t *[2]){row, row + to.stride});
        }
    }
#endif
    for (; y < to.height; y++) one(from.first + y * from.stride, origin, taps, to.first + y * to.stride);
}

#ifdef AVX2
/* Sixteen values of a row at once, whose sums stay in registers; returns how many values were made. */
static __attribute__((target("avx2"))) int down_wide(const uint8_t *line, ptrdiff_t stride, const int32_t *weights, int count, int size,
                                                     uint8_t *row) {
    int x = 0;
    for (; x + 16 <= size; x += 16) {
        __m256i low = _mm256_set1_epi32(HALF), high = low;
        for (int tap = 0; tap < count; tap++) {
            __m128i bytes = _mm_loadu_si128((const __m128i *)(line + tap * stride + x));
            __m256i weight = _mm256_set1_epi32(weights[tap]);
            low = _mm256_add_epi32(low, _mm256_mullo_epi32(_mm256_cvtepu8_epi32(bytes), weight));
            high = _mm256_add_epi32(high, _mm256_mullo_epi32(_mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8)), weight));
        }
        __m256i words = _mm256_packs_epi32(_mm256_srai_epi32(low, BITS), _mm256_srai_epi32(high, BITS));
        words = _mm256_permute4x64_epi64(words, 0xD8); /* packing works on halves of a register */
        __m128i packed = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
        _mm_storeu_si128((__m128i *)(row + x), packed);
    }
    return x;
}
#endif

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
    if (channels == 1 && columns->count == 2) /* the usual case: less than half as many, from luminance */
        average_across(sums, columns, 1, 2, row);
    else if (channels == 1 && columns->count == 3)
        average_across(sums, columns, 1, 3, row);
    else
        average_across(sums, columns, channels, columns->count, row);
}

/* Fills `out` with averages of areas, rounded once; returns whether the memory was enough for the sums of a row. */
static int average(struct pixels seen, const struct taps *rows, const struct taps *columns, struct pixels out, void *memory, size_t size) {
    if (size < sizeof(uint32_t) * seen.width * seen.channels) return 0;
    for (int y = 0; y < out.height; y++) {
        struct pixels from = seen;
        from.first += (rows->first[y] - rows->seen.start) * seen.stride;
        average_row(from, rows->weights + (size_t)y * rows->count, rows->count, columns, memory, out.first + y * out.stride);
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
