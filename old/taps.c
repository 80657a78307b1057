/* What the pixels of a resized axis are made of. See taps.h. */

#include "taps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "wide.h"

#define WHOLE ((INT32_MAX - TAPS_HALF) / 255) /* what the weights of a pixel, without their signs, may add up to */
#define HEAD 4                                /* integers before `first` of taps */

static const double SUPPORT[] = {1.0, 2.0, 3.0}; /* pixels to either side, by filter */

int inside(int64_t start, int64_t length, int64_t whole) {
    return start >= 0 && length >= 1 && start <= whole && length <= whole - start;
}

int is_aligned(const void *memory, size_t size) { return (uintptr_t)memory % size == 0; }

size_t taps_size(int length, int count) { return HEAD + (size_t)length * (1 + count); }

/* Each of the next replaces distances, in pixels of the larger scale, by the filter's values there, and returns their sum. */

static inline double triangle(double *values, int count) {
    double total = 0.0;
    for (int tap = 0; tap < count; tap++) values[tap] = fabs(values[tap]) < 1.0 ? 1.0 - fabs(values[tap]) : 0.0;
    for (int tap = 0; tap < count; tap++) total += values[tap];
    return total;
}

static inline double cubic(double *values, int count) {
    const double a = -0.5;
    double total = 0.0;
    for (int tap = 0; tap < count; tap++) {
        double x = fabs(values[tap]);
        values[tap] = x < 1.0 ? ((a + 2.0) * x - (a + 3.0)) * x * x + 1 : x < 2.0 ? (((x - 5) * x + 8) * x - 4) * a : 0.0;
        total += values[tap];
    }
    return total;
}

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
    double scale = (double)axis->source / axis->target, support = SUPPORT[filter] * (scale > 1.0 ? scale : 1.0);
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

#define THIRD (9.869604401089358 / 9) /* square of a third of pi */
#define TERMS 11
#define LANES 4

/* sin(sqrt(u)) / sqrt(u) for u from 0 to pi squared: the polynomial that is nearest to it, the highest power first; off by 1e-16. */
static const double SINC[TERMS] = {
    1.757765687553025e-20,  -8.174661446309616e-18,  2.810853428685386e-15,   -7.647114315511918e-13,
    1.6059041234417302e-10, -2.5052108297340973e-08, 2.7557319222125406e-06,  -0.00019841269841246913,
    0.008333333333333188,   -0.16666666666666663,    1.0,
};

/* Replaces distances, in pixels of the larger scale, by sinc(x) sinc(x / 3), without two sines and two divisions: with t = pi x / 3
   and p = sin(t) / t it is p^2 (1 - 4/3 t^2 p^2). It is off by some 1e-15, as sines are, where a weight is kept to 2e-7. */
static void lanczos(double *values, int count) {
    for (int tap = 0; tap < count; tap++) {
        double square = values[tap] * values[tap] * THIRD, p = SINC[0];
        for (int term = 1; term < TERMS; term++) p = p * square + SINC[term];
        p *= p;
        values[tap] = p * (1.0 - 4.0 / 3.0 * square * p);
    }
}

#ifdef AVX2
/* The same, four at once. */
static __attribute__((target("avx2"))) void lanczos_wide(double *values, int count) {
    for (int tap = 0; tap < count; tap += LANES) {
        __m256d x = _mm256_loadu_pd(values + tap), p = _mm256_set1_pd(SINC[0]);
        __m256d square = _mm256_mul_pd(_mm256_mul_pd(x, x), _mm256_set1_pd(THIRD));
        for (int term = 1; term < TERMS; term++) p = _mm256_add_pd(_mm256_mul_pd(p, square), _mm256_set1_pd(SINC[term]));
        p = _mm256_mul_pd(p, p);
        __m256d rest = _mm256_mul_pd(_mm256_mul_pd(_mm256_set1_pd(4.0 / 3.0), square), p);
        _mm256_storeu_pd(values + tap, _mm256_mul_pd(p, _mm256_sub_pd(_mm256_set1_pd(1.0), rest)));
    }
}
#endif

/* Fills the weights of Lanczos in whole groups of lanes, whose sums need not wait for each other. */
static void weigh_lanczos(struct span span, double *exact, int32_t *weights) {
    int filled = (span.length + LANES - 1) / LANES * LANES;
    double totals[LANES] = {0.0};
    memset(exact + span.length, 0, (LANES - 1) * sizeof *exact);
#ifdef AVX2
    if (__builtin_cpu_supports("avx2"))
        lanczos_wide(exact, filled);
    else
#endif
        lanczos(exact, filled);
    memset(exact + span.length, 0, (LANES - 1) * sizeof *exact);
    for (int tap = 0; tap < filled; tap += LANES)
        for (int lane = 0; lane < LANES; lane++) totals[lane] += exact[tap + lane];
    double scale = (1 << TAPS_BITS) / ((totals[0] + totals[1]) + (totals[2] + totals[3]));
    for (int tap = 0; tap < span.length; tap++) weights[tap] = (int32_t)(exact[tap] * scale + copysign(0.5, exact[tap]));
}

/* Fills the weights of a pixel, which is made of the pixels of a span, in fixed point. */
static void weigh(const struct axis *axis, enum filter filter, int pixel, struct span span, double *exact, int32_t *weights) {
    double scale = (double)axis->source / axis->target, step = 1.0 / (scale > 1.0 ? scale : 1.0), centre = centre_of(pixel, scale);
    for (int tap = 0; tap < span.length; tap++) exact[tap] = (tap + span.start - centre + 0.5) * step;
    if (filter == LANCZOS) {
        weigh_lanczos(span, exact, weights);
        return;
    }
    double total = filter == BILINEAR ? triangle(exact, span.length) : cubic(exact, span.length);
    for (int tap = 0; tap < span.length; tap++) {
        double weight = (total != 0.0 ? exact[tap] / total : exact[tap]) * (1 << TAPS_BITS);
        weights[tap] = (int32_t)(weight + copysign(0.5, weight));
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
    double *exact = malloc(((size_t)count + LANES - 1) * sizeof *exact);
    if (exact == NULL) return 0;
    *taps = begin(part.length, count, (struct span){first.start, stop - first.start}, integers);
    int step = axis->source % axis->target == 0 ? axis->source / axis->target : 0; /* pixels that far apart may have the same weights */
    struct span previous = {0, 0};
    const int32_t *made = NULL;
    for (int place = 0; place < part.length; place++) {
        struct span span = seen_by(axis, filter, part.start + place);
        int before = span.start + count > stop ? span.start + count - stop : 0; /* taps that would lie behind the last pixel */
        int32_t *own = weights + (size_t)place * count + before;
        firsts[place] = span.start - before;
        if (step && span.length == previous.length && span.start == previous.start + step)
            memcpy(own, made, (size_t)span.length * sizeof *own);
        else
            weigh(axis, filter, part.start + place, span, exact, own);
        previous = span;
        made = own;
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
            int64_t covered = (first + tap + 1) * target - start, below = covered <= 0 ? 0 : 1 << AREA_BITS;
            if (covered > 0 && covered < source) below = (covered * (2 << AREA_BITS) + source) / (2 * (int64_t)source);
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
