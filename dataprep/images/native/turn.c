/* Turns and mirrors images by reading them in another order. See turn.h; the same in Python is `upright` in images/views.py. */

#include "turn.h"

#include <string.h>

struct turn turn_of(int orientation) {
    return (struct turn){orientation >= 5, orientation == 3 || orientation == 4 || orientation >= 7,
                         orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7};
}

/* Copies pixels of so many channels, which are read `down` and `across` bytes apart. */
static inline void copy(const uint8_t *first, ptrdiff_t down, ptrdiff_t across, struct pixels to, int channels) {
    for (int y = 0; y < to.height; y++)
        for (int x = 0; x < to.width; x++)
            memcpy(to.first + y * to.stride + x * channels, first + y * down + x * across, (size_t)channels);
}

void turn_upright(struct pixels from, struct turn turn, struct pixels to) {
    ptrdiff_t down = turn.transposed ? from.channels : from.stride, across = turn.transposed ? from.stride : from.channels;
    const uint8_t *first = from.first + (turn.down ? (to.height - 1) * down : 0) + (turn.across ? (to.width - 1) * across : 0);
    if (turn.down) down = -down;
    if (turn.across) across = -across;
    if (from.channels == 1)
        copy(first, down, across, to, 1);
    else
        copy(first, down, across, to, 3);
}
