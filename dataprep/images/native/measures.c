/* What the measures find, but hashes. See measures.h. */

#include "measures.h"
#include "wide.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 4096 /* pixels of a row, of which sums of squares fit into 32 bits */

/* Sums of whole numbers, exact. */
struct sums {
    int64_t count, sum, squares;
};

struct range {
    uint8_t lowest, highest;
};

static inline void extend(struct range *range, uint8_t low, uint8_t high) {
    if (low < range->lowest) range->lowest = low;
    if (high > range->highest) range->highest = high;
}

/* How many pixels of a row are added at once. */
static int part_of(int width, int start) { return width - start < CHUNK ? width - start : CHUNK; }

static double mean_of(const struct sums *sums) { return (double)sums->sum * (1.0 / (double)sums->count); }

/* The standard deviation, by the steps of cv2.meanStdDev. */
static double deviation_of(const struct sums *sums) {
    double mean = mean_of(sums), variance = (double)sums->squares * (1.0 / (double)sums->count) - mean * mean;
    return sqrt(variance > 0.0 ? variance : 0.0);
}

#ifdef AVX2
/* Behind so many zeros a mask leaves only the last pixels of a register in, which none before had. */
static const int16_t LAST[32] = {[16] = -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};

static inline __attribute__((target("avx2"))) __m256i last_of_sixteen(int count) {
    return _mm256_loadu_si256((const __m256i *)(LAST + count));
}

static inline __attribute__((target("avx2"))) __m256i sixteen(const uint8_t *at) {
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)at));
}

/* Numbers of which each register's are added to the lanes of one: sums and sums of squares. */
struct lanes {
    __m256i sum, squares;
};

static inline __attribute__((target("avx2"))) void add_sixteen(struct lanes *lanes, __m256i values) {
    lanes->sum = _mm256_add_epi32(lanes->sum, _mm256_madd_epi16(values, _mm256_set1_epi16(1)));
    lanes->squares = _mm256_add_epi32(lanes->squares, _mm256_madd_epi16(values, values));
}

static inline __attribute__((target("avx2"))) int64_t total_of(__m256i values) {
    int32_t lanes[8];
    int64_t total = 0;
    _mm256_storeu_si256((__m256i *)lanes, values);
    for (int lane = 0; lane < 8; lane++) total += lanes[lane];
    return total;
}

static inline __attribute__((target("avx2"))) void add_lanes(const struct lanes *lanes, struct sums *sums) {
    sums->sum += total_of(lanes->sum);
    sums->squares += total_of(lanes->squares);
}

