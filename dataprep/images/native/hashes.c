/* Perceptual hashes, with the bits of stages/measures/hashing.py: thumbnails by Pillow's Lanczos filter, then a cosine transform,
   gradients or a mean.

   The transform's sums run in another order than NumPy's, whose last bits differ from one machine to the next as well; both are
   rounded to millionths, which is what makes a hash of it. */

#include "measures.h"
#include "wide.h"

#include <stdlib.h>
#include <string.h>

#define OVERSAMPLING 4             /* the transform sees so many times as many pixels as the hash has bits a side */
#define MOST_BITS 16               /* of a row or a column of a hash */
#define MOST_SAMPLES (OVERSAMPLING * MOST_BITS)
#define MILLIONTHS 1e6
#define ROUND 6755399441055744.0 /* 1.5 * 2^52: what is added to it loses its fraction, to the nearest, ties to even */

/* cos(k * pi / 128), by which all samples of both transforms' cosines are made. */
static const double COSINES[] = {
    1.0, 0.9996988186962042, 0.9987954562051724, 0.9972904566786902, 0.9951847266721969, 0.99247953459871,
    0.989176509964781, 0.9852776423889412, 0.9807852804032304, 0.9757021300385286, 0.970031253194544, 0.9637760657954398,
    0.9569403357322088, 0.9495281805930367, 0.9415440651830208, 0.9329927988347388, 0.9238795325112867, 0.9142097557035307,
    0.9039892931234433, 0.8932243011955153, 0.881921264348355, 0.8700869911087115, 0.8577286100002721, 0.8448535652497071,
    0.8314696123025452, 0.8175848131515837, 0.8032075314806449, 0.7883464276266062, 0.773010453362737, 0.7572088465064846,
    0.7409511253549591, 0.7242470829514669, 0.7071067811865476, 0.6895405447370669, 0.6715589548470184, 0.6531728429537768,
    0.6343932841636455, 0.6152315905806268, 0.5956993044924334, 0.5758081914178453, 0.5555702330196022, 0.5349976198870973,
    0.5141027441932218, 0.49289819222978404, 0.47139673682599764, 0.4496113296546066, 0.4275550934302821, 0.40524131400498986,
    0.3826834323650898, 0.35989503653498817, 0.33688985339222005, 0.31368174039889146, 0.2902846772544624, 0.26671275747489837,
    0.2429801799032639, 0.2191012401568698, 0.19509032201612828, 0.17096188876030122, 0.14673047445536175, 0.1224106751992162,
    0.0980171403295606, 0.07356456359966743, 0.049067674327418015, 0.024541228522912288, 0.0,
};

static double cosine(int angle) { /* in 128ths of pi */
    angle %= 256;
    if (angle > 128) angle = 256 - angle;
    return angle > 64 ? -COSINES[128 - angle] : COSINES[angle];
}

/* Fills a thumbnail, side by side, by Lanczos; returns whether there was memory for it. */
static int thumbnail(struct pixels view, const struct wanted *wanted, int height, int width, uint8_t *out) {
    struct pixels to = {out, width, height, width, 1};
    if (view.height == height && view.width == width) {
        for (int y = 0; y < height; y++) memcpy(out + y * width, view.first + y * view.stride, (size_t)width);
        return 1;
    }
    struct axis rows = {view.height, height, {0, height}}, columns = {view.width, width, {0, width}};
    int falls_more = view.height > height && view.height - height > 2 * (view.width - width);
    int down = taps_count(&rows, LANCZOS), across = taps_count(&columns, LANCZOS);
    int way = wanted->cheaper_first && falls_more ? DOWN_FIRST : ACROSS_FIRST;
    size_t between = way == DOWN_FIRST ? (size_t)height * view.width : (size_t)view.height * width;
    size_t first = taps_size(height, down), second = taps_size(width, across);
    int32_t *memory = malloc((first + second) * sizeof *memory + between);
    struct taps taps[2];
    int done = memory != NULL && taps_fill(&rows, LANCZOS, down, memory, &taps[0]) &&
               taps_fill(&columns, LANCZOS, across, memory + first, &taps[1]) &&
               resize(view, 0, 0, &taps[0], &taps[1], way, to, memory + first + second, between) == NULL;
    free(memory);
    return done;
}

/* Returns the value that half of the values, one less, come before. */
static double lower_median(double *values, int count) {
    int low = 0, high = count - 1, middle = count / 2 - 1;
    while (low < high) {
        double pivot = values[middle];
        int left = low, right = high;
        while (left <= right) {
            while (values[left] < pivot) left++;
            while (values[right] > pivot) right--;
            if (left > right) break;
            double kept = values[left];
            values[left++] = values[right];
            values[right--] = kept;
        }
        if (right < middle) low = left;
        if (left > middle) high = right;
    }
    return values[middle];
}

