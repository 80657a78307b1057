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

static double mean_of(const struct sums *sums) { return (double)sums->sum * (1.0 / (double)sums->count); }

/* The standard deviation, by the steps of cv2.meanStdDev. */
static double deviation_of(const struct sums *sums) {
    double mean = mean_of(sums), variance = (double)sums->squares * (1.0 / (double)sums->count) - mean * mean;
    return sqrt(variance > 0.0 ? variance : 0.0);
}

WIDE static void add_levels(const uint8_t *row, int width, struct sums *sums, int *lowest, int *highest) {
    for (int start = 0; start < width; start += CHUNK) {
        int stop = width - start < CHUNK ? width : start + CHUNK;
        uint32_t sum = 0, squares = 0;
        uint8_t low = 255, high = 0;
        for (int x = start; x < stop; x++) {
            sum += row[x];
            squares += (uint32_t)row[x] * row[x];
            low = row[x] < low ? row[x] : low;
            high = row[x] > high ? row[x] : high;
        }
        sums->sum += sum;
        sums->squares += squares;
        if (low < *lowest) *lowest = low;
        if (high > *highest) *highest = high;
    }
}

/* Adds the Laplacian of the pixels of a row that have neighbours to both sides. */
WIDE static void add_laplacian(const uint8_t *above, const uint8_t *row, const uint8_t *below, int width, struct sums *sums) {
    for (int start = 1; start < width - 1; start += CHUNK) {
        int stop = width - 1 - start < CHUNK ? width - 1 : start + CHUNK;
        int32_t sum = 0, squares = 0;
        for (int x = start; x < stop; x++) {
            int16_t value = (int16_t)(row[x - 1] + row[x + 1] + above[x] + below[x] - 4 * row[x]);
            sum += value;
            squares += value * value;
        }
        sums->sum += sum;
        sums->squares += (uint32_t)squares;
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
        add_laplacian(above, row, below, view.width, &sums);
        add_edge(above, row, below, 0, last > 0, &sums);
        if (last > 0) add_edge(above, row, below, last, last - 1, &sums);
    }
    volatile double two = 2.0; /* or the compiler would multiply, where the power may be rounded otherwise */
    return pow(deviation_of(&sums), two);
}

static void measure_levels(struct pixels view, struct record *record) {
    struct sums sums = {(int64_t)view.height * view.width, 0, 0};
    int lowest = 255, highest = 0;
    for (int y = 0; y < view.height; y++) add_levels(view.first + y * view.stride, view.width, &sums, &lowest, &highest);
    record->brightness = mean_of(&sums);
    record->contrast = deviation_of(&sums);
    record->darkest = lowest;
    record->lightest = highest;
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

#define LANES 48 /* bytes that are added at once, channel by channel */

WIDE static void add_channels(const uint8_t *row, int size, struct record *record) {
    for (int start = 0; start < size; start += 3 * CHUNK) {
        int stop = size - start < 3 * CHUNK ? size : start + 3 * CHUNK, at = start;
        uint32_t sums[LANES] = {0}, squares[LANES] = {0};
        for (; at + LANES <= stop; at += LANES)
            for (int lane = 0; lane < LANES; lane++) {
                sums[lane] += row[at + lane];
                squares[lane] += (uint32_t)row[at + lane] * row[at + lane];
            }
        for (int lane = 0; at < stop; at++, lane++) {
            sums[lane] += row[at];
            squares[lane] += (uint32_t)row[at] * row[at];
        }
        for (int lane = 0; lane < LANES; lane++) {
            record->channel_sums[lane % 3] += sums[lane];
            record->channel_squares[lane % 3] += squares[lane];
        }
    }
}

enum found measure_rgb(struct pixels image, const struct wanted *wanted, struct record *record) {
    if (wanted->measures & CHANNEL_SUMS)
        for (int y = 0; y < image.height; y++) add_channels(image.first + y * image.stride, 3 * image.width, record);
    return wanted->measures & MINIATURE ? measure_miniature(image, record) : FOUND;
}
