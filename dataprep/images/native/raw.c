/* The pixels of a portable pixmap. See raw.h; the same in Python is `_view` in images/decode.py.

   Only headers as encoders write them are taken: "P6\n", width, " ", height, "\n255\n". All others are left to Pillow. */

#include "raw.h"

#include <string.h>

/* Reads a number from 1 to MOST_PIXELS and the byte behind it; returns where both end, 0 where there is none. */
static size_t read_number(const uint8_t *data, size_t at, size_t size, uint8_t end, int *number) {
    if (at >= size || data[at] < '1') return 0; /* nor begins it with a zero */
    for (*number = 0; at < size && data[at] >= '0' && data[at] <= '9'; at++) {
        *number = 10 * *number + (data[at] - '0');
        if (*number > MOST_PIXELS) return 0;
    }
    return *number > 0 && at < size && data[at] == end ? at + 1 : 0;
}

int raw_open(const void *data, size_t size, struct pixels *pixels) {
    const uint8_t *bytes = data;
    int height, width;
    if (size < 3 || memcmp(bytes, "P6\n", 3) != 0) return 0;
    size_t at = read_number(bytes, 3, size, ' ', &width);
    if (at == 0 || (at = read_number(bytes, at, size, '\n', &height)) == 0) return 0;
    if (size - at < 4 || memcmp(bytes + at, "255\n", 4) != 0) return 0;
    at += 4;
    if ((size - at) / 3 / (size_t)width < (size_t)height) return 0;
    *pixels = (struct pixels){(uint8_t *)bytes + at, 3 * (ptrdiff_t)width, height, width, 3};
    return 1;
}
