/* Makes tables of a profile, by the steps and the roundings of Little CMS 2 (cmsopt.c: OptimizeMatrixShaper). See shaper.h. */

#include "shaper.h"
#include "wide.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))
#define HEADER 128   /* bytes, then the number of tags */
#define MOST_TAGS 99 /* more is not read there */
#define MOST_POINTS 4096
#define XYZ_RANGE (1.0 + 32767.0 / 32768.0) /* the largest value in the space between profiles */
#define MOST_WEIGHT 32767                   /* in 14 bits; three products of it and full light fit 32 bits */
#define NEARLY_ONE 1.6e-5                   /* a matrix that is off the unit one by less, 1 of 65535, is left out there */
#define ALIKE 3                             /* levels; as WHITE and BLACK as in images/profiles.py */
#define WHITE 192
#define BLACK 64

struct bytes {
    const uint8_t *data;
    size_t size;
};

/* From XYZ to linear sRGB: the inverse of the colorants that Little CMS gives its own profile. */
static const double TO_SRGB[3][3] = {
    {3.1341863642368204, -1.6172089589982754, -0.49069406400638405},
    {-0.9787485041906939, 1.9161300967735855, 0.03343339915999552},
    {0.07196392780224677, -0.22899387345320313, 1.4057537328964438},
};

static uint32_t big16(const uint8_t *at) { return (uint32_t)at[0] << 8 | at[1]; }
static uint32_t big32(const uint8_t *at) { return big16(at) << 16 | big16(at + 2); }
static double fixed(const uint8_t *at) { return (double)(int32_t)big32(at) / 65536.0; }
static int to_fourteen(double value) { return (int)floor(value * SHAPER_LIGHT + 0.5); }

/* A level or light of 0 to 1 in 16 bits; what is all but the next number there counts as that. */
static uint32_t to_sixteen(double value) {
    double scaled = value * 65535.0 + 0.5;
    return scaled <= 0 ? 0 : scaled >= 65535.0 ? 65535 : (uint32_t)((llrint((scaled - 32767.0) * 65536.0) >> 16) + 32767);
}

/* Finds a tag of some bytes or more; nothing where it is not there, or not of this kind. */
static struct bytes tag_of(struct bytes profile, uint32_t name, size_t least, uint32_t kind) {
    uint32_t tags = big32(profile.data + HEADER);
    for (const uint8_t *tag = profile.data + HEADER + 4; tags > 0; tags--, tag += 12) {
        size_t start = big32(tag + 4), size = big32(tag + 8);
        if (big32(tag) != name) continue;
        if (start < HEADER || start > profile.size || profile.size - start < size || size < least) break;
        if (kind && big32(profile.data + start) != kind) break;
        return (struct bytes){profile.data + start, size};
    }
    return (struct bytes){NULL, 0};
}

/* Whether it is a profile of RGB whose tags are those of a matrix and curves, each there once. */
static int is_plain(struct bytes profile) {
    if (profile.size < HEADER + 4 || profile.data[8] < 2 || profile.data[8] > 4) return 0;
    uint32_t class = big32(profile.data + 12), tags = big32(profile.data + HEADER);
    if (class != NAME('m', 'n', 't', 'r') && class != NAME('s', 'c', 'n', 'r') && class != NAME('s', 'p', 'a', 'c')) return 0;
    if (big32(profile.data + 16) != NAME('R', 'G', 'B', ' ') || big32(profile.data + 20) != NAME('X', 'Y', 'Z', ' ')) return 0;
    if (big32(profile.data + 36) != NAME('a', 'c', 's', 'p') || big32(profile.data) != profile.size) return 0;
    if (tags > MOST_TAGS || profile.size - HEADER - 4 < 12 * (size_t)tags) return 0;
    const uint8_t *first = profile.data + HEADER + 4;
    for (uint32_t one = 0; one < tags; one++) {
        uint32_t name = big32(first + 12 * one), group = name & 0xFFFFFF00;
        if (group == NAME('A', '2', 'B', 0) || group == NAME('D', '2', 'B', 0)) return 0;
        for (uint32_t other = 0; other < one; other++)
            if (big32(first + 12 * other) == name) return 0;
    }
    return 1;
}

/* A curve by points, at a level. */
static double by_points(const uint8_t *points, uint32_t count, int level) {
    uint32_t place = (count - 1) * 257 * (uint32_t)level, exact = place + (place + 0x7FFF) / 0xFFFF;
    const uint8_t *at = points + 2 * (exact >> 16);
    if (level == 255) return big16(points + 2 * (count - 1)) / 65535.0;
    int32_t low = (int32_t)big16(at), rise = (int32_t)big16(at + 2) - low;
    return (double)(low + (int32_t)(((int64_t)rise * (exact & 0xFFFF) + 0x8000) >> 16)) / 65535.0;
}