/* The cosines of the even and of the odd frequencies, by sample: only of the first half, since those of the other are the same, or the
   same with the other sign. */
struct basis {
    double even[MOST_SAMPLES / 2][MOST_BITS / 2], odd[MOST_SAMPLES / 2][MOST_BITS / 2];
};

static void fill_basis(int bits, struct basis *basis) {
    int step = MOST_SAMPLES / (OVERSAMPLING * bits);
    for (int at = 0; at < OVERSAMPLING * bits / 2; at++)
        for (int bit = 0; bit < MOST_BITS / 2; bit++) {
            basis->even[at][bit] = 2.0 * cosine(2 * bit * (2 * at + 1) * step);
            basis->odd[at][bit] = 2.0 * cosine((2 * bit + 1) * (2 * at + 1) * step);
        }
}

/* Adds up (samples / 2, samples) values by the cosines of some frequencies, a row of `sums` each. */
static void transform_rows(const double (*cosines)[MOST_BITS / 2], int bits, const double *values, int samples,
                           double (*sums)[MOST_SAMPLES]) {
    for (int bit = 0; bit < bits; bit++)
        for (int x = 0; x < samples; x++) {
            double sum = 0.0;
            for (int at = 0; at < samples / 2; at++) sum += cosines[at][bit] * values[at * samples + x];
            sums[bit][x] = sum;
        }
}

/* Adds up a row of (samples / 2) values by the cosines of eight frequencies. */
static void transform_row(const double (*cosines)[MOST_BITS / 2], const double *values, int samples, double *sums) {
    for (int bit = 0; bit < MOST_BITS / 2; bit++) {
        double sum = 0.0;
        for (int at = 0; at < samples / 2; at++) sum += cosines[at][bit] * values[at];
        sums[bit] = sum;
    }
}

#ifdef AVX2
#define LANES 4
#define BESIDE 4 /* registers of sums */

/* The same, many sums at once, each in the same order. */
static __attribute__((target("avx2"))) void transform_rows_wide(const double (*cosines)[MOST_BITS / 2], int bits, const double *values,
                                                                int samples, double (*sums)[MOST_SAMPLES]) {
    for (int bit = 0; bit < bits; bit += 2)
        for (int start = 0; start < samples; start += LANES * BESIDE) {
            __m256d one[BESIDE], other[BESIDE];
            for (int lane = 0; lane < BESIDE; lane++) one[lane] = other[lane] = _mm256_setzero_pd();
            for (int at = 0; at < samples / 2; at++) {
                __m256d first = _mm256_set1_pd(cosines[at][bit]), second = _mm256_set1_pd(cosines[at][bit + 1]);
                for (int lane = 0; lane < BESIDE; lane++) {
                    __m256d row = _mm256_loadu_pd(values + at * samples + start + lane * LANES);
                    one[lane] = _mm256_add_pd(one[lane], _mm256_mul_pd(first, row));
                    other[lane] = _mm256_add_pd(other[lane], _mm256_mul_pd(second, row));
                }
            }
            for (int lane = 0; lane < BESIDE; lane++) {
                _mm256_storeu_pd(sums[bit] + start + lane * LANES, one[lane]);
                _mm256_storeu_pd(sums[bit + 1] + start + lane * LANES, other[lane]);
            }
        }
}

static __attribute__((target("avx2"))) void transform_row_wide(const double (*cosines)[MOST_BITS / 2], const double *values, int samples,
                                                               double *sums) {
    __m256d low = _mm256_setzero_pd(), high = low;
    for (int at = 0; at < samples / 2; at++) {
        __m256d value = _mm256_set1_pd(values[at]);
        low = _mm256_add_pd(low, _mm256_mul_pd(value, _mm256_loadu_pd(cosines[at])));
        high = _mm256_add_pd(high, _mm256_mul_pd(value, _mm256_loadu_pd(cosines[at] + LANES)));
    }
    _mm256_storeu_pd(sums, low);
    _mm256_storeu_pd(sums + LANES, high);
}
#endif

/* The functions above, as this processor has them. */
struct transforms {
    void (*rows)(const double (*)[MOST_BITS / 2], int, const double *, int, double (*)[MOST_SAMPLES]);
    void (*row)(const double (*)[MOST_BITS / 2], const double *, int, double *);
};

static struct transforms transforms(void) {
#ifdef AVX2
    if (__builtin_cpu_supports("avx2")) return (struct transforms){transform_rows_wide, transform_row_wide};
#endif
    return (struct transforms){transform_rows, transform_row};
}

static double millionths(double value) { return (value * MILLIONTHS + ROUND) - ROUND; }

