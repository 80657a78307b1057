/* Upsamples chroma and converts colours, by the arithmetic of libjpeg's jdsample.c and jdcolor.c. */

#include "colour.h"

#include "wide.h"

#define FRACTION 16 /* bits */
#define FIXED(x) ((int32_t)((x) * (1 << FRACTION) + 0.5))
#define HALF (1 << (FRACTION - 1))
#define LEAST_SMOOTH 3 /* columns of chroma: fewer are repeated instead, if they are smaller across */
#define AROUND 32      /* values before and behind a line, which need not make sense */

/* How sums of three of one value and one of another are rounded: left of a place, right of it, and by how many bits. */
struct rounding {
    int16_t even, odd;
    int bits;
};

/* The code that there is in two forms. Each may read and write up to the next multiple of 16 pixels. */
struct forms {
    void (*weigh)(const uint8_t *near, const uint8_t *far, int width, uint16_t *line); /* three to one, or `near` where `far` is NULL */
    void (*smooth)(const uint16_t *line, int width, const struct rounding *rounding, uint8_t *out);
    void (*convert)(const uint8_t *luminance, const uint8_t *blue, const uint8_t *red, int width, uint8_t *rgb);
};

static inline uint8_t clamped(int32_t value) { return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value; }

static void convert_plainly(const uint8_t *luminance, const uint8_t *blue, const uint8_t *red, int width, uint8_t *rgb) {
    for (int x = 0; x < width; x++, rgb += 3) {
        int32_t y = luminance[x], cb = blue[x] - 128, cr = red[x] - 128;
        rgb[0] = clamped(y + ((FIXED(1.40200) * cr + HALF) >> FRACTION));
        rgb[1] = clamped(y + ((-FIXED(0.34414) * cb - FIXED(0.71414) * cr + HALF) >> FRACTION));
        rgb[2] = clamped(y + ((FIXED(1.77200) * cb + HALF) >> FRACTION));
    }
}

static void weigh_plainly(const uint8_t *near, const uint8_t *far, int width, uint16_t *line) {
    for (int x = 0; x < width; x++) line[x] = (uint16_t)(far == NULL ? near[x] : 3 * near[x] + far[x]);
}

/* Three of the nearer value of a line and one of the farther, rounded in one way and in the other by turns. */
static void smooth_plainly(const uint16_t *line, int width, const struct rounding *rounding, uint8_t *out) {
    for (int x = 0; x < width; x++) {
        out[2 * x] = (uint8_t)((3 * line[x] + line[x - 1] + rounding->even) >> rounding->bits);
        out[2 * x + 1] = (uint8_t)((3 * line[x] + line[x + 1] + rounding->odd) >> rounding->bits);
    }
}

#ifdef AVX2
#define NEWER __attribute__((target("avx2")))

static inline NEWER __m256i sixteen(const uint8_t *bytes) {
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)bytes));
}

static inline NEWER __m256i words_at(const uint16_t *words) { return _mm256_loadu_si256((const __m256i *)(const void *)words); }

static inline NEWER __m256i thrice(__m256i words) { return _mm256_add_epi16(words, _mm256_add_epi16(words, words)); }

static NEWER void weigh_newly(const uint8_t *near, const uint8_t *far, int width, uint16_t *line) {
    for (int x = 0; x < width; x += 16) {
        __m256i words = sixteen(near + x);
        if (far != NULL) words = _mm256_add_epi16(thrice(words), sixteen(far + x));
        _mm256_storeu_si256((__m256i *)(void *)(line + x), words);
    }
}

static NEWER void smooth_newly(const uint16_t *line, int width, const struct rounding *rounding, uint8_t *out) {
    __m256i even = _mm256_set1_epi16(rounding->even), odd = _mm256_set1_epi16(rounding->odd);
    for (int x = 0; x < width; x += 16) {
        __m256i near = thrice(words_at(line + x)), left = words_at(line + x - 1), right = words_at(line + x + 1);
        left = _mm256_srli_epi16(_mm256_add_epi16(_mm256_add_epi16(near, left), even), rounding->bits);
        right = _mm256_srli_epi16(_mm256_add_epi16(_mm256_add_epi16(near, right), odd), rounding->bits);
        _mm256_storeu_si256((__m256i *)(void *)(out + 2 * x), _mm256_or_si256(left, _mm256_slli_epi16(right, 8)));
    }
}