/* A curve by a formula of ICC, from 0 to 4, at a value; its numbers are g, a, b, c, d, e, f. */
static double by_formula(uint32_t formula, const double *number, double value) {
    static const double none = 0;
    double g = number[0], a = number[1], b = number[2];
    const double *c = formula > 1 ? number + 3 : &none;
    if (formula == 0) return pow(value, g);
    double begins = formula < 3 ? fmax(-b / a, formula == 2 ? 0 : -INFINITY) : number[4];
    double base = a * value + b, power = base > 0 ? pow(base, g) : 0;
    if (formula < 3) return value < begins ? *c : base > 0 ? power + *c : 0;
    if (value < begins) return *c * value + (formula == 4 ? number[6] : 0);
    return power + (formula == 4 ? number[5] : 0);
}

/* Fills what linear light each level is, in 14 bits; 0 is "not mine". */
static int read_curve(struct bytes tag, int32_t light[256]) {
    static const uint32_t numbers[] = {1, 3, 4, 5, 7};
    double number[7] = {0};
    uint32_t kind = big32(tag.data), count = big32(tag.data + 8), formula = 0;
    int points = kind == NAME('c', 'u', 'r', 'v') && count > 1;
    if (kind == NAME('c', 'u', 'r', 'v')) {
        if (count > MOST_POINTS || tag.size < 12 + 2 * (size_t)count) return 0;
        number[0] = count == 1 ? big16(tag.data + 12) / 256.0 : 1.0;
    } else {
        formula = big16(tag.data + 8);
        if (kind != NAME('p', 'a', 'r', 'a') || formula > 4 || tag.size < 12 + 4 * (size_t)numbers[formula]) return 0;
        for (uint32_t one = 0; one < numbers[formula]; one++) number[one] = fixed(tag.data + 12 + 4 * one);
        if (formula && !(fabs(number[1]) > 1e-3)) return 0;
    }
    for (int level = 0; level < 256; level++) {
        double value = (double)(float)(level / 255.0);
        float found = (float)(points ? by_points(tag.data + 12, count, level) : by_formula(formula, number, value));
        if (!(found >= 0 && found <= 1) || (level == 0 && found != 0)) return 0;
        light[level] = to_fourteen(found);
    }
    return 1;
}

static double linear(double level) { return level <= 0.04045 ? level / 12.92 : pow((level + 0.055) / 1.055, 2.4); }

/* The level of sRGB of a light in 14 bits. */
static int level_of(int light) {
    double value = (double)(float)(light / (double)SHAPER_LIGHT), turn = pow(1 / 1.055 * 0.04045 + 0.055 / 1.055, 2.4);
    double exact = value >= turn ? (pow(value, 1 / 2.4) - 0.055 / 1.055) / (1 / 1.055) : value / (1 / 12.92);
    return (int)((to_sixteen((double)(float)exact) * 65281 + 8388608) >> 24);
}

static void fill_levels(uint8_t levels[SHAPER_LIGHT + 1]) {
    int from = 0;
    for (int level = 1; level < 256; level++) {
        int light = to_fourteen(linear((level - 0.5) / 255)); /* where about it begins */
        while (level_of(light) >= level) light--;
        while (level_of(light) < level) light++;
        memset(levels + from, level - 1, (size_t)(light - from));
        from = light;
    }
    memset(levels + from, 255, (size_t)(SHAPER_LIGHT + 1 - from));
}

/* Finds the matrix from linear RGB to linear sRGB, in 14 bits; 0 is "not mine". */
static int read_matrix(struct bytes profile, int32_t matrix[3][3]) {
    static const uint32_t names[3] = {NAME('r', 'X', 'Y', 'Z'), NAME('g', 'X', 'Y', 'Z'), NAME('b', 'X', 'Y', 'Z')};
    int unit = 1;
    for (int from = 0; from < 3; from++) {
        struct bytes tag = tag_of(profile, names[from], 20, NAME('X', 'Y', 'Z', ' '));
        if (tag.data == NULL) return 0;
        double x[3] = {fixed(tag.data + 8), fixed(tag.data + 12), fixed(tag.data + 16)};
        for (int one = 0; one < 3; one++) x[one] *= 1.0 / XYZ_RANGE;
        for (int to = 0; to < 3; to++) {
            const double *row = TO_SRGB[to];
            double weight = row[0] * XYZ_RANGE * x[0] + row[1] * XYZ_RANGE * x[1] + row[2] * XYZ_RANGE * x[2];
            if (!(fabs(weight) * SHAPER_LIGHT < MOST_WEIGHT)) return 0;
            unit &= fabs(weight - (from == to)) < NEARLY_ONE;
            matrix[to][from] = to_fourteen(weight);
        }
    }
    return !unit;
}

int shaper_read(const uint8_t *data, size_t size, struct shaper *shaper) {
    static const uint32_t names[3] = {NAME('r', 'T', 'R', 'C'), NAME('g', 'T', 'R', 'C'), NAME('b', 'T', 'R', 'C')};
    struct bytes profile = {data, size};
    int32_t matrix[3][3], light[256];
    if (!is_plain(profile) || !read_matrix(profile, matrix)) return 0;
    for (int from = 0; from < 3; from++) {
        struct bytes tag = tag_of(profile, names[from], 12, 0);
        if (tag.data == NULL || !read_curve(tag, light)) return 0;
        for (int level = 0; level < 256; level++) {
            for (int to = 0; to < 3; to++) shaper->parts[from][level][to] = matrix[to][from] * light[level];
            shaper->parts[from][level][3] = 0;
        }
    }
    fill_levels(shaper->levels);
    return 1;
}