/* Fills (bits) frequencies of (samples) values, in millionths. */
static void transform_values(const struct transforms *way, const struct basis *basis, const double *values, int bits, double *low) {
    double sums[MOST_SAMPLES / 2], differences[MOST_SAMPLES / 2], even[MOST_BITS / 2], odd[MOST_BITS / 2];
    int samples = OVERSAMPLING * bits;
    for (int at = 0; at < samples / 2; at++) {
        sums[at] = values[at] + values[samples - 1 - at];
        differences[at] = values[at] - values[samples - 1 - at];
    }
    way->row(basis->even, sums, samples, even);
    way->row(basis->odd, differences, samples, odd);
    for (int bit = 0; bit < bits; bit++) low[bit] = millionths(bit % 2 ? odd[bit / 2] : even[bit / 2]);
}

/* Folds rows of samples onto the first half of them: sums and differences, both exact. */
WIDE static void fold(const uint8_t *pixels, int samples, double *sums, double *differences) {
    for (int y = 0; y < samples / 2; y++) {
        const uint8_t *one = pixels + y * samples, *other = pixels + (samples - 1 - y) * samples;
        for (int x = 0; x < samples; x++) {
            sums[y * samples + x] = one[x] + other[x];
            differences[y * samples + x] = one[x] - other[x];
        }
    }
}

/* Fills (bits, bits) millionths of the lowest frequencies of (samples, samples) pixels. */
static void transform(const uint8_t *pixels, int bits, double *low) {
    double sums[MOST_SAMPLES / 2 * MOST_SAMPLES] = {0.0}, differences[MOST_SAMPLES / 2 * MOST_SAMPLES] = {0.0};
    double even[MOST_BITS / 2][MOST_SAMPLES], odd[MOST_BITS / 2][MOST_SAMPLES];
    int samples = OVERSAMPLING * bits;
    struct basis basis;
    struct transforms way = transforms();
    fill_basis(bits, &basis);
    fold(pixels, samples, sums, differences);
    way.rows(basis.even, bits / 2, sums, samples, even);
    way.rows(basis.odd, bits / 2, differences, samples, odd);
    for (int bit = 0; bit < bits; bit++) transform_values(&way, &basis, bit % 2 ? odd[bit / 2] : even[bit / 2], bits, low + bit * bits);
}

static int phash(struct pixels view, const struct wanted *wanted, int bits, uint8_t *hash) {
    uint8_t pixels[MOST_SAMPLES * MOST_SAMPLES];
    double low[MOST_BITS * MOST_BITS], ordered[MOST_BITS * MOST_BITS];
    if (!thumbnail(view, wanted, OVERSAMPLING * bits, OVERSAMPLING * bits, pixels)) return 0;
    transform(pixels, bits, low);
    memcpy(ordered, low, sizeof low);
    double median = lower_median(ordered, bits * bits); /* what is above the mean of the two middle ones is above the lower */
    for (int at = 0; at < bits * bits; at++) hash[at / 8] |= (uint8_t)((low[at] > median) << (7 - at % 8));
    return 1;
}

static int dhash(struct pixels view, const struct wanted *wanted, int bits, uint8_t *hash) {
    uint8_t pixels[MOST_BITS * (MOST_BITS + 1)];
    if (!thumbnail(view, wanted, bits, bits + 1, pixels)) return 0;
    for (int at = 0; at < bits * bits; at++) {
        const uint8_t *pixel = pixels + at / bits * (bits + 1) + at % bits;
        hash[at / 8] |= (uint8_t)((pixel[1] > pixel[0]) << (7 - at % 8));
    }
    return 1;
}

static int average_hash(struct pixels view, const struct wanted *wanted, int bits, uint8_t *hash) {
    uint8_t pixels[MOST_BITS * MOST_BITS];
    int sum = 0;
    if (!thumbnail(view, wanted, bits, bits, pixels)) return 0;
    for (int at = 0; at < bits * bits; at++) sum += pixels[at];
    for (int at = 0; at < bits * bits; at++) hash[at / 8] |= (uint8_t)((pixels[at] * bits * bits > sum) << (7 - at % 8));
    return 1;
}

enum found hash_gray(struct pixels view, const struct wanted *wanted, struct record *record) {
    const struct {
        int bit, bits;
        int (*hash)(struct pixels, const struct wanted *, int, uint8_t *);
        uint8_t *out;
    } hashes[] = {
        {PHASH64, 8, phash, record->phash64},
        {PHASH256, 16, phash, record->phash256},
        {DHASH64, 8, dhash, record->dhash64},
        {DHASH256, 16, dhash, record->dhash256},
        {AVERAGEHASH64, 8, average_hash, record->averagehash64},
        {AVERAGEHASH256, 16, average_hash, record->averagehash256},
    };
    for (size_t at = 0; at < sizeof hashes / sizeof *hashes; at++)
        if ((wanted->measures & hashes[at].bit) && !hashes[at].hash(view, wanted, hashes[at].bits, hashes[at].out)) return NO_MEMORY;
    return FOUND;
}
