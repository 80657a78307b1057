/* Levels by arithmetic. See line.h.

   A float of `value * slope + start` has three roundings, a correctly rounded table one. So slope and start are split: multiples of
   a step so coarse that 24 bits hold each of their sums, which is exact, and rests, whose sum is small and so is its error. */

#include "line.h"

#include "wide.h"

#include <math.h>
#include <string.h>

#define LEVELS 256

#ifdef AVX2
#define BITS 23  /* steps that the largest level is long, as a power of two: a bit less than floats hold */
#define TRIES 16 /* to either side, each by a part of the error of what is rounded first */
#define PART 18  /* that part, of a step, as a power of two */
#define EIGHT 8
#define LEAST 1e-30 /* of what is not next to the ends of the range of floats */

/* Returns what becomes of eight values. */
static inline __attribute__((always_inline, target("avx2,fma"))) __m256 eight_of(const struct line *line, const uint8_t *values) {
    __m256 x = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)values)));
    __m256 exact = _mm256_fmadd_ps(x, _mm256_set1_ps(line->slope), _mm256_set1_ps(line->start));
    return _mm256_add_ps(exact, _mm256_fmadd_ps(x, _mm256_set1_ps(line->slope_rest), _mm256_set1_ps(line->start_rest)));
}

/* Whether a line goes through all levels, to the last bit. */
static __attribute__((target("avx2,fma"))) int goes_through(const float *levels, const struct line *line) {
    for (int level = 0; level < LEVELS; level += EIGHT) {
        uint8_t values[EIGHT];
        for (int x = 0; x < EIGHT; x++) values[x] = (uint8_t)(level + x);
        __m256i made = _mm256_castps_si256(eight_of(line, values)), wanted = _mm256_loadu_si256((const __m256i *)(levels + level));
        if (_mm256_movemask_epi8(_mm256_cmpeq_epi32(made, wanted)) != -1) return 0;
    }
    return 1;
}

static double whole(double steps) { return (double)(int32_t)(steps + copysign(0.5, steps)); }

int line_through(const float *levels, double slope, double start, struct line *line) {
    double most = fabs(start) + fabs(slope) * (LEVELS - 1);
    int exponent;
    if (!(most > LEAST && most < 1 / LEAST) || !__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 0;
    frexp(most, &exponent);
    double step = ldexp(1.0, exponent - BITS), coarse = whole(slope / step) * step, first = whole(start / step) * step;
    for (int turn = 0; turn <= 2 * TRIES; turn++) {
        double aside = ldexp(turn % 2 ? turn / 2 + 1 : -turn / 2, -PART) * step;
        *line = (struct line){(float)coarse, (float)first, (float)(slope - coarse), (float)(start - first + aside)};
        if (goes_through(levels, line)) return 1;
    }
    return 0;
}

__attribute__((target("avx2,fma"))) void line_fill(const struct line *line, const float *levels, const uint8_t *values, int count, float *to,
                                                   int past) {
    const struct line mine = *line;
    int x = 0;
    for (; x < count && (uintptr_t)(to + x) % sizeof(__m256) != 0; x++) to[x] = levels[values[x]];
    for (; x + EIGHT <= count; x += EIGHT) {
        if (past)
            _mm256_stream_ps(to + x, eight_of(&mine, values + x));
        else
            _mm256_store_ps(to + x, eight_of(&mine, values + x));
    }
    for (; x < count; x++) to[x] = levels[values[x]];
}
/* A channel's line in registers. */
struct wide {
    __m256 slope, start, slope_rest, start_rest;
};

static inline __attribute__((always_inline, target("avx2,fma"))) void eight_to(const struct wide *line, __m128i values, float *to, int past) {
    __m256 x = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(values));
    __m256 made = _mm256_add_ps(_mm256_fmadd_ps(x, line->slope, line->start), _mm256_fmadd_ps(x, line->slope_rest, line->start_rest));
    if (past)
        _mm256_stream_ps(to, made);
    else
        _mm256_store_ps(to, made);
}

/* Places sixteen pixels in one channel. */
static inline __attribute__((always_inline, target("avx2,fma"))) void channel_to(const struct wide *line, const __m128i masks[3],
                                                                                const __m128i pixels[3], float *to, int past) {
    __m128i values = _mm_or_si128(_mm_shuffle_epi8(pixels[0], masks[0]), _mm_shuffle_epi8(pixels[1], masks[1]));
    values = _mm_or_si128(values, _mm_shuffle_epi8(pixels[2], masks[2]));
    eight_to(line, values, to, past);
    eight_to(line, _mm_srli_si128(values, EIGHT), to + EIGHT, past);
}

__attribute__((target("avx2,fma"))) void line_place(const struct line lines[3], const uint8_t masks[3][3][16], const uint8_t *row,
                                                    int count, ptrdiff_t step, float *const to[3], int past) {
    __m128i shuffles[3][3];
    struct wide wide[3];
    float *red = to[0], *green = to[1], *blue = to[2];
    for (int channel = 0; channel < 3; channel++) {
        const struct line *line = &lines[channel];
        wide[channel] = (struct wide){_mm256_set1_ps(line->slope), _mm256_set1_ps(line->start), _mm256_set1_ps(line->slope_rest),
                                      _mm256_set1_ps(line->start_rest)};
        for (int part = 0; part < 3; part++) shuffles[channel][part] = _mm_loadu_si128((const __m128i *)masks[channel][part]);
    }
    for (int x = 0; x + 16 <= count; x += 16, row += 48, red += step, green += step, blue += step) {
        const __m128i *from = (const __m128i *)row;
        __m128i pixels[3] = {_mm_loadu_si128(from), _mm_loadu_si128(from + 1), _mm_loadu_si128(from + 2)};
        if (past) {
            channel_to(&wide[0], shuffles[0], pixels, red, 1);
            channel_to(&wide[1], shuffles[1], pixels, green, 1);
            channel_to(&wide[2], shuffles[2], pixels, blue, 1);
        } else {
            channel_to(&wide[0], shuffles[0], pixels, red, 0);
            channel_to(&wide[1], shuffles[1], pixels, green, 0);
            channel_to(&wide[2], shuffles[2], pixels, blue, 0);
        }
    }
}
#else
int line_through(const float *levels, double slope, double start, struct line *line) {
    (void)levels, (void)slope, (void)start, (void)line;
    return 0;
}

void line_fill(const struct line *line, const float *levels, const uint8_t *values, int count, float *to, int past) {
    (void)line, (void)past;
    for (int x = 0; x < count; x++) to[x] = levels[values[x]];
}

void line_place(const struct line lines[3], const uint8_t masks[3][3][16], const uint8_t *row, int count, ptrdiff_t step,
                float *const to[3], int past) {
    (void)lines, (void)masks, (void)row, (void)count, (void)step, (void)to, (void)past; /* nobody has found a line */
}
#endif
