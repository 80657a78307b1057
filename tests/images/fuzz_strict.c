/* Decodes what comes over standard input by the strict decoder, with sanitizers, for fuzz_strict.py.

   Of each file come its length and the modes as bits, of 4 bytes each in the order of the machine, and its bytes; of each mode go
   whether it was taken, height, width, and the pixels. The code that some processors have and the code for all have to agree. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strict.h"

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

int main(void) {
    uint32_t size, modes;
    while (fread(&size, sizeof size, 1, stdin) == 1 && fread(&modes, sizeof modes, 1, stdin) == 1) {
        uint8_t *data = malloc(size ? size : 1); /* of its own, so that a read behind it is seen */
        struct head head;
        check(data != NULL && fread(data, 1, size, stdin) == size, "a file is cut");
        int known = head_read(data, size, &head);
        if (known) head_scans(data, size, &head, 100);
        for (size_t mode = 0; mode < sizeof MODES / sizeof *MODES; mode++)
            if (modes >> mode & 1) answer(data, size, known ? &head : NULL, MODES[mode].gray, MODES[mode].rgb);
        fflush(stdout);
        free(data);
    }
    return 0;
}
