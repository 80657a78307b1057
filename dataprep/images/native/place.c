/* Looks up what the levels of an image become, channel by channel where they lie so in memory. See place.h. */

#include "place.h"

#include <string.h>

#include "line.h"
#include "wide.h"

#define CHUNK 1024             /* pixels that are split at once */
#define WIDTH 16               /* bytes of a register */
#define MUCH ((size_t)1 << 17) /* bytes of an image that is written past the caches: whoever reads it comes after the whole batch */

/* How an image is placed. */
struct manner {
    int mirror, as_it_is, past; /* whether it is mirrored, its levels stay as they are, and it is written past the caches */
    const uint8_t *levels;      /* as bytes */
    int has_line[3];            /* by channel: whether its levels are a line's */
    struct line lines[3];
    uint8_t masks[3][3][WIDTH]; /* by channel and by which of three registers is shuffled, for sixteen RGB pixels */
};

static void make_masks(struct manner *manner) {
    for (int channel = 0; channel < 3; channel++)
        for (int part = 0; part < 3; part++)
            for (int x = 0; x < WIDTH; x++) {
                int at = 3 * (manner->mirror ? WIDTH - 1 - x : x) + channel - part * WIDTH;
                manner->masks[channel][part][x] = at >= 0 && at < WIDTH ? (uint8_t)at : 0x80;
            }
}

#ifdef AVX2
/* Splits a row of sixteen RGB pixels or more into channels; the last sixteen may overlap those before, but not past the caches. */
static inline __attribute__((always_inline, target("ssse3"))) void split_wide(const uint8_t *row, int width, const struct manner *manner,
                                                                             uint8_t *const planes[3], int past) {
    __m128i shuffles[3][3];
    for (int channel = 0; channel < 3; channel++)
        for (int part = 0; part < 3; part++) shuffles[channel][part] = _mm_loadu_si128((const __m128i *)manner->masks[channel][part]);
    for (int done = 0; done < width; done += WIDTH) {
        int x = done + WIDTH <= width ? done : width - WIDTH;
        const __m128i *from = (const __m128i *)(row + 3 * (ptrdiff_t)x);
        __m128i first = _mm_loadu_si128(from), second = _mm_loadu_si128(from + 1), third = _mm_loadu_si128(from + 2);
        for (int channel = 0; channel < 3; channel++) {
            __m128i values = _mm_or_si128(_mm_shuffle_epi8(first, shuffles[channel][0]), _mm_shuffle_epi8(second, shuffles[channel][1]));
            values = _mm_or_si128(values, _mm_shuffle_epi8(third, shuffles[channel][2]));
            __m128i *to = (__m128i *)(planes[channel] + (manner->mirror ? width - WIDTH - x : x));
            if (past)
                _mm_stream_si128(to, values);
            else
                _mm_storeu_si128(to, values);
        }
    }
}

static __attribute__((target("ssse3"))) void split_row(const uint8_t *row, int width, const struct manner *manner, uint8_t *const planes[3]) {
    split_wide(row, width, manner, planes, 0);
}

static __attribute__((target("ssse3"))) void split_past(const uint8_t *row, int width, const struct manner *manner, uint8_t *const planes[3]) {
    split_wide(row, width, manner, planes, 1);
}

/* Places as many pixels of a row as it can, sixteen by sixteen, straight into the canvas: as they are, or where all channels have
   lines; returns how many. */
static int place_sixteens(const uint8_t *row, int width, const struct manner *manner, const struct canvas *canvas, uint8_t *to) {
    int count = width / WIDTH * WIDTH, has_lines = manner->has_line[0] && manner->has_line[1] && manner->has_line[2];
    ptrdiff_t size = (ptrdiff_t)canvas->size, channel = canvas->strides[0] * size;
    uint8_t *first = to + (manner->mirror ? (width - count) * size : 0);
    if (canvas->strides[2] != 1 || count == 0 || ((uintptr_t)first | (uintptr_t)channel) % (size == 1 ? WIDTH : 2 * WIDTH) != 0) return 0;
    if (manner->as_it_is && __builtin_cpu_supports("ssse3")) {
        (manner->past ? split_past : split_row)(row, count, manner, (uint8_t *[3]){first, first + channel, first + 2 * channel});
        return count;
    }
    if (!has_lines) return 0;
    ptrdiff_t step = manner->mirror ? -WIDTH : WIDTH, apart = canvas->strides[0];
    float *floats = (float *)(void *)first + (manner->mirror ? count - WIDTH : 0);
    line_place(manner->lines, manner->masks, row, count, step, (float *[3]){floats, floats + apart, floats + 2 * apart}, manner->past);
    return count;
}
#else
static int place_sixteens(const uint8_t *row, int width, const struct manner *manner, const struct canvas *canvas, uint8_t *to) {
    (void)row, (void)width, (void)manner, (void)canvas, (void)to;
    return 0;
}
#endif

/* Splits a row of RGB pixels into channels, mirrored if asked. */
static void split(const uint8_t *row, int width, const struct manner *manner, uint8_t *const planes[3]) {
#ifdef AVX2
    if (width >= WIDTH && __builtin_cpu_supports("ssse3")) {
        split_row(row, width, manner, planes);
        return;
    }
#endif
    for (int x = 0; x < width; x++)
        for (int channel = 0; channel < 3; channel++) planes[channel][manner->mirror ? width - 1 - x : x] = row[3 * (ptrdiff_t)x + channel];
}

int changes_nothing(const void *levels) {
    const uint8_t *bytes = levels;
    for (int level = 0; level < 3 * 256; level++)
        if (bytes[level] != (level & 255)) return 0;
    return 1;
}