/* Adds a part of a row of sixteen pixels or more; the last sixteen may overlap those before. */
static __attribute__((target("avx2"))) void add_levels_wide(const uint8_t *row, int width, struct sums *sums, struct range *range) {
    struct lanes lanes = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    __m256i low = _mm256_set1_epi16(255), high = _mm256_setzero_si256();
    for (int done = 0; done < width; done += 16) {
        int left = width - done, x = left < 16 ? width - 16 : done;
        __m256i values = sixteen(row + x);
        low = _mm256_min_epi16(low, values);
        high = _mm256_max_epi16(high, values);
        add_sixteen(&lanes, left < 16 ? _mm256_and_si256(values, last_of_sixteen(left)) : values);
    }
    add_lanes(&lanes, sums);
    high = _mm256_sub_epi16(_mm256_set1_epi16(255), high); /* the least of sixteen bits is one instruction */
    __m128i lows = _mm_min_epi16(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
    __m128i highs = _mm_min_epi16(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
    extend(range, (uint8_t)_mm_extract_epi16(_mm_minpos_epu16(lows), 0), (uint8_t)(255 - _mm_extract_epi16(_mm_minpos_epu16(highs), 0)));
}

static __attribute__((target("avx2"))) void add_laplacian_wide(const uint8_t *above, const uint8_t *row, const uint8_t *below, int width,
                                                               struct sums *sums) {
    struct lanes lanes = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    for (int done = 0; done < width; done += 16) {
        int left = width - done, x = left < 16 ? width - 16 : done;
        __m256i beside = _mm256_add_epi16(sixteen(row + x - 1), sixteen(row + x + 1));
        __m256i around = _mm256_add_epi16(beside, _mm256_add_epi16(sixteen(above + x), sixteen(below + x)));
        __m256i values = _mm256_sub_epi16(around, _mm256_slli_epi16(sixteen(row + x), 2));
        add_sixteen(&lanes, left < 16 ? _mm256_and_si256(values, last_of_sixteen(left)) : values);
    }
    add_lanes(&lanes, sums);
}
#endif

/* Adds a part of a row. */
static void add_levels(const uint8_t *row, int width, struct sums *sums, struct range *range) {
#ifdef AVX2
    if (width >= 16 && __builtin_cpu_supports("avx2")) {
        add_levels_wide(row, width, sums, range);
        return;
    }
#endif
    for (int x = 0; x < width; x++) {
        sums->sum += row[x];
        sums->squares += row[x] * row[x];
        extend(range, row[x], row[x]);
    }
}

/* Adds the Laplacian of a part of a row whose pixels have neighbours to both sides. */
static void add_laplacian(const uint8_t *above, const uint8_t *row, const uint8_t *below, int width, struct sums *sums) {
#ifdef AVX2
    if (width >= 16 && __builtin_cpu_supports("avx2")) {
        add_laplacian_wide(above, row, below, width, sums);
        return;
    }
#endif
    for (int x = 0; x < width; x++) {
        int value = row[x - 1] + row[x + 1] + above[x] + below[x] - 4 * row[x];
        sums->sum += value;
        sums->squares += value * value;
    }
}

static void add_edge(const uint8_t *above, const uint8_t *row, const uint8_t *below, int x, int inwards, struct sums *sums) {
    int value = 2 * row[inwards] + above[x] + below[x] - 4 * row[x];
    sums->sum += value;
    sums->squares += value * value;
}

/* The Laplacian as cv2 has it: behind the edge lies what lies as far before it; a single row or column is its own neighbour. */
static double sharpness_of(struct pixels view) {
    struct sums sums = {(int64_t)view.height * view.width, 0, 0};
    int last = view.width - 1;
    for (int y = 0; y < view.height; y++) {
        int up = y > 0 ? y - 1 : view.height > 1, down = y < view.height - 1 ? y + 1 : y - (y > 0);
        const uint8_t *row = view.first + y * view.stride;
        const uint8_t *above = view.first + up * view.stride, *below = view.first + down * view.stride;
        for (int x = 1; x < last; x += CHUNK) add_laplacian(above + x, row + x, below + x, part_of(last, x), &sums);
        add_edge(above, row, below, 0, last > 0, &sums);
        if (last > 0) add_edge(above, row, below, last, last - 1, &sums);
    }
    volatile double two = 2.0; /* or the compiler would multiply, where the power may be rounded otherwise */
    return pow(deviation_of(&sums), two);
}

static void measure_levels(struct pixels view, struct record *record) {
    struct sums sums = {(int64_t)view.height * view.width, 0, 0};
    struct range range = {255, 0};
    for (int y = 0; y < view.height; y++)
        for (int x = 0; x < view.width; x += CHUNK) add_levels(view.first + y * view.stride + x, part_of(view.width, x), &sums, &range);
    record->brightness = mean_of(&sums);
    record->contrast = deviation_of(&sums);
    record->darkest = range.lowest;
    record->lightest = range.highest;
}

/* Reduces an image to another size by averaging areas, into memory that the caller frees; NULL where there is none. */
static uint8_t *average_to(struct pixels image, int height, int width, struct pixels *view) {
    int down = area_count(image.height, height), across = area_count(image.width, width);
    size_t rows = taps_size(height, down), columns = taps_size(width, across), sums = (size_t)image.width * image.channels;
    uint8_t *memory = malloc((rows + columns + sums) * sizeof(int32_t) + (size_t)height * width * image.channels);
    if (memory == NULL) return NULL;
    int32_t *integers = (int32_t *)memory;
    struct taps taps[2];
    area_fill(image.height, height, down, integers, &taps[0]);
    area_fill(image.width, width, across, integers + rows, &taps[1]);
    *view = (struct pixels){(uint8_t *)(integers + rows + columns + sums), (ptrdiff_t)width * image.channels, height, width,
                            image.channels};
    resize(image, 0, 0, &taps[0], &taps[1], AREA, *view, integers + rows + columns, sums * sizeof(int32_t));
    return memory;
}

/* Reduces the shorter side of an image to so many pixels, as views.reduce does; `memory` is for the caller to free. */
static int reduce(struct pixels image, int side, struct pixels *view, uint8_t **memory) {
    int shorter = image.height < image.width ? image.height : image.width;
    *view = image;
    *memory = NULL;
    if (side == 0 || shorter <= side) return 1;
    double factor = (double)shorter / side;
    int height = (int)rint(image.height / factor), width = (int)rint(image.width / factor);
    *memory = average_to(image, height > side ? height : side, width > side ? width : side, view);
    return *memory != NULL;
}

enum found measure_gray(struct pixels image, const struct wanted *wanted, struct record *record) {
    struct pixels view;
    uint8_t *memory;
    if (!reduce(image, wanted->side, &view, &memory)) return NO_MEMORY;
    if (wanted->measures & (LUMINANCE | LEVELS)) measure_levels(view, record);
    if (wanted->measures & SHARPNESS) record->sharpness = sharpness_of(view);
    enum found found = hash_gray(view, wanted, record);
    free(memory);
    return found;
}

/* Luminance, ITU-R 601, by cv2's arithmetic: weights in fixed point of 15 bits. */
WIDE static void gray_of(const uint8_t *row, int width, uint8_t *gray) {
    for (int x = 0; x < width; x++) gray[x] = (uint8_t)((row[3 * x] * 9798 + row[3 * x + 1] * 19235 + row[3 * x + 2] * 3735 + (1 << 14)) >> 15);
}

static uint8_t chroma(int difference, int weight) {
    int value = (difference * weight + (128 << 14) + (1 << 13)) >> 14;
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

/* Cb and Cr of (4, 4) RGB by cv2's arithmetic, in which weights have 14 bits. */
static void color_cells(struct pixels cells, uint8_t *cb, uint8_t *cr) {
    for (int place = 0; place < MINIATURE_CELLS * MINIATURE_CELLS; place++) {
        const uint8_t *rgb = cells.first + place / MINIATURE_CELLS * cells.stride + place % MINIATURE_CELLS * 3;
        int gray = (rgb[0] * 4899 + rgb[1] * 9617 + rgb[2] * 1868 + (1 << 13)) >> 14;
        cb[place] = chroma(rgb[2] - gray, 9241);
        cr[place] = chroma(rgb[0] - gray, 11682);
    }
}

/* Writes luminance of an RGB image, averaged to 32 × 32 pixels. */
static int squeeze_gray(struct pixels view, uint8_t *out) {
    uint8_t *memory = malloc((size_t)view.height * view.width);
    if (memory == NULL) return 0;
    struct pixels gray = {memory, view.width, view.height, view.width, 1}, small;
    for (int y = 0; y < view.height; y++) gray_of(view.first + y * view.stride, view.width, gray.first + y * gray.stride);
    uint8_t *squeezed = average_to(gray, MINIATURE_SIDE, MINIATURE_SIDE, &small);
    if (squeezed != NULL) memcpy(out, small.first, MINIATURE_SIDE * MINIATURE_SIDE);
    free(squeezed);
    free(memory);
    return squeezed != NULL;
}

static enum found measure_miniature(struct pixels image, struct record *record) {
    struct pixels view, cells;
    uint8_t *memory, *squeezed, *colors = record->miniature + MINIATURE_SIDE * MINIATURE_SIDE;
    if (image.height < MINIATURE_SIDE || image.width < MINIATURE_SIDE) return NOT_MINE;
    if (!reduce(image, MINIATURE_SIDE, &view, &memory)) return NO_MEMORY;
    squeezed = average_to(view, MINIATURE_CELLS, MINIATURE_CELLS, &cells);
    if (squeezed != NULL) color_cells(cells, colors, colors + MINIATURE_CELLS * MINIATURE_CELLS);
    int done = squeezed != NULL && squeeze_gray(view, record->miniature);
    free(squeezed);
    free(memory);
    return done ? FOUND : NO_MEMORY;
}

#ifdef AVX2
/* Which bytes of three registers of RGB pixels are a channel's, by channel and register. */
static const int8_t CHANNEL[3][3][16] = {
    {{0, 3, 6, 9, 12, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1},
     {-1, -1, -1, -1, -1, -1, 2, 5, 8, 11, 14, -1, -1, -1, -1, -1},
     {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1, 4, 7, 10, 13}},
    {{1, 4, 7, 10, 13, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1},
     {-1, -1, -1, -1, -1, 0, 3, 6, 9, 12, 15, -1, -1, -1, -1, -1},
     {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 2, 5, 8, 11, 14}},
    {{2, 5, 8, 11, 14, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1},
     {-1, -1, -1, -1, -1, 1, 4, 7, 10, 13, -1, -1, -1, -1, -1, -1},
     {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 3, 6, 9, 12, 15}},
};

/* Adds sixteen pixels at a time of a part of a row; returns how many that were. */
static __attribute__((target("avx2"))) int add_channels_wide(const uint8_t *row, int width, struct sums sums[3]) {
    struct lanes lanes[3];
    int x = 0;
    for (int channel = 0; channel < 3; channel++) lanes[channel].sum = lanes[channel].squares = _mm256_setzero_si256();
    for (; x + 16 <= width; x += 16) {
        const __m128i *at = (const __m128i *)(row + 3 * x);
        __m128i bytes[3] = {_mm_loadu_si128(at), _mm_loadu_si128(at + 1), _mm_loadu_si128(at + 2)};
        for (int channel = 0; channel < 3; channel++) {
            __m128i values = _mm_setzero_si128();
            for (int part = 0; part < 3; part++)
                values = _mm_or_si128(values, _mm_shuffle_epi8(bytes[part], _mm_loadu_si128((const __m128i *)CHANNEL[channel][part])));
            add_sixteen(&lanes[channel], _mm256_cvtepu8_epi16(values));
        }
    }
    for (int channel = 0; channel < 3; channel++) add_lanes(&lanes[channel], &sums[channel]);
    return x;
}
#endif

/* Adds a part of a row. */
static void add_channels(const uint8_t *row, int width, struct sums sums[3]) {
    int x = 0;
#ifdef AVX2
    if (__builtin_cpu_supports("avx2")) x = add_channels_wide(row, width, sums);
#endif
    for (; x < width; x++)
        for (int channel = 0; channel < 3; channel++) {
            sums[channel].sum += row[3 * x + channel];
            sums[channel].squares += row[3 * x + channel] * row[3 * x + channel];
        }
}

static void measure_channels(struct pixels image, struct record *record) {
    struct sums sums[3] = {{0, 0, 0}};
    for (int y = 0; y < image.height; y++)
        for (int x = 0; x < image.width; x += CHUNK)
            add_channels(image.first + y * image.stride + 3 * (ptrdiff_t)x, part_of(image.width, x), sums);
    for (int channel = 0; channel < 3; channel++) {
        record->channel_sums[channel] = sums[channel].sum;
        record->channel_squares[channel] = sums[channel].squares;
    }
}

enum found measure_rgb(struct pixels image, const struct wanted *wanted, struct record *record) {
    if (wanted->measures & CHANNEL_SUMS) measure_channels(image, record);
    return wanted->measures & MINIATURE ? measure_miniature(image, record) : FOUND;
}