/* Green less luminance, but for the whole of red that is taken away apart so that the rest of its factor fits into 16 bits. */
static inline NEWER __m256i green_of(__m256i cb, __m256i cr) {
    int blue = -FIXED(0.34414), red = 65536 - FIXED(0.71414);
    __m256i factors = _mm256_set1_epi32((int)((uint32_t)red << 16 | (uint16_t)blue)), half = _mm256_set1_epi32(HALF);
    __m256i low = _mm256_add_epi32(_mm256_madd_epi16(_mm256_unpacklo_epi16(cb, cr), factors), half);
    __m256i high = _mm256_add_epi32(_mm256_madd_epi16(_mm256_unpackhi_epi16(cb, cr), factors), half);
    return _mm256_sub_epi16(_mm256_packs_epi32(_mm256_srai_epi32(low, FRACTION), _mm256_srai_epi32(high, FRACTION)), cr);
}

static inline NEWER __m256i shuffled(__m256i bytes, __m128i order) {
    return _mm256_shuffle_epi8(bytes, _mm256_broadcastsi128_si256(order));
}

/* Stores what two registers have of sixteen pixels: in each half of them red of eight and blue of eight, and green of eight twice. */
static inline NEWER void store_pixels(__m256i outer, __m256i inner, uint8_t *rgb) {
    const int no = -128; /* gives a zero */
    __m256i first = _mm256_or_si256(shuffled(outer, _mm_setr_epi8(0, no, 8, 1, no, 9, 2, no, 10, 3, no, 11, 4, no, 12, 5)),
                                    shuffled(inner, _mm_setr_epi8(no, 0, no, no, 1, no, no, 2, no, no, 3, no, no, 4, no, no)));
    __m256i second = _mm256_or_si256(shuffled(outer, _mm_setr_epi8(no, 13, 6, no, 14, 7, no, 15, no, no, no, no, no, no, no, no)),
                                     shuffled(inner, _mm_setr_epi8(5, no, no, 6, no, no, 7, no, no, no, no, no, no, no, no, no)));
    _mm_storeu_si128((__m128i *)(void *)rgb, _mm256_castsi256_si128(first));
    _mm_storel_epi64((__m128i *)(void *)(rgb + 16), _mm256_castsi256_si128(second));
    _mm_storeu_si128((__m128i *)(void *)(rgb + 24), _mm256_extracti128_si256(first, 1));
    _mm_storel_epi64((__m128i *)(void *)(rgb + 40), _mm256_extracti128_si256(second, 1));
}

/* Sixteen pixels at once, of which the last may overlap those before. The products of one factor, less whole multiples of it, are
   rounded in 15 bits, which gives the same for all values that there are. */
static NEWER void convert_newly(const uint8_t *luminance, const uint8_t *blue, const uint8_t *red, int width, uint8_t *rgb) {
    const __m256i of_red = _mm256_set1_epi16(13173), of_blue = _mm256_set1_epi16(-7471), middle = _mm256_set1_epi16(128);
    if (width < 16) {
        convert_plainly(luminance, blue, red, width, rgb);
        return;
    }
    for (int done = 0; done < width; done += 16) {
        int x = done + 16 <= width ? done : width - 16;
        __m256i y = sixteen(luminance + x), cb = _mm256_sub_epi16(sixteen(blue + x), middle);
        __m256i cr = _mm256_sub_epi16(sixteen(red + x), middle);
        __m256i r = _mm256_add_epi16(_mm256_add_epi16(y, cr), _mm256_mulhrs_epi16(cr, of_red));
        __m256i g = _mm256_add_epi16(y, green_of(cb, cr));
        __m256i b = _mm256_add_epi16(_mm256_add_epi16(y, _mm256_add_epi16(cb, cb)), _mm256_mulhrs_epi16(cb, of_blue));
        store_pixels(_mm256_packus_epi16(r, b), _mm256_packus_epi16(g, g), rgb + 3 * (ptrdiff_t)x);
    }
}
#endif

