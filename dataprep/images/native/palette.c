/* Tells colours apart by a bit for each of the 16 million that there are. See palette.h. */

#include "palette.h"
#include "wide.h"

#include <string.h>

static inline uint32_t colour_at(const uint8_t *at) { return (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2]; }

#if defined(__GNUC__)
static inline uint32_t ones(uint64_t word) { return (uint32_t)__builtin_popcountll(word); }
static inline int lowest(uint64_t word) { return __builtin_ctzll(word); }
#else
static inline uint32_t ones(uint64_t word) {
    uint32_t count = 0;
    for (; word; word &= word - 1) count++;
    return count;
}
static inline int lowest(uint64_t word) { return (int)ones((word & -word) - 1); }
#endif

static void mark(struct pixels image, uint64_t *has) {
    for (int y = 0; y < image.height; y++) {
        const uint8_t *at = image.first + y * image.stride;
        for (int x = 0; x < image.width; x++, at += 3) {
            uint32_t colour = colour_at(at);
            has[colour >> 6] |= (uint64_t)1 << (colour & 63);
        }
    }
}

size_t palette_find(struct pixels image, size_t most, struct palette *palette, uint8_t *colours) {
    size_t count = 0;
    memset(palette->has, 0, sizeof palette->has);
    mark(image, palette->has);
    for (uint32_t place = 0; place < PALETTE_WORDS; place++) {
        palette->before[place] = (uint32_t)count;
        for (uint64_t left = palette->has[place]; left; left &= left - 1) {
            uint32_t colour = place << 6 | (uint32_t)lowest(left);
            if (count == most) return 0;
            memcpy(colours + 3 * count++, (uint8_t[3]){(uint8_t)(colour >> 16), (uint8_t)(colour >> 8), (uint8_t)colour}, 3);
        }
    }
    return count;
}

WIDE static int paint(struct pixels image, const struct palette *palette, const uint8_t *colours, size_t count, struct pixels out) {
    for (int y = 0; y < image.height; y++) {
        const uint8_t *at = image.first + y * image.stride;
        uint8_t *to = out.first + y * out.stride;
        for (int x = 0; x < image.width; x++, at += 3, to += 3) {
            uint32_t colour = colour_at(at);
            uint64_t below = palette->has[colour >> 6] & (((uint64_t)1 << (colour & 63)) - 1);
            size_t number = (size_t)palette->before[colour >> 6] + ones(below);
            if (number >= count) return 0;
            memcpy(to, colours + 3 * number, 3);
        }
    }
    return 1;
}

int palette_paint(struct pixels image, const struct palette *palette, const uint8_t *colours, size_t count, struct pixels out) {
    return paint(image, palette, colours, count, out);
}
