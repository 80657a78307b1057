/* Pillow's `resize` for a part of its result, and what `Normalize` makes of it.

   The arithmetic is that of Pillow's Resample.c: weights in fixed point of 22 bits, one pass along rows and one along columns, each
   rounded to 8 bits. So the pixels are Pillow's to the last bit, but only those are made that are asked for. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__) /* the processor decides when the code runs */
#include <immintrin.h>
#define AVX2
#if defined(__gnu_linux__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#endif
#endif
#ifndef WIDE
#define WIDE
#endif

#define BITS 22 /* of the fraction: 32, less 8 of a value and 2 to overshoot */
#define HALF (1 << (BITS - 1))
#define PI 3.141592653589793
#define MOST (1 << 28) /* pixels of a side, of which the sums below still fit into 32 bits */
#define WHOLE ((INT32_MAX - HALF) / 255) /* what the weights of a pixel, without their signs, may add up to */

struct span {
    int start, length; /* pixels */
};

/* An image with its rows apart by `stride` bytes. */
struct pixels {
    uint8_t *first;
    Py_ssize_t stride;
    int height, width, channels;
};

/* What some pixels of a resized axis are made of: each of as many pixels of the source, since a count that varies from one to the
   next costs more than the multiplications by zero. As Python holds it: four integers, then `first` and `weights`. */
struct taps {
    int length, count;
    struct span seen;
    int32_t *first;   /* (length) of the source's pixels */
    int32_t *weights; /* (length, count) in fixed point */
};

#define HEAD 4

static size_t words(int length, int count) { return HEAD + (size_t)length * (1 + count); }

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

/* Returns the taps, as bytes, of a part of an axis that is resized from `source` to `target` pixels. */
static PyObject *make_taps(int source, int target, struct span part, int filter) {
    double scale = (double)source / target, wider = scale > 1.0 ? scale : 1.0, support = FILTERS[filter].support * wider;
    struct span first = around(centre_of(part.start, scale), support, source);
    struct span last = around(centre_of(part.start + part.length - 1, scale), support, source);
    int stop = last.start + last.length, seen = stop - first.start, count = 1;
    for (int place = 0; place < part.length; place++) {
        struct span span = around(centre_of(part.start + place, scale), support, source);
        if (span.length > count) count = span.length;
    }
    Py_ssize_t size = (Py_ssize_t)(words(part.length, count) * sizeof(int32_t));
    double *exact = malloc(count * sizeof *exact);
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, size);
    if (exact == NULL || bytes == NULL) {
        free(exact);
        Py_XDECREF(bytes);
        return PyErr_NoMemory();
    }
    int32_t *head = (int32_t *)PyBytes_AsString(bytes), *firsts = head + HEAD, *weights = firsts + part.length;
    memset(head, 0, size);
    memcpy(head, (int32_t[HEAD]){part.length, count, first.start, seen}, HEAD * sizeof *head);
    for (int place = 0; place < part.length; place++) {
        double centre = centre_of(part.start + place, scale), total = 0.0;
        struct span span = around(centre, support, source);
        for (int tap = 0; tap < span.length; tap++) {
            exact[tap] = FILTERS[filter].at((tap + span.start - centre + 0.5) * (1.0 / wider));
            total += exact[tap];
        }
        int before = span.start + count > stop ? span.start + count - stop : 0; /* taps that would lie behind the last pixel */
        firsts[place] = span.start - before;
        for (int tap = 0; tap < span.length; tap++) {
            double weight = (total != 0.0 ? exact[tap] / total : exact[tap]) * (1 << BITS);
            weights[(size_t)place * count + before + tap] = (int32_t)(weight < 0 ? weight - 0.5 : weight + 0.5);
        }
    }
    free(exact);
    return bytes;
}

static int inside(int64_t start, int64_t length, int64_t whole) {
    return start >= 0 && length >= 1 && start <= whole && length <= whole - start;
}

static int is_aligned(const void *memory, size_t size) { return (uintptr_t)memory % size == 0; }