static struct forms forms_of(int plain) {
#ifdef AVX2
    if (!plain && __builtin_cpu_supports("avx2")) return (struct forms){weigh_newly, smooth_newly, convert_newly};
#endif
    (void)plain;
    return (struct forms){weigh_plainly, smooth_plainly, convert_plainly};
}

static void repeat(const uint8_t *row, int width, uint8_t *out) {
    for (int x = 0; x < width; x++) out[2 * x] = out[2 * x + 1] = row[x];
}

static void smooth_down(const uint8_t *near, const uint8_t *far, int width, int bias, uint8_t *out) {
    for (int x = 0; x < width; x++) out[x] = (uint8_t)((3 * near[x] + far[x] + bias) >> 2);
}

static const uint8_t *row_at(const struct plane *plane, int y, int column) {
    return plane->first + y % plane->lines * plane->stride + (column - plane->left);
}

static size_t values_of(int width) { return (size_t)width / 2 + 2 + 2 * AROUND; } /* of a line of chroma, with its neighbours */

size_t colour_memory(int width) { return values_of(width) * sizeof(uint16_t) + 2 * ((size_t)width + 2 + 2 * AROUND); }

/* Interpolates columns of chroma across, and down where there is another row, into twice as many. */
static void smooth(const struct forms *forms, const uint8_t *near, const uint8_t *far, struct span columns, int all, uint16_t *line,
                   uint8_t *out) {
    static const struct rounding ACROSS = {1, 2, 2}, BOTH = {8, 7, 4};
    int before = columns.start > 0, behind = columns.start + columns.length < all;
    forms->weigh(near - before, far == NULL ? NULL : far - before, before + columns.length + behind, line - before);
    if (!before) line[-1] = line[0];
    if (!behind) line[columns.length] = line[columns.length - 1];
    forms->smooth(line, columns.length, far == NULL ? &ACROSS : &BOTH, out);
}

/* Returns some columns of a row of chroma at the size of the image: of the plane itself, or made anew. */
static const uint8_t *row_of(const struct colour_planes *colours, const struct forms *forms, const struct plane *chroma, int y,
                             struct span span, uint8_t *row) {
    int across = colours->sampling.across, down = colours->sampling.down, is_smooth = colours->sampling.is_smooth;
    int at = y / down, other = y % down ? at + 1 : at - 1; /* the nearest row and the next nearest */
    if (other < 0) other = 0;
    if (other >= chroma->height) other = chroma->height - 1;
    int start = span.start / across, stop = (span.start + span.length - 1) / across + 1;
    const uint8_t *near = row_at(chroma, at, start), *far = row_at(chroma, other, start);
    if (across == 1 && (down == 1 || !is_smooth)) return near;
    if (across == 1)
        smooth_down(near, far, stop - start, y % 2 ? 2 : 1, row);
    else if (!is_smooth || chroma->width < LEAST_SMOOTH)
        repeat(near, stop - start, row);
    else
        smooth(forms, near, down == 1 ? NULL : far, (struct span){start, stop - start}, chroma->width,
               (uint16_t *)colours->memory + AROUND, row);
    return row + (span.start - start * across);
}

static void repeat_thrice(const uint8_t *row, int width, uint8_t *rgb) {
    for (int x = 0; x < width; x++, rgb += 3) rgb[0] = rgb[1] = rgb[2] = row[x];
}

void colour_fill(const struct colour_planes *colours, int top, int left, int start, int stop, struct pixels rgb) {
    struct forms forms = forms_of(colours->sampling.plain);
    struct span span = {left, rgb.width};
    uint8_t *rows = (uint8_t *)colours->memory + values_of(rgb.width) * sizeof(uint16_t);
    for (int y = top + start; y < top + stop; y++) {
        const uint8_t *luminance = row_at(&colours->planes[0], y, left);
        uint8_t *out = rgb.first + (y - top) * rgb.stride;
        if (colours->count == 1) {
            repeat_thrice(luminance, rgb.width, out);
            continue;
        }
        const uint8_t *blue = row_of(colours, &forms, &colours->planes[1], y, span, rows);
        const uint8_t *red = row_of(colours, &forms, &colours->planes[2], y, span, rows + rgb.width + 2 + 2 * AROUND);
        forms.convert(luminance, blue, red, rgb.width, out);
    }
}