/* Copies so many characters, every second byte where they are wide; -1 where one is not plain. */
static int copy_plain(struct bytes text, int wide, char *name, int room) {
    int count = 0;
    for (size_t at = 0; at + (size_t)wide < text.size && count < room; at += 1 + (size_t)wide) {
        uint8_t character = text.data[at + (size_t)wide];
        if (!wide && character == 0) break;
        if (character < ' ' || character > '~' || (wide && text.data[at] != 0)) return -1;
        name[count++] = (char)character;
    }
    return count;
}

int shaper_name(const uint8_t *data, size_t size, char *name, int room) {
    struct bytes tag = tag_of((struct bytes){data, size}, NAME('d', 'e', 's', 'c'), 12, 0);
    uint32_t kind = tag.data == NULL ? 0 : big32(tag.data), count = tag.data == NULL ? 0 : big32(tag.data + 8);
    if (kind == NAME('d', 'e', 's', 'c') && count <= tag.size - 12) return copy_plain((struct bytes){tag.data + 12, count}, 0, name, room);
    if (kind != NAME('m', 'l', 'u', 'c') || count < 1 || count > 1000 || tag.size < 16 + 12 * (size_t)count) return -1;
    const uint8_t *found = tag.data + 16;
    for (uint32_t one = count; one > 0; one--) /* the first in English, or the first */
        if (big16(tag.data + 4 + 12 * one) == ('e' << 8 | 'n')) found = tag.data + 4 + 12 * one;
    size_t length = big32(found + 4), start = big32(found + 8);
    if (start < 16 + 12 * (size_t)count || start > tag.size || tag.size - start < length || length % 2) return -1;
    return copy_plain((struct bytes){tag.data + start, length}, 1, name, room);
}

static inline int clipped(int32_t light) { return light < 0 ? 0 : light > SHAPER_LIGHT ? SHAPER_LIGHT : light; }

/* Turns one colour. */
static inline void turn(const struct shaper *shaper, const uint8_t *from, uint8_t to[3]) {
    const int32_t *red = shaper->parts[0][from[0]], *green = shaper->parts[1][from[1]], *blue = shaper->parts[2][from[2]];
    int32_t light[4];
    for (int one = 0; one < 4; one++) light[one] = clipped((red[one] + green[one] + blue[one] + (SHAPER_LIGHT >> 1)) >> 14);
    for (int one = 0; one < 3; one++) to[one] = shaper->levels[light[one]];
}

WIDE static void apply(const struct shaper *shaper, struct pixels image, struct pixels out) {
    for (int y = 0; y < image.height; y++) {
        const uint8_t *from = image.first + y * image.stride;
        uint8_t *to = out.first + y * out.stride, made[3];
        for (int x = 0; x < image.width; x++, from += 3, to += out.channels) {
            turn(shaper, from, made);
            if (out.channels == 3)
                memcpy(to, made, 3);
            else /* Pillow's luminance */
                *to = (uint8_t)((19595 * made[0] + 38470 * made[1] + 7471 * made[2] + 0x8000) >> 16);
        }
    }
}

void shaper_apply(const struct shaper *shaper, struct pixels image, struct pixels out) { apply(shaper, image, out); }

/* Whether a colour stays about as it is. */
static int stays(const struct shaper *shaper, int red, int green, int blue) {
    uint8_t from[3] = {(uint8_t)red, (uint8_t)green, (uint8_t)blue}, to[3];
    turn(shaper, from, to);
    return abs(to[0] - red) <= ALIKE && abs(to[1] - green) <= ALIKE && abs(to[2] - blue) <= ALIKE;
}

enum meaning shaper_judge(const struct shaper *shaper) {
    double gray[256];
    int same = 1;
    for (int level = 0; level < 256; level++) {
        uint8_t from[3] = {(uint8_t)level, (uint8_t)level, (uint8_t)level}, to[3];
        turn(shaper, from, to);
        gray[level] = (to[0] + to[1] + to[2]) / 3.0;
        if (level && !(gray[level] - gray[level - 1] >= -ALIKE)) return SHAPER_UNFIT;
        same &= stays(shaper, level, level, level);
    }
    if (gray[255] < WHITE || gray[0] > BLACK || !(BLACK / 2.0 < gray[128] && gray[128] < (255 + WHITE) / 2.0)) return SHAPER_UNFIT;
    for (int colour = 0; colour < 4096 && same; colour++) same = stays(shaper, (colour >> 8) * 17, (colour >> 4 & 15) * 17, (colour & 15) * 17);
    return same ? SHAPER_SRGB : SHAPER_OTHER;
}