/* Returns whether bytes are taps of so many pixels, all of which lie in what they say that they see, and which. */
static int open_taps(const Py_buffer *bytes, int length, struct taps *taps) {
    int32_t *head = bytes->buf;
    if (!is_aligned(head, sizeof *head) || (size_t)bytes->len < HEAD * sizeof *head || head[0] != length || head[1] < 1) return 0;
    *taps = (struct taps){length, head[1], {head[2], head[3]}, head + HEAD, head + HEAD + length};
    if ((size_t)bytes->len != words(length, taps->count) * sizeof *head || !inside(head[2], head[3], MOST)) return 0;
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
        Py_ssize_t at = 3 * (Py_ssize_t)(taps->first[x] - origin);
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
static __attribute__((target("avx2"))) int down_wide(const uint8_t *line, Py_ssize_t stride, const int32_t *weights, int count, int size,
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
                       const Py_buffer *memory) {
    struct pixels half = out;
    if (columns_first)
        half.width = seen.width;
    else
        half.height = seen.height;
    half.stride = (Py_ssize_t)half.width * half.channels;
    if (memory->len < half.height * half.stride) return 0;
    half.first = memory->buf;
    if (columns_first) {
        down(seen, rows->seen.start, rows, half);
        across(half, columns->seen.start, columns, out);
    } else {
        across(seen, columns->seen.start, columns, half);
        down(half, rows->seen.start, rows, out);
    }
    return 1;
}

#define AREA_BITS 12 /* of the weight of a pixel, of which the weights along an axis sum up to all */

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
static int average(struct pixels seen, const struct taps *rows, const struct taps *columns, struct pixels out, const Py_buffer *memory) {
    if (memory->len < (Py_ssize_t)sizeof(uint32_t) * seen.width * seen.channels) return 0;
    for (int y = 0; y < out.height; y++) {
        struct pixels from = seen;
        from.first += (rows->first[y] - rows->seen.start) * seen.stride;
        average_row(from, rows->weights + (size_t)y * rows->count, rows->count, columns, memory->buf, out.first + y * out.stride);
    }
    return 1;
}

/* Fills (3, H, W), its strides counted in values, with what `levels`, (3, 256), make of an image, mirrored if asked. */
#define PLACE(name, type)                                                                                             \
    WIDE static void name(struct pixels image, int mirror, const type *restrict levels, type *out, const Py_ssize_t *strides) { \
        for (int channel = 0; channel < 3; channel++) {                                                               \
            const type *level = levels + 256 * channel;                                                               \
            for (int y = 0; y < image.height; y++) {                                                                  \
                const uint8_t *row = image.first + y * image.stride + channel;                                        \
                type *to = out + channel * strides[0] + y * strides[1];                                               \
                Py_ssize_t step = strides[2];                                                                         \
                if (mirror) {                                                                                         \
                    to += (image.width - 1) * step;                                                                   \
                    step = -step;                                                                                     \
                }                                                                                                     \
                for (int x = 0; x < image.width; x++) to[x * step] = level[row[3 * x]];                               \
            }                                                                                                         \
        }                                                                                                             \
    }
PLACE(place_bytes, uint8_t)
PLACE(place_halves, uint16_t)
PLACE(place_floats, float)

/* Returns whether an object is an (H, W) or (H, W, 3) image of bytes whose pixels lie side by side, and which one. */
static int open_image(PyObject *object, int flags, Py_buffer *view, struct pixels *image) {
    if (PyObject_GetBuffer(object, view, flags | PyBUF_STRIDES) < 0) return 0;
    Py_ssize_t channels = view->ndim == 3 ? view->shape[2] : 1;
    if (view->itemsize != 1 || view->ndim < 2 || view->ndim > 3 || (channels != 1 && channels != 3) || view->shape[0] > MOST ||
        view->shape[1] > MOST || view->strides[1] != channels || (view->ndim == 3 && view->strides[2] != 1)) {
        PyErr_SetString(PyExc_ValueError, "an image is (H, W) or (H, W, 3) bytes, the pixels of a row side by side");
        PyBuffer_Release(view);
        return 0;
    }
    *image = (struct pixels){view->buf, view->strides[0], (int)view->shape[0], (int)view->shape[1], (int)channels};
    return 1;
}

static PyObject *py_taps(PyObject *module, PyObject *args) {
    int source, target, filter;
    struct span part;
    (void)module;
    if (!PyArg_ParseTuple(args, "iiiii", &source, &target, &part.start, &part.length, &filter)) return NULL;
    if (source < 1 || source > MOST || target > MOST || !inside(part.start, part.length, target) || filter < 0 || filter > 2)
        return PyErr_Format(PyExc_ValueError, "what is wanted does not lie in what there is");
    return make_taps(source, target, part, filter);
}

enum way { ACROSS_FIRST, DOWN_FIRST, AREA };

/* Fills `out`; the taps count from `top` and `left` of the image, which may lie outside of it. Returns what is wrong, or NULL. */
static const char *resize(struct pixels image, int top, int left, const Py_buffer taps[2], int way, struct pixels out,
                          const Py_buffer *memory) {
    struct taps rows, columns;
    int enough;
    if (way < ACROSS_FIRST || way > AREA) return "there is no such way to resize";
    if (!is_aligned(memory->buf, sizeof(uint32_t))) return "the memory that is lent begins between two numbers";
    if (image.channels != out.channels || !open_taps(&taps[0], out.height, &rows) || !open_taps(&taps[1], out.width, &columns))
        return "image, taps and result do not fit each other";
    int64_t first_row = (int64_t)rows.seen.start + top, first_column = (int64_t)columns.seen.start + left;
    if (!inside(first_row, rows.seen.length, image.height) || !inside(first_column, columns.seen.length, image.width))
        return "what is wanted does not lie in what there is";
    struct pixels seen = {image.first + first_row * image.stride + first_column * image.channels, image.stride, rows.seen.length,
                          columns.seen.length, image.channels};
    Py_BEGIN_ALLOW_THREADS;
    if (way == AREA)
        enough = average(seen, &rows, &columns, out, memory);
    else
        enough = filter_both(seen, &rows, &columns, way == DOWN_FIRST, out, memory);
    Py_END_ALLOW_THREADS;
    return enough ? NULL : "too little memory is lent for what lies between the passes";
}

static PyObject *py_resize(PyObject *module, PyObject *args) {
    PyObject *from, *to;
    Py_buffer seen, made, taps[2], memory;
    struct pixels image, out;
    int top, left, way;
    const char *fault = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOiiy*y*iw*", &from, &to, &top, &left, &taps[0], &taps[1], &way, &memory)) return NULL;
    if (open_image(from, PyBUF_SIMPLE, &seen, &image)) {
        if (open_image(to, PyBUF_WRITABLE, &made, &out)) {
            fault = resize(image, top, left, taps, way, out, &memory);
            PyBuffer_Release(&made);
        }
        PyBuffer_Release(&seen);
    }
    PyBuffer_Release(&taps[0]);
    PyBuffer_Release(&taps[1]);
    PyBuffer_Release(&memory);
    if (fault != NULL) PyErr_SetString(PyExc_ValueError, fault);
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

/* Returns whether levels and result are of one type that is known, and the result has the size of the image. */
static int fit(const struct pixels *image, const Py_buffer *levels, const Py_buffer *out) {
    Py_ssize_t size = out->itemsize;
    if (image->channels != 3 || (size != 1 && size != 2 && size != 4) || levels->len != size * 3 * 256 || out->ndim != 3) return 0;
    if (!is_aligned(levels->buf, (size_t)size) || !is_aligned(out->buf, (size_t)size)) return 0;
    for (int axis = 0; axis < 3; axis++)
        if (out->strides[axis] % size) return 0;
    return out->shape[0] == 3 && out->shape[1] == image->height && out->shape[2] == image->width;
}

static PyObject *py_place(PyObject *module, PyObject *args) {
    PyObject *from, *to;
    Py_buffer seen, levels, out;
    struct pixels image;
    int mirror, fits;
    (void)module;
    if (!PyArg_ParseTuple(args, "Opy*O", &from, &mirror, &levels, &to)) return NULL;
    if (PyObject_GetBuffer(to, &out, PyBUF_WRITABLE | PyBUF_STRIDES) < 0) {
        PyBuffer_Release(&levels);
        return NULL;
    }
    if (!open_image(from, PyBUF_SIMPLE, &seen, &image)) {
        PyBuffer_Release(&levels);
        PyBuffer_Release(&out);
        return NULL;
    }
    fits = fit(&image, &levels, &out);
    if (fits) {
        Py_ssize_t size = out.itemsize, strides[3] = {out.strides[0] / size, out.strides[1] / size, out.strides[2] / size};
        Py_BEGIN_ALLOW_THREADS;
        if (size == 1) place_bytes(image, mirror, levels.buf, out.buf, strides);
        if (size == 2) place_halves(image, mirror, levels.buf, out.buf, strides);
        if (size == 4) place_floats(image, mirror, levels.buf, out.buf, strides);
        Py_END_ALLOW_THREADS;
    }
    PyBuffer_Release(&seen);
    PyBuffer_Release(&levels);
    PyBuffer_Release(&out);
    if (!fits) return PyErr_Format(PyExc_ValueError, "an RGB image, (3, 256) levels and (3, H, W) of their type do not fit each other");
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"taps", py_taps, METH_VARARGS, "taps(source, target, start, length, filter) -> bytes"},
    {"resize", py_resize, METH_VARARGS, "resize(image, out, top, left, rows, columns, way, memory)"},
    {"place", py_place, METH_VARARGS, "place(image, mirror, levels, out)"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "dataprep.images.native.resample", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_resample(void) { return PyModuleDef_Init(&definition); }