/* Looks up what becomes of the values of a channel; the compiler is told of the steps that are usual. */
#define LOOK_UP(name, type)                                                                           \
    static void name(const uint8_t *plane, int count, const type *levels, type *to, ptrdiff_t step) { \
        if (step == 1)                                                                                \
            for (int x = 0; x < count; x++) to[x] = levels[plane[x]];                                 \
        else if (step == 3)                                                                           \
            for (int x = 0; x < count; x++) to[3 * x] = levels[plane[x]];                             \
        else                                                                                          \
            for (int x = 0; x < count; x++) to[x * step] = levels[plane[x]];                          \
    }
LOOK_UP(look_up_bytes, uint8_t)
LOOK_UP(look_up_halves, uint16_t)
LOOK_UP(look_up_words, uint32_t)

static void look_up(const uint8_t *plane, int count, size_t size, const void *levels, void *to, ptrdiff_t step) {
    if (size == 1) look_up_bytes(plane, count, levels, to, step);
    if (size == 2) look_up_halves(plane, count, levels, to, step);
    if (size == 4) look_up_words(plane, count, levels, to, step);
}

#ifdef AVX2
/* Looks up floats, whose place is that of a register, past the caches. */
static void look_up_past(const uint8_t *plane, int count, const uint32_t *levels, uint32_t *to) {
    int x = 0;
    for (; x + 4 <= count; x += 4) {
        int first = (int)levels[plane[x]], second = (int)levels[plane[x + 1]];
        int third = (int)levels[plane[x + 2]], fourth = (int)levels[plane[x + 3]];
        _mm_stream_si128((__m128i *)(to + x), _mm_setr_epi32(first, second, third, fourth));
    }
    for (; x < count; x++) to[x] = levels[plane[x]];
}
#else
static void look_up_past(const uint8_t *plane, int count, const uint32_t *levels, uint32_t *to) {
    look_up_words(plane, count, levels, to, 1);
}
#endif

/* Copies bytes, past the caches if asked. */
static void store(uint8_t *to, const uint8_t *from, size_t count, int past) {
#ifdef AVX2
    if (past) {
        size_t before = -(uintptr_t)to % WIDTH, at = before < count ? before : count;
        memcpy(to, from, at);
        for (; at + WIDTH <= count; at += WIDTH)
            _mm_stream_si128((__m128i *)(to + at), _mm_loadu_si128((const __m128i *)(from + at)));
        to += at;
        from += at;
        count -= at;
    }
#endif
    (void)past;
    memcpy(to, from, count);
}

/* Places some pixels of a row at a column of the canvas's row `to`. */
static void place_some(const uint8_t *row, int count, const struct manner *manner, const struct canvas *canvas, uint8_t *to) {
    uint8_t channels[3][CHUNK], *const planes[3] = {channels[0], channels[1], channels[2]};
    uint32_t line[3 * CHUNK];
    size_t size = canvas->size;
    split(row, count, manner, planes);
    for (int channel = 0; channel < 3; channel++) {
        const uint8_t *levels = manner->levels + channel * 256 * size;
        uint8_t *start = to + channel * canvas->strides[0] * (ptrdiff_t)size;
        if (canvas->strides[2] != 1) {
            int is_last = canvas->strides[2] == 3 && canvas->strides[0] == 1;
            look_up(planes[channel], count, size, levels, is_last ? (uint8_t *)line + channel * size : start, canvas->strides[2]);
            if (is_last && channel == 2) store(to, (uint8_t *)line, 3 * count * size, manner->past);
        } else if (manner->as_it_is) {
            store(start, planes[channel], (size_t)count, manner->past);
        } else if (manner->has_line[channel]) {
            line_fill(&manner->lines[channel], (const float *)levels, planes[channel], count, (float *)start, manner->past);
        } else if (size == 4 && manner->past && (uintptr_t)start % WIDTH == 0) {
            look_up_past(planes[channel], count, (const uint32_t *)levels, (uint32_t *)start);
        } else {
            look_up(planes[channel], count, size, levels, line, 1);
            store(start, (uint8_t *)line, count * size, manner->past);
        }
    }
}

static struct manner manner_of(struct pixels image, int mirror, const struct levels *levels, const struct canvas *canvas) {
    size_t size = canvas->size;
    struct manner manner = {.mirror = mirror, .levels = levels->table};
    manner.as_it_is = size == 1 && changes_nothing(levels->table);
    manner.past = (size_t)image.height * image.width * 3 * size >= MUCH;
    for (int channel = 0; levels->line != NULL && size == sizeof(float) && channel < 3; channel++) {
        const double *line = levels->line + 2 * channel;
        manner.has_line[channel] = line_through((const float *)levels->table + channel * 256, line[0], line[1], &manner.lines[channel]);
    }
    make_masks(&manner);
    return manner;
}

void place(struct pixels image, int mirror, const struct levels *levels, const struct canvas *canvas) {
    ptrdiff_t size = (ptrdiff_t)canvas->size;
    struct manner manner = manner_of(image, mirror, levels, canvas);
    for (int y = 0; y < image.height; y++) {
        const uint8_t *row = image.first + y * image.stride;
        uint8_t *to = (uint8_t *)canvas->first + y * canvas->strides[1] * size;
        int done = place_sixteens(row, image.width, &manner, canvas, to);
        for (int x = done, count; x < image.width; x += count) {
            count = image.width - x < CHUNK ? image.width - x : CHUNK;
            int column = mirror ? image.width - x - count : x;
            place_some(row + 3 * (ptrdiff_t)x, count, &manner, canvas, to + column * canvas->strides[2] * size);
        }
    }
#ifdef AVX2
    _mm_sfence(); /* before anyone is told that it is there */
#endif
}
