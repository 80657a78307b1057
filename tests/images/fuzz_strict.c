/* Decodes what comes over standard input by the strict decoder, with sanitizers, for fuzz_strict.py.

   Of each file come its length, the modes as bits and a seed, of 4 bytes each in the order of the machine, and its bytes; of each mode
   go whether it was taken, height, width, and the pixels; and then, of some boxes by chance, how many were taken. The code that some
   processors have and the code for all have to agree, and on boxes libjpeg too, if this was compiled with it (LIBJPEG). */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "part.h"
#include "strict.h"

#define BOXES 4

static const struct {
    int gray, rgb;
} MODES[] = {{1, 0}, {2, 0}, {4, 0}, {8, 0}, {0, 1}, {0, 2}, {0, 4}, {0, 8}, {2, 8}, {8, 1}};

static void check(int right, const char *rule) {
    if (right) return;
    fprintf(stderr, "%s\n", rule);
    abort();
}

static void put(uint32_t number) { check(fwrite(&number, sizeof number, 1, stdout) == 1, "nobody reads"); }

static int are_same(struct pixels one, struct pixels other) {
    size_t size = (size_t)one.width * (size_t)one.channels;
    if (one.height != other.height || one.width != other.width) return 0;
    for (int y = 0; y < one.height; y++)
        if (memcmp(one.first + y * one.stride, other.first + y * other.stride, size) != 0) return 0;
    return 1;
}

static void put_plane(struct pixels plane, int scale) {
    size_t size = (size_t)plane.width * (size_t)plane.channels;
    if (scale == 0) return;
    put((uint32_t)plane.height);
    put((uint32_t)plane.width);
    for (int y = 0; y < plane.height; y++) check(fwrite(plane.first + y * plane.stride, 1, size, stdout) == size, "nobody reads");
}

static void answer(const uint8_t *data, size_t size, const struct head *head, int gray, int rgb) {
    struct strict_planes newer = {.gray_scale = gray, .rgb_scale = rgb}, plain = {.gray_scale = gray, .rgb_scale = rgb, .plain = 1};
    int taken = head != NULL && strict_decode(data, size, head, &newer);
    check(taken == (head != NULL && strict_decode(data, size, head, &plain)), "one processor takes what another does not");
    put((uint32_t)taken);
    if (!taken) return;
    check(gray == 0 || are_same(newer.gray, plain.gray), "luminance depends on the processor");
    check(rgb == 0 || are_same(newer.rgb, plain.rgb), "colours depend on the processor");
    put_plane(newer.gray, gray);
    put_plane(newer.rgb, rgb);
    strict_free(&newer);
    strict_free(&plain);
}

/* A number below another one, by chance. */
static int below(uint32_t *seed, int most) {
    *seed = *seed * 1664525u + 1013904223u;
    return (int)((uint64_t)(*seed >> 8) * (uint64_t)most >> 24);
}

/* A stretch of a side, which begins and ends at its edges more often than others do. */
static void draw_span(uint32_t *seed, int side, int *start, int *length) {
    *start = below(seed, 3) == 0 ? 0 : below(seed, side);
    *length = below(seed, 3) == 0 ? side - *start : 1 + below(seed, below(seed, 2) ? side - *start : 1);
}

/* Whether libjpeg takes a box, too, and makes the same of it. */
static int libjpeg_agrees(const uint8_t *data, size_t size, const struct head *head, struct box box, int to_end, struct pixels made) {
#ifdef LIBJPEG
    struct rows rows = {NULL, 3 * (size_t)head->width * (size_t)box.height, 0, 0};
    rows.first = malloc(rows.size);
    check(rows.first != NULL, "no memory");
    int agrees = part_decode(data, size, box, to_end, &rows);
    if (agrees) {
        uint8_t *first = rows.first + 3 * (ptrdiff_t)(box.left - rows.start);
        agrees = are_same(made, (struct pixels){first, 3 * (ptrdiff_t)rows.wide, box.height, box.width, 3});
    }
    free(rows.first);
    return agrees;
#else
    (void)data, (void)size, (void)head, (void)box, (void)to_end, (void)made;
    return 1;
#endif
}

/* Decodes a box in both ways into memory of its very size; returns whether it was taken. */
static int try_box(const uint8_t *data, size_t size, const struct head *head, struct box box, int to_end) {
    struct pixels newer = {NULL, 3 * (ptrdiff_t)box.width, box.height, box.width, 3}, plain = newer;
    size_t bytes = (size_t)box.height * (size_t)newer.stride;
    newer.first = malloc(bytes);
    plain.first = malloc(bytes);
    check(newer.first != NULL && plain.first != NULL, "no memory");
    int taken = strict_part(data, size, head, box, to_end, 0, newer);
    check(taken == strict_part(data, size, head, box, to_end, 1, plain), "one processor takes a box that another does not");
    if (taken) {
        check(are_same(newer, plain), "a box depends on the processor");
        check(libjpeg_agrees(data, size, head, box, to_end, newer), "libjpeg makes something else of a box");
    }
    free(newer.first);
    free(plain.first);
    return taken;
}

static void answer_boxes(const uint8_t *data, size_t size, const struct head *head, uint32_t seed) {
    uint32_t taken = 0;
    for (int one = 0; head != NULL && one < BOXES && (int64_t)head->height * head->width < 1 << 24; one++) {
        struct box box;
        draw_span(&seed, head->height, &box.top, &box.height);
        draw_span(&seed, head->width, &box.left, &box.width);
        int is_whole = box.height == head->height && box.width == head->width;
        taken += (uint32_t)try_box(data, size, head, box, is_whole);
    }
    put(taken);
}

int main(void) {
    uint32_t size, modes, seed;
    while (fread(&size, sizeof size, 1, stdin) == 1 && fread(&modes, sizeof modes, 1, stdin) == 1 &&
           fread(&seed, sizeof seed, 1, stdin) == 1) {
        uint8_t *data = malloc(size ? size : 1); /* of its own, so that a read behind it is seen */
        struct head head;
        check(data != NULL && fread(data, 1, size, stdin) == size, "a file is cut");
        int known = head_read(data, size, &head);
        if (known) head_scans(data, size, &head, 100);
        for (size_t mode = 0; mode < sizeof MODES / sizeof *MODES; mode++)
            if (modes >> mode & 1) answer(data, size, known ? &head : NULL, MODES[mode].gray, MODES[mode].rgb);
        answer_boxes(data, size, known ? &head : NULL, seed);
        fflush(stdout);
        free(data);
    }
    return 0;
}
